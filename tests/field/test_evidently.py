"""Evidently's own output, of every method it has: our table has to say what Evidently itself says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shared.events.alerts.results.evidently_table import RULES
from tests.field.explained import acted, explained, inputs

METHODS: list[dict[str, Any]] = inputs("evidently_methods.json")
# Evidently compares it with a percentile that is not in its output.
UNTOLD = "perc_text_content_drift"


def posted(tmp_path: Path, result: Any) -> list[dict[str, Any]]:
    data = {"tool": "evidently", "model": "flight-delay", "result": result}
    return explained(tmp_path, {"schemaId": "vigiaMonitorResult", "data": data})


def _columns(answer: dict[str, Any]) -> set[str]:
    return {feature["feature"] for feature in answer["data"]["features"]}


@pytest.mark.parametrize("case", [pytest.param(method, id=method["name"]) for method in METHODS])
def test_a_method_drifts_when_evidently_says_so(tmp_path: Path, case: dict[str, Any]) -> None:
    report = case["report"]
    (test,) = report["tests"]
    outcome = "fact" if test["status"] == "FAIL" else "ignored"
    (by_tests,) = posted(tmp_path, report)
    assert by_tests["outcome"] == outcome
    (by_value,) = posted(tmp_path, {**report, "tests": []})
    if case["name"].startswith(UNTOLD):
        assert by_value["outcome"] == "refused"
        assert "include_tests=True" in by_value["reason"]
        return
    assert by_value["outcome"] == outcome
    if outcome == "fact":
        assert by_tests["data"]["features"] == by_value["data"]["features"]
        assert _columns(by_value) == {report["metrics"][0]["config"]["column"]}


def test_every_method_that_evidently_has_is_tried() -> None:
    tried = {method["report"]["metrics"][0]["config"]["method"] for method in METHODS}
    assert len(tried) == 20
    assert {method.lower() for method in tried} - set(RULES) == {UNTOLD}


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("02_evidently_m_ks.json", "fact"),
        ("02_evidently_m_t_test.json", "fact"),
        ("02_evidently_m_mannw.json", "fact"),
        ("02_evidently_c_chisquare.json", "ignored"),
    ],
)
def test_p_values_drift_below_their_bound(tmp_path: Path, name: str, outcome: str) -> None:
    (answer,) = posted(tmp_path, inputs(name))
    assert answer["outcome"] == outcome
    assert acted([answer]) == (["notify", "start-training"] if outcome == "fact" else [])


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("preset_moved_plain.json", {"x0", "x1", "x2", "x3"}),
        ("preset_same_plain.json", None),
        ("evidently_preset_moved_tests.json", {"num", "cat", "bin"}),
        ("evidently_preset_same_tests.json", None),
        ("evidently_preset_psi_moved_plain.json", {"num", "cat", "bin"}),
        ("evidently_preset_psi_same_plain.json", None),
        ("evidently_old_moved.json", {"num", "cat", "bin"}),
        ("evidently_old_same.json", None),
        ("evidently_oldtests_moved.json", {"num", "cat", "bin"}),
        ("evidently_oldtests_same.json", None),
    ],
)
def test_a_presets_evidence_are_the_columns_that_evidently_calls_drifted(
    tmp_path: Path, name: str, columns: set[str] | None
) -> None:
    (answer,) = posted(tmp_path, inputs(name))
    assert answer["outcome"] == ("fact" if columns else "ignored")
    if columns:
        assert _columns(answer) == columns


def test_the_sentence_counts_the_columns_that_evidently_counts(tmp_path: Path) -> None:
    assert posted(tmp_path, inputs("preset_moved_plain.json"))[0]["data"]["detail"].startswith(
        "Evidently finds drift in 4 of 5 columns"
    )
    assert posted(tmp_path, inputs("preset_same_plain.json"))[0]["reason"].startswith(
        "Evidently finds drift in 0 of 5 columns"
    )


@pytest.mark.parametrize(
    ("name", "signal"),
    [
        ("evidently_class_bad.json", "performance"),
        ("evidently_class_good.json", None),
        ("evidently_reg_bad.json", "performance"),
        ("evidently_reg_good.json", None),
        ("evidently_quality.json", "data-quality"),
    ],
)
def test_a_failed_test_is_of_the_signal_of_its_metric(tmp_path: Path, name: str, signal: str | None) -> None:
    answers = posted(tmp_path, inputs(name))
    assert [answer["outcome"] for answer in answers] == (["fact"] if signal else ["ignored"])
    assert [answer["data"]["signal"] for answer in answers if signal] == ([signal] if signal else [])


def test_a_failed_test_shows_what_was_measured_and_its_bound(tmp_path: Path) -> None:
    (answer,) = posted(tmp_path, inputs("evidently_quality.json"))
    assert answer["data"]["features"] == [
        {"feature": "num", "metric": "MissingValueCount", "value": 101.0, "threshold": 3.0}
    ]


def _column(method: str, value: float) -> dict[str, Any]:
    config = {"type": "evidently:metric_v2:ValueDrift", "column": "a", "method": method, "threshold": 0.1}
    return {"id": method, "config": config, "value": value}


def test_an_unknown_method_is_never_guessed(tmp_path: Path) -> None:
    (answer,) = posted(tmp_path, {"metrics": [_column("custom function 'mine'", 0.5)], "tests": []})
    assert answer["outcome"] == "refused"
    assert "on which side" in answer["reason"]


def test_a_share_is_evidentlys_verdict_whatever_its_columns_methods_are(tmp_path: Path) -> None:
    share = {
        "config": {"type": "evidently:metric_v2:DriftedColumnsCount", "drift_share": 0.5},
        "value": {"count": 1.0, "share": 0.5},
    }
    (answer,) = posted(tmp_path, {"metrics": [share, _column("custom", 0.5), _column("psi", 0.01)], "tests": []})
    assert (answer["outcome"], answer["data"]["features"]) == ("fact", [])


def test_a_failed_test_of_an_unknown_metric_is_refused(tmp_path: Path) -> None:
    test = {"status": "FAIL", "metric_config": {"metric_id": "m", "params": {"type": "my:metric:Mine"}}}
    metric = {"id": "m", "config": {"type": "my:metric:Mine"}, "value": 1.0}
    (answer,) = posted(tmp_path, {"metrics": [metric], "tests": [test]})
    assert answer["outcome"] == "refused"


def test_a_bare_result_is_about_the_only_policys_model_or_the_one_that_is_named(tmp_path: Path) -> None:
    (bare,) = explained(tmp_path, "02_evidently_m_ks.json")
    assert (bare["outcome"], bare["subject"]) == ("fact", "models/flight-delay/monitors/evidently")
    assert acted([bare]) == ["notify", "start-training"]
    (named,) = explained(tmp_path, "02_evidently_m_ks.json", "--model", "credit")
    assert (named["subject"], named["reactions"]) == ("models/credit/monitors/evidently", [])


def test_a_bare_list_of_chunks_is_a_result_and_no_list_of_events(tmp_path: Path) -> None:
    chunk = {"chunk_key": "[0:99]", "chunk_period": "analysis", "x_kolmogorov_smirnov_value": 0.4}
    chunk |= {"x_kolmogorov_smirnov_upper_threshold": 0.1, "x_kolmogorov_smirnov_alert": True}
    (bare,) = explained(tmp_path, [chunk])
    assert (bare["outcome"], bare["subject"]) == ("fact", "models/flight-delay/monitors/nannyml")


def _with_statuses(name: str, *statuses: str) -> Any:
    """Return a tool's result whose tests ended so, in turn."""
    result = inputs(name)
    for number, test in enumerate(result["tests"]):
        test["status"] = statuses[number % len(statuses)]
    return result


