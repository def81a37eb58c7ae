"""The tag in which Azure ML's model monitoring says that a signal crossed its thresholds.

What writes it: azureml-assets, component model_monitor_evaluate_metrics_threshold 0.3.34, head of 2026-07-23. One
sentence names the signal; a Python list of JSON texts holds one measurement per feature.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Sequence

from shared.domain.fact import DriftDetected, Fact, FeatureDrift, MonitorContradicted
from shared.drift.signals.azure_signals import is_breach, worse_side
from shared.events.spec import fact_of
from shared.events.wire.envelope import Envelope
from shared.events.wire.measured import listed, strongest_first

BREACH_TAG = "azureml_modelmonitor_threshold_breached"
# A step's run names the pipeline run it belongs to; a breach is one per such root, whichever run carries the tag.
ROOT_PROPERTIES = ("azureml.rootpipelinerunid", "azureml.pipelinerunid")
LONGEST_DETAIL = 4000
LONGEST_LIST = 256 * 1024

_SIGNAL = re.compile(r"signal '([^'\n]{1,255})'")


def monitor_breach(envelope: Envelope) -> Fact:
    """Return the drift that the run's breach tag tells; the same for every status change that carries it.

    The component has looked at accuracy, precision and recall as if more were worse, in some of its versions: what is
    on the good side of its bound is left out, and so is a metric of which nobody here knows what is worse. A breach of
    which nothing remains is reported to people, and nothing acts on it.
    """
    data = envelope.data
    text = data.mapping("runTags").text(BREACH_TAG).strip()
    quoted = _SIGNAL.search(text)
    signal = quoted[1] if quoted else "unnamed"
    properties = data.mapping("runProperties")
    roots = [root for key in ROOT_PROPERTIES if (root := properties.optional_name(key))]
    run = roots[0] if roots else data.name("runId")
    measured = features_in(text)
    features = tuple(feature for feature in measured if is_breach(feature))
    monitor = data.optional_name("experimentName") or ""
    if measured and not features:
        detail = _contradiction(measured)
        return fact_of(envelope, MonitorContradicted(monitor, signal, run, detail), identity=(run, signal))
    body = DriftDetected(
        model=None,
        monitor=monitor,
        signal=signal,
        run=run,
        features=features,
        detail=f"signal {signal}: {listed(features)}" if features else _shortened(text),
    )
    return fact_of(envelope, body, identity=(run, signal))


def breach_text(signal: str, features: tuple[FeatureDrift, ...]) -> str:
    """Return the tag as Azure ML's component writes it."""
    items = [
        json.dumps(
            {
                "group": feature.feature,
                "metric_value": feature.value,
                "metric_name": feature.metric,
                "threshold_value": feature.threshold,
            }
        )
        for feature in features
    ]
    return (
        f"The signal '{signal}' has failed due to one or more features violating metric thresholds.\n"
        f"The feature names and their corresponding computed metric values violating the threshold are \n{items}\n"
    )


def features_in(text: str) -> tuple[FeatureDrift, ...]:
    """Return the measurements listed in the tag, strongest first; none when the list cannot be read."""
    start, end = text.find("["), text.rfind("]")
    if start < 0 or not start < end < start + LONGEST_LIST:
        return ()
    try:
        items = ast.literal_eval(text[start : end + 1])
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return ()
    if not isinstance(items, list):
        return ()
    return strongest_first(feature for item in items if isinstance(item, str) and (feature := _feature(item)))


def _contradiction(measured: tuple[FeatureDrift, ...]) -> str:
    unknown = [feature for feature in measured if worse_side(feature.metric) is None]
    if unknown:
        return (
            f"the monitor calls it a breach, but nobody here knows on which side {_listed(unknown)} is worse (bound "
            f"{unknown[0].threshold:g}): look at it; a training has to be asked for"
        )
    return f"the monitor calls it a breach, but {_listed(measured)} is on the good side of {measured[0].threshold:g}"


def _listed(measured: Sequence[FeatureDrift]) -> str:
    return ", ".join(f"{f.metric} of {f.feature or 'all rows'} at {f.value:g}" for f in measured[:3])


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_DETAIL else text[: LONGEST_DETAIL - 1] + "…"


def _feature(text: str) -> FeatureDrift | None:
    try:
        item = json.loads(text)
        return FeatureDrift(
            feature=str(item.get("group") or ""),
            metric=str(item["metric_name"]),
            value=_finite(item["metric_value"]),
            threshold=_finite(item["threshold_value"]),
        )
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return None


def _finite(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError(value)
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(value)
    return number
