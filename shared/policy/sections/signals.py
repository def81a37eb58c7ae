"""The settings of each signal in the policy's `monitor` section: bounds, and the columns that it compares."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

from pydantic import Field

from shared.policy.sections.measured import Measured
from shared.policy.sections.quantities import AssetRef, Duration, Percent
from shared.policy.sections.section import Section

# Metrics that can be estimated without labels: shared/metrics/expected.py, shared/drift/signals/expectations.py.
_OfFlags = Literal["roc_auc", "pr_auc", "accuracy", "precision", "recall", "f1", "log_loss", "brier"]
_OfClasses = Literal["f1_macro", "f1_micro", "f1_weighted", "precision_macro", "recall_macro"]
_OfProbabilities = Literal["roc_auc_macro", "roc_auc_weighted"]
EstimatedMetricName = Literal[_OfFlags, _OfClasses, _OfProbabilities, "mae", "mse", "rmse"]
MOST_WINDOWS = 30


class DataDrift(Section):
    """When a column counts as drifted. Effects: KS for numbers, Jensen-Shannon distance (base 2) for categories;
    `min_effects` are those of single columns."""

    min_effect: float = Field(default=0.05, gt=0, lt=1)
    false_alarms: Percent = 1.0
    minimum_rows: int = Field(default=1000, ge=100)
    ignore: tuple[str, ...] = ()
    min_effects: dict[str, float] = Field(default_factory=dict)

    def problems_at(self, path: str) -> Iterator[tuple[str, str]]:
        for column, effect in self.min_effects.items():
            if not 0 < effect < 1:
                yield f"{path}.min_effects.{column}", "it must lie between 0 and 1; write e.g. 0.12"


class PredictionDrift(Section):
    """When predictions count as drifted. Compared with scored, labelled rows, or else the version's first window."""

    min_effect: float = Field(default=0.05, gt=0, lt=1)
    false_alarms: Percent = 1.0
    minimum_rows: int = Field(default=1000, ge=100)


class DataQuality(Section):
    """When a fault of the data counts: shares of rows beyond the variation within the reference."""

    min_share: Percent = 1.0
    min_duplicates: Percent = 5.0
    minimum_rows: int = Field(default=100, ge=1)
    ignore: tuple[str, ...] = ()
    happened: tuple[str, ...] = ()

    def problems_at(self, path: str) -> Iterator[tuple[str, str]]:
        for name in ("min_share", "min_duplicates"):
            if not 0 < getattr(self, name) < 100:
                yield f"{path}.{name}", "it must lie between 0% and 100%; write e.g. 1%"


class Performance(Measured):
    """The worst allowed value of a metric on labelled rows; labels may arrive as late as `labels_within`.

    `labels` is the data asset that holds the columns `key` and `label`, by default the one in `evaluate`;
    `key` is also a column of the scored rows. Measured whenever a new version of it arrives.
    """

    at_least: float | None = None
    at_most: float | None = None
    minimum_rows: int = Field(default=200, ge=50)
    labels_within: Duration = timedelta(days=7)
    labels: AssetRef | None = None
    key: str = "row_id"
    label: str = "label"

    @property
    def bound(self) -> float:
        """Return the one bound; loading the policy made sure that there is one."""
        return next(bound for bound in (self.at_least, self.at_most) if bound is not None)


class EstimatedPerformance(Section):
    """By how much a metric may worsen by estimate, before labels arrive; with a bound, only beyond that, too."""

    metric: EstimatedMetricName = "roc_auc"
    at_least: float | None = None
    at_most: float | None = None
    min_change: float = Field(default=0.02, gt=0)
    threshold: float = 0.5
    minimum_rows: int = Field(default=500, ge=100)


class ConceptDrift(Section):
    """When labels no longer follow from the features as before; measured with `performance`, on its labels."""

    min_ranking_loss: float = Field(default=0.03, gt=0, lt=1)
    min_level_change: float = Field(default=0.05, gt=0, lt=1)
    min_segment_change: float = Field(default=0.1, gt=0, lt=1)
    false_alarms: Percent = 1.0
    minimum_rows: int = Field(default=1000, ge=200)
    columns: tuple[str, ...] = ()


class EmbeddingDrift(Section):
    """When vectors count as drifted: the roc_auc of a classifier between them and those of the first window."""

    column: str = Field(min_length=1)
    min_auc: float = Field(default=0.6, gt=0.5, lt=1)
    false_alarms: Percent = 1.0
    minimum_rows: int = Field(default=200, ge=50, le=2000)


class AttributionDrift(Section):
    """When a version counts as leaning on other features than when it was evaluated: NDCG of their order below."""

    min_ndcg: float = Field(default=0.9, gt=0, lt=1)
    minimum_rows: int = Field(default=200, ge=50)


class Labelled(Section):
    """Scored rows whose truth is known and that no version was trained on, in the order of time: what estimates and
    concept drift are measured against.

    The asset's rows hold the features, the model's `prediction`, the column `label`, and in `model_version` who scored.
    """

    data: AssetRef
    label: str = "label"


class Freshness(Section):
    """How new and how whole a data asset should be, labels included: the age of its newest version, and its rows, at
    least so many and at least that share of what earlier versions had."""

    data: AssetRef
    at_most: Duration | None = None
    rows_at_least: int | None = Field(default=None, ge=1)
    rows_of_usual: Percent | None = None


class Lasting(Section):
    """How long drift has to last: `alarms` of the last `of` windows drifted, the newest among them."""

    alarms: int = Field(default=1, ge=1, le=MOST_WINDOWS)
    of: int = Field(default=1, ge=1, le=MOST_WINDOWS)


def never_changes(labels: str) -> str:
    """Return what is wrong with a data asset in which labels are to arrive; "" when new versions of it are read."""
    if labels.endswith("@latest"):
        return ""
    name = labels.removeprefix("azureml:").split(":")[0]
    return f"{labels} never changes, and labels arrive later; write azureml:{name}@latest"
