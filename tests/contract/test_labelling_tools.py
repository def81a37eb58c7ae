"""The files for labelling tools are those tools' own, by their SDKs' models, validators and converters. Only with
`--long`: pip fetches the SDKs once, into .vigia/labelling-tools (500 MB: Label Studio's brings OpenCV and pandas)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cli.labels.items import Item, Label, answer_lines
from cli.labels.tools import TOOLS, answers_in
from shared.ports.labels import LabelKind, LabelTask

ROOT = Path(__file__).parents[2]
PINNED = ("label-studio-sdk==2.1.2", "cvat-sdk==2.80.0", "pycocotools==2.0.11")
TEXT = "Mira's door has a dent."
PLACES: dict[LabelKind, tuple[Label, ...]] = {
    "classes": (Label("dent", (), 0.6),),
    "several-labels": (Label("dent", (), 0.6), Label('a "b" & <c>', (), 0.7)),
    "boxes": (Label("dent", (0.1, 0.2, 0.5, 0.75), 0.6), Label("dent", (0.0, 0.0, 1.0, 1.0), 0.7)),
    "spans": (Label("dent", (18, 22), 0.6),),
}
PROGRAM = """\
import json, pathlib, sys
from cvat_sdk import models
from label_studio_sdk.converter import Converter
from label_studio_sdk.label_interface import LabelInterface
from pycocotools.coco import COCO

folder = pathlib.Path(sys.argv[1])

def label_studio(kind):
    config = (folder / f"{kind}.label-studio.xml").read_text()
    tasks = json.loads((folder / f"{kind}.label-studio.json").read_text())
    interface = LabelInterface(config)
    interface.validate()
    for number, task in enumerate(tasks):
        assert interface.validate_task({"data": task["data"]}), task
        for prediction in task["predictions"]:
            assert interface.validate_prediction(prediction), prediction
        result = task["predictions"][0]["result"]
        task["annotations"] = [{"id": number, "completed_by": {"email": "ana"}, "result": result}]
        assert interface.validate_annotation(task["annotations"][0])
        task["id"] = number
        del task["predictions"]
    export = folder / f"{kind}-answers.json"
    export.write_text(json.dumps(tasks))
    converter = Converter(config, str(folder), download_resources=False)
    if kind == "boxes":
        converter.convert_to_coco(str(export), str(folder / "coco"), is_dir=False)
    if kind == "spans":
        converter.convert_to_conll2003(str(export), str(folder / "conll"), is_dir=False)

def cvat(kind):
    document = json.loads((folder / f"{kind}.cvat.json").read_text())
    models.TaskWriteRequest(**document["task"])
    models.DataRequest(**document["data"])
    sent = models.LabeledDataRequest(**document["annotations"]).to_dict()
    assert sent == document["annotations"], sent
    labels = [{"id": 40 + n, "name": label["name"]} for n, label in enumerate(document["task"]["labels"])]
    for mark in (*sent["tags"], *sent["shapes"]):
        mark["label_id"] += 39
    stored = models.LabeledData(**sent).to_dict()
    files = document["data"]["remote_files"]
    frames = [models.FrameMeta(name=file, width=640, height=480, related_files=0) for file in files]
    answers = {"labels": labels, "frames": [frame.to_dict() for frame in frames], "annotations": stored}
    (folder / f"{kind}-cvat-answers.json").write_text(json.dumps(answers))

for kind in ("classes", "several-labels", "boxes", "spans"):
    label_studio(kind)
    if kind != "spans":
        cvat(kind)
coco = COCO(str(folder / "boxes.coco.json"))
assert [coco.cats[c]["name"] for c in coco.getCatIds()] == ["dent", 'a "b" & <c>']
assert coco.loadRes(coco.loadAnns(coco.getAnnIds())).getAnnIds() == [1, 2]
"""


def tools_python() -> Path:
    """Return a Python with the tools' SDKs, installed by the first run."""
    folder = ROOT / ".vigia" / "labelling-tools"
    python = folder / "bin" / "python"
    if not (folder / ".complete").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PINNED], check=True)
        (folder / ".complete").touch()
    return python


@pytest.mark.timeout(600)
def test_tools_take_our_tasks_and_we_take_what_they_export(tmp_path: Path, is_long: bool) -> None:
    if not is_long:
        pytest.skip("only with --long")
    items: dict[LabelKind, tuple[LabelTask, Item]] = {}
    for kind, guess in PLACES.items():
        task = LabelTask("image", kind, ("dent", 'a "b" & <c>'), is_image=kind in ("classes", "boxes"))
        name = TEXT if kind == "spans" else "https://x.example/a.png"
        items[kind] = task, Item("1", name, "least certain", 0.8, (640, 480), guess)
        for tool, write in TOOLS.items():
            if (tool, kind) != ("cvat", "spans") and (tool != "coco" or kind == "boxes"):
                for file, content in write([items[kind][1]], task, kind).items():
                    (tmp_path / file).write_bytes(content)

    done = subprocess.run(
        [tools_python(), "-c", PROGRAM, tmp_path], capture_output=True, text=True, check=False, cwd=tmp_path
    )

    assert done.returncode == 0, done.stderr[-3000:]
    exported = [(kind, f"{kind}-answers.json") for kind in PLACES]
    exported += [(kind, f"{kind}-cvat-answers.json") for kind in PLACES if kind != "spans"]
    exported += [("boxes", "boxes.coco.json"), ("boxes", "coco/result.json")]
    for kind, file in exported:
        task, item = items[kind]
        assert answered((tmp_path / file).read_bytes(), task, item) == answered_as(item, task), file
    tagged = [line.split() for line in (tmp_path / "conll" / "result.conll").read_text().splitlines() if line.strip()]
    assert [(words[0], words[-1]) for words in tagged if words[-1] not in {"O", "_"}][-1][1] == "B-dent"


def answered(content: bytes, task: LabelTask, item: Item) -> Any:
    """Return the label in the lines that the file becomes."""
    answers = answers_in(content, task)
    assert answers is not None
    line = json.loads(answer_lines(answers, {item.key: item.item}, task))
    assert line["row_id"] in (item.key, item.item)
    return rounded(line["label"])


def answered_as(item: Item, task: LabelTask) -> Any:
    sides = {"boxes": ("topX", "topY", "bottomX", "bottomY"), "spans": ("start", "end")}.get(task.kind)
    if sides is None:
        names = [label.name for label in item.guess]
        return names[0] if task.kind == "classes" else names
    return rounded([{"label": label.name, **dict(zip(sides, label.place, strict=True))} for label in item.guess])


def rounded(label: Any) -> Any:
    if isinstance(label, list):
        return [rounded(part) for part in label]
    if isinstance(label, dict):
        return {key: round(value, 6) if isinstance(value, float) else value for key, value in label.items()}
    return label
