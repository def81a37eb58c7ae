"""What a model monitor of Azure ML measured, judged again: the direction of each metric is ours, not its component's.

Each signal of a monitor's run leaves a file `signals/NAME.json` in the run's output. What writes it: azureml-assets,
component model_monitor_metric_outputter, read 2026-11-20. The component that compares the values with their thresholds
has looked at accuracy, precision and recall as if more were worse, in some of its versions; so a breach that it
reports may be good news, and one that it does not report may be bad.

What each metric means is in one table. A test holds it against shared/metrics/binary.py, which this file does not
load: events are read without numpy. Of a metric that is not in it, as custom signals have them, nobody here knows on
which side it is worse. Names: azureml-assets, shared_utilities/constants.py, and pull request 2869 (scores of generated
text); azure.ai.ml.constants.MonitorMetricName; the metrics of automated machine learning on learn.microsoft.com; read
2026-11-30.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from shared.domain.fact import DriftDetected, FeatureDrift
from shared.drift.results.signals import DATA_SIGNALS

# Our own signals that are about how well the model does; the others are about what it is given.
MODEL_SIGNALS = frozenset({"performance", "estimated-performance", "concept-drift", "fairness"})

Side = Literal["above", "below"]
Family = Literal["drift", "performance", "quality"]

_WORSE_BELOW: dict[Family, str] = {
    # p-values, and how alike the order of features by importance is.
    "drift": "twosamplekolmogorovsmirnovtest pearsonschisquaredtest normalizeddiscountedcumulativegain",
    "performance": (
        "accuracy balancedaccuracy weightedaccuracy precision averageprecision recall normmacrorecall f1 auc rocauc "
        "prauc specificity matthewscorrelation r2 coefficientofdetermination explainedvariance spearmancorrelation"
    ),
}
_WORSE_ABOVE: dict[Family, str] = {
    "drift": (
        "jensenshannondistance populationstabilityindex psi wassersteindistance normalizedwassersteindistance "
        "euclideandistance"
    ),
    "performance": (
        "logloss brier mae meanabsoluteerror mse meansquarederror rmse rootmeansquarederror mape smape mase "
        "meanabsolutepercentageerror medianabsoluteerror rmsle rootmeansquaredlogerror normalizedmeanabsoluteerror "
        "normalizedmedianabsoluteerror normalizedrootmeansquarederror normalizedrootmeansquaredlogerror"
    ),
    "quality": "nullvaluerate datatypeerrorrate outofboundsrate",
}
# Of generated text: the share that is good enough, and scores of 1 to 5.
_QUALITY = "(?:coherence|fluency|groundedness|relevance|similarity)"
_OF_TEXT = re.compile(f"aggregated{_QUALITY}passrate|(?:average|acceptable){_QUALITY}score(?:perinstance)?")
# How the metric is averaged over classes says nothing about its direction.
_AVERAGED = re.compile(r"(?:weighted|macro|micro|binary|classwise)$")
_SIDES: tuple[tuple[Side, dict[Family, str]], ...] = (("below", _WORSE_BELOW), ("above", _WORSE_ABOVE))
_TABLE = {name: (side, family) for side, table in _SIDES for family, names in table.items() for name in names.split()}
# The file is somebody else's: its depth must not become ours.
DEEPEST = 4


@dataclass(frozen=True, slots=True)
class AzureSignal:
    """One signal of a monitor's run. `measured` are the values that have a threshold, `without` how many have none."""

    name: str
    kind: str
    measured: tuple[FeatureDrift, ...]
    without: int = 0

    @property
    def breached(self) -> tuple[FeatureDrift, ...]:
        """Return what is on the wrong side of its threshold."""
        return tuple(measured for measured in self.measured if is_breach(measured))


def is_breach(measured: FeatureDrift) -> bool:
    """Return whether the value is on the wrong side of its threshold; on it is not beyond it, and of a metric without
    a known direction no side is wrong."""
    match worse_side(measured.metric):
        case "below":
            return measured.value < measured.threshold
        case "above":
            return measured.value > measured.threshold
    return False


def worse_side(metric: str) -> Side | None:
    """Return on which side of its threshold the metric is worse; None when it is unknown."""
    entry = _entry(metric)
    return entry[0] if entry else None


def family_of(drift: DriftDetected) -> Family:
    """Return what a monitor's signal is about: one of ours by its name, Azure's, which people name, by what it
    measured."""
    if drift.signal in ("data-quality", *DATA_SIGNALS):
        return "quality"
    if drift.signal in MODEL_SIGNALS:
        return "performance"
    families = (entry[1] for feature in drift.features if drift.model is None and (entry := _entry(feature.metric)))
    return next(families, "drift")


def _entry(metric: str) -> tuple[Side, Family] | None:
    plain = "".join(letter for letter in metric.lower() if letter.isalnum())
    if _OF_TEXT.fullmatch(plain):
        return "below", "drift"
    base = _AVERAGED.sub("", plain).removesuffix("score")
    return _TABLE.get(plain) or _TABLE.get(base)


def read_signal(content: bytes, place: str) -> AzureSignal:
    """Return the signal in a file `signals/NAME.json`.

    Raises:
        ValueError: it is not what Azure ML writes; the message names `place`.
    """
    try:
        payload = json.loads(content)
        name, metrics = payload["signalName"], payload["metrics"]
        values = [value for metric, tree in metrics.items() for value in _values(str(metric), tree, (), 0)]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise ValueError(f"{place} is no signal of an Azure ML monitor: {exc!r:.200}") from exc
    measured = tuple(
        FeatureDrift(feature, metric, value, threshold)
        for metric, feature, value, threshold in values
        if threshold is not None and math.isfinite(value) and math.isfinite(threshold)
    )
    return AzureSignal(str(name), str(payload.get("signalType", "")), measured, len(values) - len(measured))


def _values(
    metric: str, tree: Mapping[str, object], path: tuple[str, ...], depth: int
) -> Iterator[tuple[str, str, float, float | None]]:
    """Yield (metric, group, value, threshold) of a node and the groups below it.

    Raises:
        ValueError: the groups are nested too deep.
        TypeError: the groups are no object.
    """
    if depth > DEEPEST:
        raise ValueError(f"groups of {metric} are nested more than {DEEPEST} deep")
    value, threshold = tree.get("value"), tree.get("threshold")
    if value is not None:
        yield metric, "/".join(path), _number(value), None if threshold is None else _number(threshold)
    groups = tree.get("groups") or {}
    if not isinstance(groups, Mapping):
        raise TypeError(f"groups of {metric} are no object")
    for name, below in groups.items():
        yield from _values(metric, below, (*path, str(name)), depth + 1)


def _number(value: object) -> float:
    """Return a measured value; Azure ML writes some as text.

    Raises:
        TypeError: it is no number.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError(f"{value!r:.60} is no number")
    return float(value)