@pytest.mark.parametrize("name", ["evidently_preset_moved_tests.json", "evidently_oldtests_moved.json"])
@pytest.mark.parametrize(
    ("statuses", "outcome"),
    [
        pytest.param(("TestStatus.FAIL",), "fact", id="an_enumeration_as_text"),
        pytest.param(("ERROR", "FAIL"), "fact", id="some_not_computed"),
        pytest.param(("ERROR", "SUCCESS"), "ignored", id="some_not_computed_and_the_others_well"),
        pytest.param(("WARNING",), "ignored", id="warnings"),
        pytest.param(("ERROR",), "refused", id="nothing_computed"),
        pytest.param(("SKIPPED",), "refused", id="all_skipped"),
        pytest.param(("FALSCH",), "refused", id="no_status_of_evidently"),
    ],
)
def test_tests_say_what_their_statuses_say(tmp_path: Path, name: str, statuses: tuple[str, ...], outcome: str) -> None:
    data = {"tool": "evidently", "model": "flight-delay", "result": _with_statuses(name, *statuses)}
    answers = explained(tmp_path, {"schemaId": "vigiaMonitorResult", "data": data})
    assert {answer["outcome"] for answer in answers} == {outcome}


def test_a_column_without_a_value_is_no_evidence_and_the_rest_is_read(tmp_path: Path) -> None:
    result = inputs("preset_moved_plain.json")
    columns = [metric for metric in result["metrics"] if metric["config"]["type"].endswith("ValueDrift")]
    columns[0]["value"] = float("nan")
    data = {"tool": "evidently", "model": "flight-delay", "result": result}
    (answer,) = explained(tmp_path, {"schemaId": "vigiaMonitorResult", "data": data})
    assert (answer["outcome"], len(answer["data"]["features"])) == ("fact", 3)
