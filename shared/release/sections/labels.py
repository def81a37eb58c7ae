"""What is measured on labelled rows: the outcome of an A/B test, and what it shares with the quality of answers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from pydantic import Field, ValidationInfo, field_validator

from shared.metrics.catalogue import Metric, find_metric
from shared.policy.sections.measured import Measured
from shared.policy.sections.quantities import AssetRef, Duration, Percent
from shared.policy.sections.signals import never_changes


class LabelledMetric(Measured):
    """A metric on the rows whose labels arrived.

    `mean` is that of the labels' own column, whatever it holds: revenue, a complaint, a click.
    """

    labels: AssetRef
    key: str = "row_id"
    label: str = "label"
    labels_within: Duration = timedelta(0)

    @field_validator("metric")
    @classmethod
    def _is_metric(cls, name: str, info: ValidationInfo) -> str:
        if name != "mean":
            find_metric(name, info.data.get("better"))
        return name

    @property
    def measure(self) -> Metric:
        return find_metric(self.metric, self.better or "higher") if self.metric == "mean" else super().measure


class OutcomeSection(LabelledMetric):
    """What is measured, and what it must be for the new version to be promoted."""

    better_by_at_least: float | None = Field(default=None, ge=0)
    worse_by_at_most: float | None = Field(default=None, gt=0)
    confidence: Percent = 95.0
    spread: float | None = Field(default=None, gt=0)


def labels_problems(labels: str) -> Iterator[tuple[str, str]]:
    if problem := never_changes(labels):
        yield "labels", problem
