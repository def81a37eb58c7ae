"""The policy's `monitor` section: what is watched in production data, and when it counts as drift."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field

from shared.policy.quantities import Duration, Percent
from shared.policy.section import Section


class DataDrift(Section):
    """When a column counts as drifted. Effects: KS for numbers, Jensen-Shannon distance (base 2) for categories."""

    min_effect: float = Field(default=0.1, gt=0, lt=1)
    false_alarms: Percent = 1.0
    minimum_rows: int = Field(default=1000, ge=100)
    ignore: tuple[str, ...] = ()


class Performance(Section):
    """The least a metric may be on labelled rows; labels may come as late as `labels_within`.

    `labels` holds the columns `key` and `label`; `key` is also a column of the scored rows.
    """

    metric: str
    at_least: float
    labels_within: Duration = timedelta(days=7)
    labels: str | None = None
    key: str = "row_id"


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
    azure_monitors: tuple[str, ...] = ()
