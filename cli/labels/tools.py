"""The files of labelling tools: the tasks that they import, and the answers that they export.

Sources: label-studio-sdk 2.1.2, where places are percent; cvat-sdk 2.80.0 and pycocotools 2.0, where they are pixels;
read 2026-11-30.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import quoteattr

from cli.kit.errors import CommandError
from cli.labels.items import Answer, Item, Label
from shared.ports.labels import LabelTask

# Label Studio's tags, and what holds the labels in its results, by what is asked.
_TAGS = {
    "classes": ("Choices", "Choice", "choices"),
    "several-labels": ("Choices", "Choice", "choices"),
    "boxes": ("RectangleLabels", "Label", "rectanglelabels"),
    "spans": ("Labels", "Label", "labels"),
}
_CHOICE = {"classes": ' choice="single"', "several-labels": ' choice="multiple"'}


def label_studio(items: Sequence[Item], task: LabelTask, name: str) -> dict[str, bytes]:
    """Return a project's labelling configuration, and its tasks with what the model predicted."""
    tasks = [_studio_task(item, task, name) for item in items]
    return {f"{name}.label-studio.xml": studio_config(task).encode(), f"{name}.label-studio.json": _json(tasks)}


def cvat(items: Sequence[Item], task: LabelTask, name: str) -> dict[str, bytes]:
    """Return a task's settings, its data, and annotations whose label ids are places in the list of labels, from 1."""
    return {f"{name}.cvat.json": _json(_cvat(items, task, name))}


def coco(items: Sequence[Item], task: LabelTask, name: str) -> dict[str, bytes]:
    """Return images, categories, and what the model predicted as annotations."""
    return {f"{name}.coco.json": _json(_coco(items, task))}


TOOLS: dict[str, Callable[[Sequence[Item], LabelTask, str], dict[str, bytes]]] = {
    "label-studio": label_studio,
    "cvat": cvat,
    "coco": coco,
}


def answers_in(content: bytes, task: LabelTask) -> list[Answer] | None:
    """Return the answers of a file that a tool exported; None when it is lines, which the app reads as they are.

    Raises:
        CommandError: it is of no known form, or something is missing in it.
    """
    try:
        document = _document(content.decode("utf-8-sig"))
        match document:
            case [{"annotations": _}, *_]:
                return list(_studio_answers(document, task))
            case {"frames": _, "annotations": _}:
                return list(_cvat_answers(document, task))
            case {"images": _, "annotations": _}:
                return list(_coco_answers(document))
            case {"label": _} | None:
                return None
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, ZeroDivisionError) as exc:
        what = f"it lacks {exc}" if isinstance(exc, KeyError) else str(exc)
        raise CommandError(
            "cli.answers", f"the file is no answer to a task of {task.kind}: {what:.300}", _HINT
        ) from exc
    raise CommandError("cli.answers", "the file is of no form that a labelling tool exports", _HINT)


_HINT = (
    "export JSON from Label Studio (not JSON-MIN), COCO from any tool, or write JSON lines; for CVAT see "
    "docs/how-to/label-with-label-studio.md"
)


def studio_config(task: LabelTask) -> str:
    """Return the labelling configuration of a Label Studio project."""
    control, part, _ = _TAGS[task.kind]
    shown = f'<{"Image" if task.is_image else "Text"} name="item" value="$item"/>'
    values = "".join(f"<{part} value={quoteattr(name)}/>" for name in task.classes)
    return (
        f'<View>{shown}<{control} name="label" toName="item"{_CHOICE.get(task.kind, "")}>{values}</{control}></View>\n'
    )


def _studio_task(item: Item, task: LabelTask, name: str) -> dict[str, Any]:
    data = {"item": item.item, "key": item.key, "why": item.reason, "manifest": name}
    if not item.guess:
        return {"data": data, "predictions": []}
    scores = [label.score for label in item.guess if label.score is not None]
    prediction = {"model_version": name, "score": min(scores, default=0.0), "result": _studio_results(item, task)}
    return {"data": data, "predictions": [prediction]}


def _studio_results(item: Item, task: LabelTask) -> list[dict[str, Any]]:
    part = _TAGS[task.kind][2]
    common = {"type": part, "from_name": "label", "to_name": "item"}
    if task.kind in _CHOICE:
        return [{"id": "r0", **common, "value": {part: [label.name for label in item.guess]}}]
    size = dict(zip(("original_width", "original_height"), item.size, strict=False))
    return [
        {"id": f"r{number}", **common, **size, "value": {part: [label.name], **_studio_place(label, item)}}
        for number, label in enumerate(item.guess)
    ]


def _studio_place(label: Label, item: Item) -> dict[str, Any]:
    if len(label.place) == 2:
        start, end = map(int, label.place)
        return {"start": start, "end": end, "text": item.item[start:end]}
    x, y, right, bottom = (100 * side for side in label.place)
    return {"x": x, "y": y, "width": right - x, "height": bottom - y, "rotation": 0}


