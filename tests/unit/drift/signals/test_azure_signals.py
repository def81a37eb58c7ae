"""A monitor's own numbers, judged by the direction of each metric."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.fact import FeatureDrift
from shared.drift.signals.azure_signals import is_breach, read_signal, worse_side
from shared.metrics.catalogue import METRICS, Direction, Metric

PLACE = "signals/churn.json"


def signal_file(**metrics: Any) -> bytes:
    return json.dumps(
        {"signalName": "churn_data_drift", "signalType": "DataDrift", "version": "1.0.0", "metrics": metrics}
    ).encode()


def test_groups_are_read_with_their_thresholds() -> None:
    signal = read_signal(
        signal_file(
            NormalizedWassersteinDistance={
                "groups": {
                    "tenure": {"value": 0.71, "threshold": 0.5},
                    "age": {"value": 0.1, "threshold": 0.5},
                    "city": {"value": 0.3},
                }
            },
            Accuracy={"value": 0.95, "threshold": 0.9, "timeseries": {"runId": "r", "metricNames": {}}},
        ),
        PLACE,
    )
    assert (signal.name, signal.kind, len(signal.measured), signal.without) == ("churn_data_drift", "DataDrift", 3, 1)
    assert signal.breached == (FeatureDrift("tenure", "NormalizedWassersteinDistance", 0.71, 0.5),)


@pytest.mark.parametrize(
    ("metric", "value", "breach"),
    [
        ("Accuracy", 0.85, True),
        ("Accuracy", 0.95, False),
        ("Precision", 0.85, True),
        ("Recall", 0.95, False),
        ("RootMeanSquaredError", 0.95, True),
        ("MeanAbsoluteError", 0.85, False),
        ("TwoSampleKolmogorovSmirnovTest", 0.85, True),
        ("PearsonsChiSquaredTest", 0.95, False),
        ("NormalizedDiscountedCumulativeGain", 0.85, True),
        ("JensenShannonDistance", 0.95, True),
        ("PopulationStabilityIndex", 0.85, False),
        ("NullValueRate", 0.95, True),
        ("AggregatedGroundednessPassRate", 0.85, True),
    ],
)
def test_each_metric_has_its_direction(metric: str, value: float, breach: bool) -> None:
    assert is_breach(FeatureDrift("x", metric, value, 0.9)) is breach
    assert is_breach(FeatureDrift("x", metric, 0.9, 0.9)) is False


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_the_directions_are_those_of_our_own_metrics(metric: Metric) -> None:
    for name in (metric.name, *metric.aliases):
        assert worse_side(name) == ("below" if metric.direction is Direction.HIGHER_IS_BETTER else "above")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"signalName": "x", "metrics": []}',
        b'{"signalName": "x", "metrics": {"a": 1}}',
        b'{"signalName": "x", "metrics": {"a": {"value": "much"}}}',
        b'{"signalName": "x", "metrics": {"a": {"value": true}}}',
        b'{"signalName": "x", "metrics": {"a": {"groups": [1]}}}',
        b'{"signalName": "x", "metrics": {"a": {"groups": {"b": {"groups": {"c": {"groups": {"d": {"groups": {"e": '
        b'{"groups": {"f": {"value": 1}}}}}}}}}}}}}',
    ],
)
def test_what_is_no_signal_is_refused_by_its_place(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"signals/churn\.json is no signal of an Azure ML monitor"):
        read_signal(content, PLACE)


def test_nan_and_infinity_are_no_measurements() -> None:
    signal = read_signal(signal_file(Accuracy={"value": float("nan"), "threshold": 0.9}), PLACE)
    assert (signal.measured, signal.without) == ((), 1)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.dictionaries(
            st.sampled_from(["signalName", "metrics", "groups", "value", "threshold", "x"]), inner, max_size=4
        ),
        max_leaves=20,
    )
)
def test_no_json_brings_it_down(payload: Any) -> None:
    with suppress(ValueError):
        signal = read_signal(json.dumps(payload).encode(), PLACE)
        assert set(signal.breached) <= set(signal.measured)
