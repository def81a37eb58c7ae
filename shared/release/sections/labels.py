"""What is measured on labelled rows: the outcome of an A/B test, and what it shares with the quality of answers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from pydantic import Field

from shared.domain.releases.outcome import Better, OutcomeMetric
from shared.metrics.catalogue import find_metric
from shared.policy.sections.quantities import AssetRef, Duration, Percent
from shared.policy.sections.section import Section
from shared.policy.sections.signals import never_changes


class OutcomeSection(Section):
    """What is measured on the rows whose labels arrived, and what it must be for the new version to be promoted.

    `mean` is that of the labels' own column, whatever it holds: revenue, a complaint, a click.
    """

    metric: OutcomeMetric
    labels: AssetRef
    key: str = "row_id"
    label: str = "label"
    better: Better | None = None
    better_by_at_least: float | None = Field(default=None, ge=0)
    worse_by_at_most: float | None = Field(default=None, gt=0)
    confidence: Percent = 95.0
    labels_within: Duration = timedelta(0)
    spread: float | None = Field(default=None, gt=0)


def labels_problems(labels: str) -> Iterator[tuple[str, str]]:
    if problem := never_changes(labels):
        yield "labels", problem


def better_problems(metric: str, better: Better | None) -> Iterator[tuple[str, str]]:
    if better is not None and metric != "mean":
        yield "better", f"which way {metric} is good is known; leave it out"


def amount_problem(metric: str, amount: float) -> str:
    """Return what is wrong with an amount by which the metric may change; the labels' own mean has no range."""
    return find_metric(metric).change_problem(amount) if metric != "mean" else ""