def _studio_answers(tasks: Iterable[Mapping[str, Any]], task: LabelTask) -> Iterator[Answer]:
    part = _TAGS[task.kind][2]
    for labelled in tasks:
        data = labelled["data"]
        for annotation in labelled["annotations"]:
            if annotation.get("was_cancelled"):
                continue
            person = annotation.get("completed_by", "")
            person = person.get("email") or person.get("id") if isinstance(person, dict) else person
            values = [result["value"] for result in annotation["result"] if result.get("type") == part]
            labels = tuple(Label(name, _place(value, task)) for value in values for name in value[part])
            yield Answer(str(data.get("key") or data["item"]), str(person), labels)


def _place(value: Mapping[str, Any], task: LabelTask) -> tuple[float, ...]:
    if task.kind == "spans":
        return int(value["start"]), int(value["end"])
    if task.kind != "boxes":
        return ()
    if value.get("rotation"):
        raise ValueError(f"a box is turned by {value['rotation']:g} degrees; draw it upright")
    x, y = value["x"] / 100, value["y"] / 100
    return _inside((x, y, x + value["width"] / 100, y + value["height"] / 100))


def _cvat(items: Sequence[Item], task: LabelTask, name: str) -> dict[str, Any]:
    kind = "rectangle" if task.kind == "boxes" else "tag"
    ids = {label: number for number, label in enumerate(task.classes, 1)}
    marks = [
        {"frame": frame, "label_id": ids[label.name], "source": "auto", "attributes": []}
        | ({"type": kind, "points": _pixels(label, item), "occluded": False} if label.place else {})
        for frame, item in enumerate(items)
        for label in item.guess
        if item.size or not label.place
    ]
    empty: dict[str, Any] = {"version": 0, "tags": [], "shapes": [], "tracks": []}
    return {
        "task": {"name": name, "labels": [{"name": label, "type": kind, "attributes": []} for label in ids]},
        "data": {"image_quality": 100, "sorting_method": "predefined", "remote_files": [item.item for item in items]},
        "annotations": empty | {"shapes" if kind == "rectangle" else "tags": marks},
    }


def _cvat_answers(document: Mapping[str, Any], task: LabelTask) -> Iterator[Answer]:
    names = {label["id"]: label["name"] for label in document["labels"]}
    marks = document["annotations"]["shapes" if task.kind == "boxes" else "tags"]
    for number, frame in enumerate(document["frames"]):
        size = (frame["width"], frame["height"])
        drawn = [mark for mark in marks if mark["frame"] == number]
        if turned := [mark for mark in drawn if mark.get("rotation") or mark.get("type", "rectangle") != "rectangle"]:
            raise ValueError(f"{frame['name']} has a {turned[0].get('type')} that is no upright rectangle")
        labels = tuple(Label(names[mark["label_id"]], _shares(mark.get("points", ()), size)) for mark in drawn)
        yield Answer(frame["name"], str(document.get("annotator", "")), labels)


def _coco(items: Sequence[Item], task: LabelTask) -> dict[str, Any]:
    ids = {label: number for number, label in enumerate(task.classes, 1)}
    boxes = [
        (image, label, _pixels(label, item)) for image, item in enumerate(items, 1) if item.size for label in item.guess
    ]
    return {
        "images": [
            {"id": image, "file_name": item.item, "coco_url": item.item, "key": item.key}
            | dict(zip(("width", "height"), item.size, strict=False))
            for image, item in enumerate(items, 1)
        ],
        "categories": [{"id": number, "name": label} for label, number in ids.items()],
        "annotations": [
            {"id": number, "image_id": image, "category_id": ids[label.name], "score": label.score, "iscrowd": 0}
            | {"bbox": [x, y, right - x, bottom - y], "area": (right - x) * (bottom - y), "segmentation": []}
            for number, (image, label, (x, y, right, bottom)) in enumerate(boxes, 1)
        ],
    }


def _coco_answers(document: Mapping[str, Any]) -> Iterator[Answer]:
    names = {category["id"]: category["name"] for category in document["categories"]}
    for image in document["images"]:
        boxes = [box for box in document["annotations"] if box["image_id"] == image["id"]]
        size = (image["width"], image["height"]) if boxes else (1, 1)
        labels = tuple(Label(names[box["category_id"]], _shares(_corners(*box["bbox"]), size)) for box in boxes)
        yield Answer(str(image.get("key") or image["file_name"]), "", labels)


def _corners(x: float, y: float, width: float, height: float) -> tuple[float, ...]:
    return x, y, x + width, y + height


def _pixels(label: Label, item: Item) -> list[float]:
    return [side * pixels for side, pixels in zip(label.place, item.size * 2, strict=True)]


def _shares(points: Sequence[float], size: tuple[float, float]) -> tuple[float, ...]:
    return _inside(tuple(point / pixels for point, pixels in zip(points, size * 2, strict=False)))


def _inside(place: tuple[float, ...]) -> tuple[float, ...]:
    """Return the place without what tools add by rounding; what is further outside stays, and is refused."""
    return tuple(min(max(side, 0.0), 1.0) if -0.005 <= side <= 1.005 else side for side in place)


def _document(text: str) -> Any:
    """Return a JSON document; None for several lines of them."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        for line in filter(None, text.splitlines()):
            json.loads(line)
        return None


def _json(document: Any) -> bytes:
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()
