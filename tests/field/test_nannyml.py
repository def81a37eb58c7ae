"""NannyML's own output, of every calculator and estimator that it has: same data, and data that moved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.field.explained import acted, explained, inputs

OUTPUT: dict[str, list[dict[str, Any]]] = inputs("nannyml_calculators.json")
SIGNALS = {
    "univariate": "data-drift",
    "reconstruction": "data-drift",
    "domain_classifier": "data-drift",
    "avg": "data-quality",
    "median": "data-quality",
    "std": "data-quality",
    "sum": "data-quality",
    "row_count": "data-quality",
    "missing": "data-quality",
    "unseen": "data-quality",
    "range": "data-quality",
    "cbpe": "estimated-performance",
    "dle": "estimated-performance",
    "performance": "performance",
    "regression": "performance",
}
# Nothing moved: as many rows in each chunk, and none missing. Of the same data, one true drift by chance.
QUIET = {"row_count/moved", "missing/moved"}
# By chance on the same data: a distance above its bound; fewer true negatives, where the chunk has fewer negatives.
CHANCE = {"univariate/same", "cbpe/same", "performance/same"}


def posted(tmp_path: Path, chunks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    data = {"tool": "nannyml", "model": "flight-delay", "result": chunks}
    return explained(tmp_path, {"schemaId": "vigiaMonitorResult", "data": data})


def test_every_calculator_has_its_signal() -> None:
    assert {name.partition("/")[0] for name in OUTPUT} == set(SIGNALS)


@pytest.mark.parametrize("name", sorted(OUTPUT))
def test_a_calculator_alarms_by_its_own_alerts_on_the_side_that_is_worse(tmp_path: Path, name: str) -> None:
    (answer,) = posted(tmp_path, OUTPUT[name])
    is_drift = name in CHANCE or (name.endswith("/moved") and name not in QUIET)
    assert answer["outcome"] == ("fact" if is_drift else "ignored")
    if is_drift:
        assert answer["data"]["signal"] == SIGNALS[name.partition("/")[0]]
        trains = answer["data"]["signal"] != "data-quality"
        assert acted([answer]) == (["notify", "start-training"] if trains else ["notify"])


def test_every_method_of_a_column_is_in_the_evidence(tmp_path: Path) -> None:
    (answer,) = posted(tmp_path, OUTPUT["univariate/moved"])
    pairs = {(feature["feature"], feature["metric"].partition(",")[0]) for feature in answer["data"]["features"]}
    both = ("jensen_shannon", "hellinger")
    assert pairs == {("num", name) for name in (*both, "kolmogorov_smirnov", "wasserstein")} | {
        ("cat", name) for name in (*both, "chi2", "l_infinity")
    }


@pytest.mark.parametrize(
    ("name", "metric", "value", "outcome"),
    [
        ("performance/same", "roc_auc", 1.2, "ignored"),
        ("performance/same", "roc_auc", 0.5, "fact"),
        ("performance/same", "false_positive", 90, "fact"),
        ("performance/same", "true_positive", 90, "ignored"),
        ("performance/same", "business_value", 500, "ignored"),
        ("regression/same", "mae", 0.001, "ignored"),
        ("regression/same", "mae", 0.5, "fact"),
        ("reconstruction/same", "reconstruction_error", 0.1, "fact"),
    ],
)
def test_better_is_no_alarm(tmp_path: Path, name: str, metric: str, value: float, outcome: str) -> None:
    chunk = {key: False if key.endswith("_alert") else value for key, value in OUTPUT[name][-1].items()}
    (answer,) = posted(tmp_path, [{**chunk, f"{metric}_value": value, f"{metric}_alert": True}])
    assert answer["outcome"] == outcome


def test_cells_of_a_confusion_matrix_of_several_classes_are_of_performance(tmp_path: Path) -> None:
    cells = {
        "true_a_pred_a": {"value": 10, "lower_threshold": 40, "upper_threshold": 60, "alert": True},
        "true_a_pred_b": {"value": 1, "lower_threshold": 40, "upper_threshold": 60, "alert": True},
    }
    chunk = {f"{cell}_{key}": value for cell, values in cells.items() for key, value in values.items()}
    (answer,) = posted(tmp_path, [chunk])
    assert answer["data"]["signal"] == "performance"
    assert [feature["metric"] for feature in answer["data"]["features"]] == ["true_a_pred_a"]


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        pytest.param(lambda alert: str(alert), "fact", id="texts"),
        pytest.param(lambda alert: int(alert), "fact", id="numbers"),
        pytest.param(lambda alert: None, "refused", id="nothing_computed"),
        pytest.param(lambda alert: "maybe", "refused", id="no_truth"),
    ],
)
def test_alerts_are_read_as_tables_carry_them(tmp_path: Path, change: Any, outcome: str) -> None:
    (chunk,) = OUTPUT["univariate/moved"]
    chunk = {key: change(value) if key.endswith("_alert") else value for key, value in chunk.items()}
    (answer,) = posted(tmp_path, [chunk])
    assert answer["outcome"] == outcome


def test_the_newest_chunk_is_the_one_that_ends_last(tmp_path: Path) -> None:
    (quiet,) = OUTPUT["missing/same"]
    (moved,) = OUTPUT["univariate/moved"]
    older = {**quiet, "chunk_end_index": moved["chunk_end_index"] - 1}
    for chunks in ([older, moved], [moved, older]):
        (answer,) = posted(tmp_path, chunks)
        assert answer["outcome"] == "fact"


def test_chunks_by_columns_are_refused_with_what_to_post(tmp_path: Path) -> None:
    (chunk,) = OUTPUT["univariate/moved"]
    data = {"tool": "nannyml", "model": "flight-delay", "result": {key: {"0": value} for key, value in chunk.items()}}
    (answer,) = explained(tmp_path, {"schemaId": "vigiaMonitorResult", "data": data})
    assert (answer["outcome"], 'orient="records"' in answer["reason"]) == ("refused", True)
