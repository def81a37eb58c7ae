"""The two components, each run as the process a job starts."""

from __future__ import annotations

import ast
import json
import re
import runpy
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from local.azureml.online.serve import load_mlflow
from local.flights.bad_version import make_bad_package
from local.flights.data import CATEGORICAL, FEATURES, NUMERIC
from tests.local.flights.conftest import (
    COMPONENTS,
    Champion,
    a_sample,
    as_parquet,
    own_imports,
    run_component,
    run_component_here,
)


@pytest.fixture
def imports_undone() -> Iterator[None]:
    """Let a test load a model in this process."""
    with own_imports():
        yield


def test_training_prints_its_metrics(champion: Champion) -> None:
    assert (champion.training.code, champion.training.err) == (0, "")
    metrics = json.loads(champion.training.out)["metrics"]
    assert metrics["rows"] == 3_000
    assert metrics["train_roc_auc"] > metrics["validation_roc_auc"] > 0.8


def test_model_folder_is_an_mlflow_pyfunc_package(champion: Champion) -> None:
    described = yaml.safe_load((champion.folder / "MLmodel").read_text())
    flavour = described["flavors"]["python_function"]
    assert {key: flavour[key] for key in ("loader_module", "code", "data")} == {
        "loader_module": "flight_delay_model",
        "code": "code",
        "data": "data",
    }
    assert described["metadata"]["validation_roc_auc"] > 0.8
    assert [column["name"] for column in json.loads(described["signature"]["inputs"])] == list(FEATURES)
    for name in ("code/flight_delay_model.py", "data/model.joblib", *flavour["env"].values(), "requirements.txt"):
        assert (champion.folder / name).is_file()
    example = json.loads((champion.folder / "input_example.json").read_text())["input_data"]
    assert example["columns"] == [*NUMERIC, *CATEGORICAL]
    assert len(example["data"]) == len(example["index"]) == 3


@pytest.mark.usefixtures("imports_undone")
def test_package_scores_its_own_example_and_odd_rows(champion: Champion) -> None:
    predict = load_mlflow(champion.folder)
    assert all(0 < score < 1 for score in predict((champion.folder / "input_example.json").read_bytes()))
    odd = [[5, 8, 1400, None, "ZZ", None, "IAH", "an id"]]
    body = json.dumps({"input_data": {"columns": [*FEATURES, "flight_id"], "index": [9], "data": odd}}).encode()
    assert len(predict(body)) == 1


@pytest.mark.parametrize(
    ("columns", "row", "message"),
    [
        pytest.param(FEATURES[1:], [8, 1400, 0, "UA", "EWR", "IAH"], "input lacks dep_hour", id="missing"),
        pytest.param(
            FEATURES, ["early", 8, 1400, 0, "UA", "EWR", "IAH"], "dep_hour must hold numbers.*early", id="text"
        ),
    ],
)
@pytest.mark.usefixtures("imports_undone")
def test_unscorable_input_is_explained(
    champion: Champion, columns: tuple[str, ...], row: list[object], message: str
) -> None:
    body = json.dumps({"input_data": {"columns": columns, "index": [0], "data": [row]}}).encode()
    with pytest.raises(ValueError, match=message):
        load_mlflow(champion.folder)(body)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            lambda f: f.drop(columns=["dest", "late"]), "training_data lacks dest, late; it has", id="columns"
        ),
        pytest.param(lambda f: f.head(10), "training_data has 10 rows; at least 500 are needed", id="rows"),
        pytest.param(lambda f: f.assign(late=1), "late is 1 in every row; a classifier needs both", id="one_class"),
        pytest.param(lambda f: f.assign(late=2), "late must be 0 or 1 in every row; found .2.", id="labels"),
        pytest.param(None, "is not a readable parquet file", id="no_parquet"),
    ],
)
def test_unusable_training_data_ends_with_one_line(
    tmp_path: Path, change: Callable[[pd.DataFrame], pd.DataFrame] | None, message: str
) -> None:
    data = tmp_path / "data.parquet"
    if change is None:
        data.write_text("not parquet")
    else:
        as_parquet(change(a_sample()), data)
    ended = run_component_here("train", {"training_data": data, "model": tmp_path / "model"})
    assert (ended.code, ended.out) == (1, "")
    assert re.match(f"^train_flight_delay: .*{message}", ended.err)
    assert ended.err.count("\n") == 1
    assert not (tmp_path / "model").exists()


def test_evaluation_scores_both_models_row_by_row(champion: Champion, tmp_path: Path) -> None:
    july = a_sample(7, 500)
    bad = make_bad_package(champion.folder, tmp_path / "bad")
    inputs = {"champion": champion.folder, "challenger": bad, "data": as_parquet(july, tmp_path / "july.parquet")}
    ended = run_component("evaluate", {**inputs, "scores": tmp_path / "scores"}, tmp_path)
    assert (ended.code, ended.err) == (0, "")
    scores = pd.read_parquet(tmp_path / "scores" / "scores.parquet")
    assert {name: str(kind) for name, kind in scores.dtypes.items()} == {
        "row_id": "str",
        "label": "int8",
        "champion_score": "float64",
        "challenger_score": "float64",
        "carrier": "str",
        "origin": "str",
    }
    assert scores["row_id"].tolist() == july["flight_id"].tolist()
    assert scores["label"].tolist() == july["late"].tolist()
    assert scores["champion_score"].between(0, 1).all()
    # The bad version's fault is in serving: a batch shows nothing.
    np.testing.assert_array_equal(scores["champion_score"], scores["challenger_score"])


