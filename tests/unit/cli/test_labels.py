"""Requests for labels go out as tools' tasks, and what people make of them comes back as labels."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.kit import context
from cli.kit.errors import CommandError
from cli.labels.items import guess_of
from cli.labels.tools import answers_in
from shared.ports.labels import LabelKind, LabelTask
from tests.unit.cli.conftest import Run
from tests.unit.engine.fact_world import ENDPOINT, MODEL, drift
from tests.unit.reactions.test_request_labels import READS, SERVING, LabelWorld

Json = Callable[..., Any]
BOXES = {"boxes": [{"label": "dent", "score": 0.6, "box": {"topX": 0.1, "topY": 0.2, "bottomX": 0.5, "bottomY": 0.75}}]}
SPANS = [{"label": "dent", "start": 0, "end": 5, "score": 0.6}]
# What the model predicted of the row "1", by what is asked, and the label that somebody makes of it who agrees.
PREDICTED: dict[str, tuple[object, object]] = {
    "classes": ([0.4, 0.6], "dent"),
    "several-labels": ({"labels": ["ok", "dent"], "probs": [0.7, 0.6]}, ["dent", "ok"]),
    "boxes": (BOXES, [{"label": "dent", "topX": 0.1, "topY": 0.2, "bottomX": 0.5, "bottomY": 0.75}]),
    "spans": (SPANS, [{"label": "dent", "start": 0, "end": 5}]),
}


def a_world(task: str = "classes", kind: str = "vision", more: str = "") -> LabelWorld:
    """Return a world that asked people about one item."""
    text = READS.replace("classes:", f"task: {task}, {more}classes:").replace("kind: vision", f"kind: {kind}")
    world = LabelWorld(text)
    row = {"row_id": "1", "image": "https://x.example/in/a.png", "width": 640, "height": 480}
    world.data.predictions[(ENDPOINT, SERVING)] = pd.DataFrame([{**row, "prediction": PREDICTED[task][0]}])
    world.process(drift())
    return world


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[[LabelWorld], None]:
    def use(world: LabelWorld) -> None:
        monkeypatch.setattr(context, "open_app", lambda *_: world.app)

    return use


def accepted(tool: str, document: Any) -> Any:
    """Return what the tool exports when somebody has accepted every prediction."""
    if tool == "label-studio":
        return [
            {
                **task,
                "annotations": [
                    {"id": 1, "completed_by": {"email": "ana"}, "result": task["predictions"][0]["result"]}
                ],
            }
            for task in document
        ]
    if tool == "coco":
        return {
            **document,
            "images": [{key: image[key] for key in image if key != "key"} for image in document["images"]],
        }
    labels = [{"id": number, "name": label["name"]} for number, label in enumerate(document["task"]["labels"], 1)]
    frames = [
        {"name": file.removeprefix("https://"), "width": 640, "height": 480}
        for file in document["data"]["remote_files"]
    ]
    return {"labels": labels, "frames": frames, "annotations": document["annotations"]}


@pytest.mark.parametrize(
    ("tool", "task", "kind"),
    [
        ("label-studio", "classes", "vision"),
        ("label-studio", "several-labels", "text"),
        ("label-studio", "boxes", "vision"),
        ("label-studio", "spans", "text"),
        ("cvat", "classes", "vision"),
        ("cvat", "several-labels", "vision"),
        ("cvat", "boxes", "vision"),
        ("coco", "boxes", "vision"),
    ],
)
def test_what_a_tool_makes_of_a_request_comes_back_as_labels(
    tool: str, task: str, kind: str, command: Callable[[LabelWorld], None], run_json: Json, tmp_path: Path
) -> None:
    world = a_world(task, kind)
    command(world)
    exported = run_json("labels", "export", MODEL, "--tool", tool, "--to", str(tmp_path))
    (file,) = [Path(name) for name in exported["files"] if name.endswith(".json")]
    (tmp_path / "answers.json").write_text(json.dumps(accepted(tool, json.loads(file.read_text()))))

    result = run_json("labels", "import", str(tmp_path / "answers.json"), "--model", MODEL)

    assert (result["labels"], result["rows"], result["remarks"]) == (1, 1, [])
    ((_, version),) = world.azureml.data
    assert result["data"] == f"azureml:customers:{version}"
    (label,) = world.table(version)["label"]
    assert (
        json.loads(label) if task in ("boxes", "spans") else label if task == "classes" else list(label)
    ) == PREDICTED[task][1]
    again = run_json("labels", "import", str(tmp_path / "answers.json"), "--model", MODEL)
    assert again["data"] == result["data"]


def test_requests_are_listed_and_shown(
    command: Callable[[LabelWorld], None], run: Run, run_json: Json, tmp_path: Path
) -> None:
    command(a_world())
    assert run_json("labels", "list")["requests"] == [
        {"model": MODEL, "request": "2026-11-20", "items": 1, "labelled": 0, "versions": []}
    ]
    (tmp_path / "a.jsonl").write_text('{"row_id": "1", "label": "ok"}\n{"row_id": "9", "label": "ok"}\n')
    assert "1 label read" in run("labels", "import", str(tmp_path / "a.jsonl"), "--model", MODEL).stdout
    (request,) = run_json("labels", "list", MODEL)["requests"]
    assert (request["labelled"], len(request["versions"])) == (1, 1)
    (item,) = run_json("labels", "show", MODEL)["items"]
    assert (item["key"], item["prediction"], item["label"], item["why"]) == ("1", "dent", "ok", "least certain")
    assert "nobody asked for these rows: 1 (9)" in run("labels", "show", MODEL).stdout


def test_without_predictions_people_are_shown_none(
    command: Callable[[LabelWorld], None], run_json: Json, tmp_path: Path
) -> None:
    command(a_world("boxes", more="model_predictions: false, tool: coco, "))
    (file,) = run_json("labels", "export", MODEL, "--to", str(tmp_path))["files"]
    assert json.loads(Path(file).read_text())["annotations"] == []


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param("[]", "of no form that a labelling tool exports", id="empty"),
        pytest.param("<xml/>", "is no answer to a task of classes", id="xml"),
        pytest.param('[{"annotations": [{}], "data": {"item": "a"}}]', "it lacks 'result'", id="no_result"),
        pytest.param('{"frames": [{"name": "a"}], "annotations": {}}', "it lacks 'labels'", id="no_labels"),
        pytest.param('{"row_id": "1", "label": "dnet"}', "there is no class dnet; there are ok, dent", id="class"),
        pytest.param('{"row_id": "5", "label": "ok"}', "nobody asked for these rows: 1 (5)", id="strangers"),
    ],
)
def test_a_wrong_file_changes_nothing(
    content: str, problem: str, command: Callable[[LabelWorld], None], run: Run, tmp_path: Path
) -> None:
    world = a_world()
    command(world)
    (tmp_path / "a.json").write_text(content)
    result = run("labels", "import", str(tmp_path / "a.json"), "--model", MODEL)
    assert (result.exit_code, problem in result.stderr) == (2, True), result.stderr
    assert not list(world.files.list(f"labelling/{MODEL}/answers/"))
    assert not world.azureml.data


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        pytest.param(("show", MODEL, "--request", "2020-01-01"), "there is no request 2020-01-01", id="request"),
        pytest.param(("export", MODEL, "--tool", "coco"), "coco holds boxes alone", id="tool"),
        pytest.param(("export", "churm"), "no policy names a model 'churm'", id="model"),
    ],
)
def test_what_cannot_be_done_is_said(
    arguments: tuple[str, ...], problem: str, command: Callable[[LabelWorld], None], run: Run
) -> None:
    command(a_world())
    result = run("labels", *arguments)
    assert (result.exit_code, problem in result.stderr) == (2, True), result.stderr


@pytest.mark.parametrize(
    ("row", "task", "names"),
    [
        pytest.param({"prediction": 0.9}, "classes", ["b"], id="probability_of_the_second"),
        pytest.param({"prediction": "a"}, "classes", ["a"], id="name"),
        pytest.param({"prediction": "x", "prediction_a": 0.8, "prediction_b": 0.2}, "classes", ["a"], id="columns"),
        pytest.param({"prediction": ["a", "b"]}, "several-labels", ["a", "b"], id="names"),
        pytest.param({"prediction": [0.2, 0.9]}, "several-labels", ["b"], id="likely_ones"),
        pytest.param({"prediction": "c"}, "classes", [], id="unknown_class"),
        pytest.param({"prediction": [0.1, 0.2, 0.7]}, "classes", [], id="other_number_of_classes"),
        pytest.param({}, "classes", [], id="no_prediction"),
        pytest.param({"prediction": [{"label": "a"}]}, "boxes", [], id="box_without_sides"),
    ],
)
def test_predictions_in_the_forms_that_models_give_them(row: dict[str, Any], task: LabelKind, names: list[str]) -> None:
    assert [label.name for label in guess_of(row, LabelTask("image", task, ("a", "b")))] == names


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "annotations",
                    "images",
                    "categories",
                    "frames",
                    "labels",
                    "data",
                    "result",
                    "value",
                    "id",
                    "label",
                    "boxes",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON, st.sampled_from(["classes", "several-labels", "boxes", "spans"]))
def test_any_document_is_answers_or_refused(document: object, kind: LabelKind) -> None:
    task = LabelTask("image", kind, ("a", "b"))
    guess_of({"prediction": document}, task)
    with suppress(CommandError):
        answers_in(json.dumps(document).encode(), task)
