"""What a model monitor of Azure ML measured, judged anew: the direction of each metric is ours, not its component's.

Each signal of a monitor's run leaves a file `signals/NAME.json` in the run's output. What writes it: azureml-assets,
component model_monitor_metric_outputter, read 2026-11-20. The component that compares the values with their thresholds
has looked at accuracy, precision and recall as if more were worse, in some of its versions; so a breach that it tells
may be good news, and one that it does not tell may be bad.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shared.domain.fact import FeatureDrift

# Breached from below: p-values, scores, and the metrics of which more is better (a test holds them against
# shared/drift/metrics.py, which this file does not load: events are read without numpy). All else is a distance, an
# error or a rate of something bad. Names: azureml-assets, shared_utilities/constants.py;
# azure.ai.ml.constants.MonitorMetricName.
LOWER_IS_WORSE = frozenset(
    {
        "accuracy",
        "precision",
        "recall",
        "f1",
        "f1score",
        "auc",
        "aucweighted",
        "aucmacro",
        "rocauc",
        "prauc",
        "averageprecision",
        "r2",
        "r2score",
        "coefficientofdetermination",
        "twosamplekolmogorovsmirnovtest",
        "pearsonschisquaredtest",
        "normalizeddiscountedcumulativegain",
        "aggregatedcoherencepassrate",
        "aggregatedgroundednesspassrate",
        "aggregatedfluencypassrate",
        "aggregatedsimilaritypassrate",
        "aggregatedrelevancepassrate",
        # Scores of 1 to 5 of generated text. Source: Azure/azureml-assets pull request 2869, read 2026-11-30.
        "averagecoherencescore",
        "averagegroundednessscore",
        "averagefluencyscore",
        "averagesimilarityscore",
        "averagerelevancescore",
        "acceptablecoherencescoreperinstance",
        "acceptablegroundednessscoreperinstance",
        "acceptablefluencyscoreperinstance",
        "acceptablesimilarityscoreperinstance",
        "acceptablerelevancescoreperinstance",
    }
)
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
        return tuple(each for each in self.measured if is_breach(each))


def is_breach(measured: FeatureDrift) -> bool:
    """Return whether the value is on the wrong side of its threshold; on it is not beyond it."""
    if is_lower_worse(measured.metric):
        return measured.value < measured.threshold
    return measured.value > measured.threshold


def is_lower_worse(metric: str) -> bool:
    return "".join(letter for letter in metric.lower() if letter.isalnum()) in LOWER_IS_WORSE


def read_signal(content: bytes, place: str) -> AzureSignal:
    """Return the signal in a file `signals/NAME.json`.

    Raises:
        ValueError: it is not what Azure ML writes; the message names `place`.
    """
    try:
        payload = json.loads(content)
        name, metrics = payload["signalName"], payload["metrics"]
        values = [each for metric, tree in metrics.items() for each in _values(str(metric), tree, (), 0)]
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
    """Yield (metric, group, value, threshold) of a node and the groups below it."""
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
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError(f"{value!r:.60} is no number")
    return float(value)
