"""The items of a manifest, with what the model predicted of them, and the answers that people give."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.drift.signals.answers import SIDES
from shared.drift.signals.labelling import PREDICTION
from shared.ports.labels import LabelTask

# Label Studio puts one before a file's name in what it exports. Source: label_studio_sdk 2.1.2, converter.
_PREFIX = re.compile(r"^[0-9a-f]{8}(__|-)")


@dataclass(frozen=True, slots=True)
class Label:
    """One thing that is said of an item.

    Args:
        place: (left, top, right, bottom) of a box, 0-1 of the image; (start, end) of a span, in characters, its end
            not in it; () for the whole item.
        score: a model's, 0-1; None for a person's, or where it gives none.
    """

    name: str
    place: tuple[float, ...] = ()
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a manifest; `size` is an image's width and height in pixels, () when its row does not say."""

    key: str
    item: str
    reason: str
    uncertainty: float | None
    size: tuple[float, ...]
    guess: tuple[Label, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one person said of one item, which is named by its row's key, or by itself."""

    name: str
    annotator: str
    labels: tuple[Label, ...]


def items_of(manifest: bytes, task: LabelTask) -> tuple[Item, ...]:
    """Return what people are asked about, the most telling items first."""
    lines = [json.loads(line) for line in manifest.splitlines()]
    return tuple(_item(line, task) for line in lines if task.item in line)


def _item(line: Mapping[str, Any], task: LabelTask) -> Item:
    size = (line["width"], line["height"]) if line.get("width") and line.get("height") else ()
    name = str(line[task.item])
    key = str(line.get(task.key, name))
    return Item(key, name, line["why"], line["uncertainty"], size, guess_of(line, task))


def guess_of(row: Mapping[str, Any], task: LabelTask) -> tuple[Label, ...]:
    """Return the row's prediction as labels of known classes; () for a form that is none of these.

    A class, a list of classes, or probabilities: one number (of the second of two classes), a list in the order of the
    classes, AutoML's {"labels", "probs"}, or columns `prediction_CLASS`. Boxes and spans are lists of objects as
    answers have them, with `score`, or AutoML's {"boxes": [{"label", "score", "box"}]}.
    """
    value = row.get(PREDICTION)
    try:
        labels = _placed(value, task) if task.kind in SIDES else _ranked(row, value, task)
    except (KeyError, TypeError, ValueError):
        return ()
    return tuple(label for label in labels if not task.classes or label.name in task.classes)


def _placed(value: Any, task: LabelTask) -> tuple[Label, ...]:
    parts = [{**part, **part.get("box", {})} for part in (value["boxes"] if isinstance(value, dict) else value)]
    places = [tuple(part[side] for side in SIDES[task.kind]) for part in parts]
    return tuple(
        Label(part["label"], place, part.get("score"))
        for part, place in zip(parts, places, strict=True)
        if all(isinstance(side, int | float) for side in place)
    )


def _ranked(row: Mapping[str, Any], value: Any, task: LabelTask) -> tuple[Label, ...]:
    scores = _scores(row, value, task)
    if scores is None:
        names = value if isinstance(value, list) else [] if value is None else [value]
        return tuple(Label(str(name)) for name in names)
    ranked = sorted(scores.items(), key=lambda pair: -pair[1])
    likely = ranked[:1] if task.kind == "classes" else [pair for pair in ranked if pair[1] >= 0.5]
    return tuple(Label(name, (), round(score, 4)) for name, score in likely)


def _scores(row: Mapping[str, Any], value: Any, task: LabelTask) -> dict[str, float] | None:
    """Return the probability of each class; None when the prediction is classes by name."""
    columns = {name: float(row[f"{PREDICTION}_{name}"]) for name in task.classes if f"{PREDICTION}_{name}" in row}
    if columns:
        return columns
    if isinstance(value, dict):
        return dict(zip(value["labels"], map(float, value["probs"]), strict=True))
    if isinstance(value, list) and not any(isinstance(part, str) for part in value):
        return dict(zip(task.classes, map(float, value), strict=True))
    if isinstance(value, float) and len(task.classes) == 2 and 0 <= value <= 1:
        return dict(zip(task.classes, (1 - value, value), strict=True))
    return None


def label_value(labels: Sequence[Label], task: LabelTask) -> Any:
    """Return labels as a `label` is written: a class, classes, or boxes or spans as objects; None for no class."""
    if task.kind in SIDES:
        return [{"label": label.name, **dict(zip(SIDES[task.kind], label.place, strict=True))} for label in labels]
    if task.kind == "several-labels":
        return [label.name for label in labels]
    return labels[0].name if len(labels) == 1 else [label.name for label in labels] or None


def answer_lines(answers: Iterable[Answer], items: Mapping[str, str], task: LabelTask) -> bytes:
    """Return the answers as the app reads them.

    Args:
        items: items by row key. A tool that knows an item only by the name of its file means the one that ends so.
    """
    files, names = dict(_file_names(items)), {*items, *items.values()}
    lines = (
        {
            task.key: answer.name if answer.name in names else files.get(_file_name(answer.name), answer.name),
            "label": label_value(answer.labels, task),
            "annotator": answer.annotator,
        }
        for answer in answers
    )
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()


def _file_names(items: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the last part of each item's path with its key, unless two items end alike."""
    names = {key: _file_name(item) for key, item in items.items()}
    times = Counter(names.values())
    return ((name, key) for key, name in names.items() if times[name] == 1)


def _file_name(path: str) -> str:
    return _PREFIX.sub("", path.replace("\\", "/").rpartition("/")[2], count=1)