def _break_code(folder: Path) -> None:
    (folder / "code" / "flight_delay_model.py").write_text("import nowhere")


@pytest.mark.parametrize(
    ("break_it", "change", "message"),
    [
        pytest.param(
            lambda m: (m / "MLmodel").unlink(), lambda f: f, "challenger is not an MLflow model", id="no_mlmodel"
        ),
        pytest.param(_break_code, lambda f: f, "its scoring code failed to load: .*'nowhere'", id="broken_code"),
        pytest.param(
            lambda m: None, lambda f: f.drop(columns="dest"), "champion cannot score .* lacks dest", id="score"
        ),
        pytest.param(lambda m: None, lambda f: f.drop(columns="late"), "data lacks late", id="no_label"),
        pytest.param(lambda m: None, lambda f: f.head(0), "data has no rows", id="no_rows"),
    ],
)
def test_unusable_evaluation_ends_with_one_line(
    champion: Champion,
    tmp_path: Path,
    break_it: Callable[[Path], None],
    change: Callable[[pd.DataFrame], pd.DataFrame],
    message: str,
) -> None:
    challenger = make_bad_package(champion.folder, tmp_path / "challenger")
    break_it(challenger)
    data = as_parquet(change(a_sample(7, 200)), tmp_path / "data.parquet")
    inputs = {"champion": champion.folder, "challenger": challenger, "data": data, "scores": tmp_path / "scores"}
    ended = run_component_here("evaluate", inputs)
    assert (ended.code, ended.out) == (1, "")
    assert re.match(f"^evaluate_flight_delay: .*{message}", ended.err)
    assert not (tmp_path / "scores").exists()


@pytest.mark.usefixtures("imports_undone")
def test_bad_version_is_slow_and_fails_on_the_same_few_requests(
    champion: Champion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    predict = load_mlflow(make_bad_package(champion.folder, tmp_path / "bad"))
    rows = a_sample(7, 400)[[*FEATURES, "flight_id"]].to_numpy(dtype=object).tolist()

    def outcome(row: list[object]) -> str:
        table = {"columns": [*FEATURES, "flight_id"], "index": [0], "data": [row]}
        try:
            predict(json.dumps({"input_data": table}).encode())
        except Exception as exc:
            return str(exc)
        return "scored"

    first = [outcome(row) for row in rows]
    assert set(first) == {"scored", "the weather service answered 503"}
    assert 0.05 < first.count("the weather service answered 503") / len(rows) < 0.11
    assert waits == [0.06] * len(rows)
    assert [outcome(row) for row in rows[:50]] == first[:50]


def test_components_need_nothing_of_this_project() -> None:
    allowed = {"numpy", "pandas", "sklearn", "joblib", "threadpoolctl", *sys.stdlib_module_names}
    for script in COMPONENTS.rglob("*.py"):
        own = {file.stem for file in script.parent.glob("*.py")}
        for node in ast.walk(ast.parse(script.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert {name.split(".")[0] for name in names} <= allowed | own, script


@pytest.mark.parametrize("name", ["train", "evaluate"])
def test_component_file_passes_its_inputs_and_outputs_on(name: str) -> None:
    described = yaml.safe_load((COMPONENTS / name / "component.yaml").read_text())
    assert described["name"] == f"{name}_flight_delay"
    passed = re.findall(r"--(\w+) \$\{\{(inputs|outputs)\.(\w+)\}\}", described["command"])
    assert {(kind, key) for flag, kind, key in passed if flag == key} == {
        *(("inputs", key) for key in described["inputs"]),
        *(("outputs", key) for key in described["outputs"]),
    }


def test_environment_pins_what_is_installed_here() -> None:
    pinned = yaml.safe_load((COMPONENTS / "conda.yaml").read_text())["dependencies"][-1]["pip"]
    assert pinned == [f"{name}=={version(name)}" for name in ("pandas", "pyarrow", "scikit-learn")]


@pytest.mark.parametrize(
    "environment",
    [
        pytest.param({}, id="nobody_tracks"),
        pytest.param(
            {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9/mlflow", "AZUREML_ROOT_RUN_ID": "j"}, id="unreachable"
        ),
        pytest.param({"MLFLOW_TRACKING_URI": "azureml://nowhere", "AZUREML_ROOT_RUN_ID": "j"}, id="no_plug_in"),
    ],
)
def test_a_training_does_not_fail_because_its_metrics_cannot_be_recorded(
    environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    tracking = runpy.run_path(str(COMPONENTS / "train" / "tracking.py"))
    tracking["tag_run"]({"train_roc_auc": 0.9}, environment)
    assert ("not recorded as tags of run j" in capsys.readouterr().err) is bool(environment)
