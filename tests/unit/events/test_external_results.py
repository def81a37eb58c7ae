"""Results of other monitoring tools: what the tools themselves wrote (tests/golden/results), and what is not that."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.domain.fact import DriftDetected, Ignored
from shared.errors import EventError
from shared.events.alerts import read_alert
from shared.ports.publisher import OutgoingEvent, cloud_event
from tests.unit.events.wire import fact_from

FOLDER = Path(__file__).parents[2] / "golden" / "results"
NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


def result(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def post(tool: str, content: Any, **more: str) -> tuple[OutgoingEvent, ...] | Ignored:
    data = {"tool": tool, "model": "flight-delay", "result": content, **more}
    return read_alert(json.dumps({"schemaId": "vigiaMonitorResult", "data": data}), NOW)


def drift(events: tuple[OutgoingEvent, ...] | Ignored) -> DriftDetected:
    assert isinstance(events, tuple)
    (event,) = events
    body = fact_from(json.dumps(cloud_event(event))).body
    assert isinstance(body, DriftDetected)
    return body


def test_evidently_tells_its_columns_strongest_first() -> None:
    drifted = drift(post("evidently", result("evidently"), monitor="nightly", run="2026-11-20"))
    assert (drifted.model, drifted.monitor, drifted.signal, drifted.run) == (
        "flight-delay",
        "nightly",
        "data-drift",
        "nightly@2026-11-20",
    )
    assert [(feature.feature, feature.metric) for feature in drifted.features] == [
        ("a", "Wasserstein distance (normed)"),
        ("c", "Jensen-Shannon distance"),
    ]
    assert drifted.detail.startswith("Evidently finds drift in 2 of 3 columns (by its tests): a Wasserstein")


def test_evidently_without_tests_is_judged_by_its_share_of_columns() -> None:
    content = {"metrics": result("evidently")["metrics"]}
    assert "a share of 0.67 against its bound of 0.5" in drift(post("evidently", content)).detail
    content["metrics"][0]["config"]["drift_share"] = 0.7
    events = post("evidently", content)
    assert isinstance(events, Ignored)
    assert events.reason.startswith(
        "Evidently finds drift in 2 of 3 columns (a share of 0.67 against its bound of 0.7)"
    )


def test_evidentlys_p_values_drift_downwards() -> None:
    config = {"type": "evidently:metric_v2:ValueDrift", "column": "a", "method": "K-S p_value", "threshold": 0.05}
    assert isinstance(post("evidently", {"metrics": [{"config": config, "value": 0.4}]}), Ignored)
    assert drift(post("evidently", {"metrics": [{"config": config, "value": 0.001}]})).features[0].value == 0.001


def test_nannyml_tells_its_newest_chunk() -> None:
    chunks = result("nannyml")
    drifted = drift(post("nannyml", chunks))
    assert [(feature.feature, feature.metric) for feature in drifted.features] == [("a", "jensen_shannon")]
    assert chunks[-1]["chunk_end_date"] in drifted.detail
    chunks[-1]["a_jensen_shannon_alert"] = False
    assert isinstance(post("nannyml", chunks), Ignored)


@pytest.mark.parametrize(
    ("name", "signal"), [("nannyml-estimated", "estimated-performance"), ("nannyml-realized", "performance")]
)
def test_nannymls_performance_alarms_when_it_is_worse_only(name: str, signal: str) -> None:
    (chunk,) = result(name)
    worse = {**chunk, "roc_auc_value": 0.5, "roc_auc_alert": True}
    better = {**chunk, "roc_auc_value": 0.999, "roc_auc_alert": True}
    drifted = drift(post("nannyml", [worse]))
    assert (drifted.signal, drifted.features[0].metric, drifted.features[0].feature) == (signal, "roc_auc", "")
    assert isinstance(post("nannyml", [better]), Ignored)


def test_the_same_result_posted_twice_is_one_fact() -> None:
    first, again = drift(post("nannyml", result("nannyml"))), drift(post("nannyml", result("nannyml")))
    assert first.run == again.run
    other = result("nannyml")
    other[-1]["a_jensen_shannon_value"] = 0.9
    assert drift(post("nannyml", other)).run != first.run


@pytest.mark.parametrize(
    ("tool", "content", "problem"),
    [
        ("whylogs", {}, r"data\.tool is 'whylogs'; it is one of evidently, nannyml"),
        ("evidently", {}, "no ValueDrift metric, and no tests"),
        ("evidently", [], "data.result is a list, not an object"),
        ("evidently", {"metrics": [{"config": {"type": "x:ValueDrift"}}]}, "config.method is missing"),
        ("nannyml", [], "no chunk of the analysis period"),
        ("nannyml", [{"chunk_key": "[0:9]"}], "no …_alert"),
        ("nannyml", [{"a_wasserstein_alert": "yes"}], "is a text, not true or false"),
    ],
)
def test_what_is_no_result_is_refused_with_what_to_do(tool: str, content: Any, problem: str) -> None:
    with pytest.raises(EventError, match=problem):
        post(tool, content)


def test_a_result_without_a_model_is_refused() -> None:
    with pytest.raises(EventError, match=r"data\.model is missing"):
        post("nannyml", result("nannyml"), model="")
