"""The policy's `monitor` section: what is watched in production data, and when it counts as drift."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from shared.policy.quantities import AssetRef, Duration, Percent
from shared.policy.section import Section

if TYPE_CHECKING:
    from shared.policy.model import Policy


LEAST_EVERY = timedelta(hours=1)


class DataDrift(Section):
    """When a column counts as drifted. Effects: KS for numbers, Jensen-Shannon distance (base 2) for categories."""

    min_effect: float = Field(default=0.1, gt=0, lt=1)
    false_alarms: Percent = 1.0
    minimum_rows: int = Field(default=1000, ge=100)
    ignore: tuple[str, ...] = ()


class Performance(Section):
    """The least a metric may be on labelled rows; labels may come as late as `labels_within`.

    `labels` is the data asset that holds the columns `key` and `label`, by default the one in `evaluate`;
    `key` is also a column of the scored rows. Looked at whenever a new version of it arrives.
    """

    metric: Literal["roc_auc", "accuracy", "precision", "recall", "f1"]
    at_least: float
    labels_within: Duration = timedelta(days=7)
    labels: AssetRef | None = None
    key: str = "row_id"
    label: str = "label"


class AzureMonitor(Section):
    """A model monitor of Azure ML: its name, by which its signals' names begin, and how often it runs."""

    name: str = Field(min_length=1)
    every: Duration = timedelta(days=1)


class Monitor(Section):
    """What is watched, and how often.

    `reference` is what production is compared with; `training_input` names the training job's input that
    holds it. `azure_monitors` are the names of Azure ML monitors whose breaches are about this model.
    """

    reference: Literal["training", "last-window"] = "training"
    training_input: str = "training_data"
    every: Duration = timedelta(hours=1)
    data_drift: DataDrift | None = None
    performance: Performance | None = None
    azure_monitors: tuple[str | AzureMonitor, ...] = ()

    @property
    def azure(self) -> tuple[AzureMonitor, ...]:
        return tuple(AzureMonitor(name=each) if isinstance(each, str) else each for each in self.azure_monitors)

    def problems(self, policy: Policy) -> Iterable[tuple[str, str]]:
        for number, each in enumerate(self.azure):
            if each.every < LEAST_EVERY:
                yield f"azure_monitors.{number}.every", "Azure ML's monitors run hourly at most; write e.g. 1d"
        if self.performance and self.performance.labels is None and "evaluate" not in policy.sections:
            yield "performance.labels", "no labels are named; write labels: azureml:NAME@latest, or add evaluate"
