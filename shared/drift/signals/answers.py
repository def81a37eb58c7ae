"""What people answered when they were asked for labels: checked, one label for each row, and how well they agree."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from shared.drift.rows.equal import key_of
from shared.ports.labels import LabelTask

# The sides of a box as AutoML for images writes them, 0-1 of the image, and the ends of a span in characters.
# Source: learn.microsoft.com, reference-automl-images-schema, read 2026-11-30.
SIDES = {"boxes": ("topX", "topY", "bottomX", "bottomY"), "spans": ("start", "end")}
# Two people mean the same box when so much of what both cover is in common, as COCO and VOC count a hit.
SAME_BOX = 0.5
_LISTED = 5


@dataclass(frozen=True, slots=True)
class Answers:
    """One label for each row's key, as JSON has it, and the annotators who gave it."""

    labels: Mapping[str, Any]
    annotators: Mapping[str, tuple[str, ...]]
    remarks: tuple[str, ...]


def read_answers(content: bytes, items: Mapping[str, str], task: LabelTask) -> Answers:
    """Return what a file of answers says, without what cannot be settled.

    Args:
        content: JSON Lines with the row's key or the item, `label`, and `annotator` where there are several.
        items: items by row key.

    Raises:
        ValueError: a line is no answer, or no line is; the message says which, and why.
    """
    keys = {key_of(name): key for key, item in items.items() for name in (item, key)}
    given: dict[str, dict[str, Any]] = defaultdict(dict)
    strangers, repeated = [], []
    for number, line in enumerate(content.splitlines(), 1):
        try:
            answer = json.loads(line)
            name, label = key_of(answer.get(task.key, answer.get(task.item))), answer["label"]
            if label is None:
                continue
            if (key := keys.get(name)) is None:
                strangers.append(name)
                continue
            label, annotator = _checked(label, items[key], task), str(answer.get("annotator", ""))
        except (KeyError, TypeError, ValueError, AttributeError) as exc:
            what = f"it has no {exc}" if isinstance(exc, KeyError) else str(exc)
            raise ValueError(f"line {number} is no answer: {what:.300}") from exc
        if annotator in given[key]:
            repeated.append(key)
        given[key][annotator] = label
    if not given:
        raise ValueError(f"no line labels a row that was asked for; {len(strangers)} are about others")
    return _settled(given, strangers, repeated, task)


def _checked(label: Any, item: str, task: LabelTask) -> Any:
    """Return the label in one form: a class, classes in order, or boxes or spans with their sides.

    Raises:
        ValueError, TypeError, KeyError: it has another form, a class that there is not, or a place outside the item.
    """
    if task.kind != "classes" and not isinstance(label, list):
        raise TypeError(f"its label {label!r:.80} is no list of {task.kind}")
    if task.kind == "classes" and isinstance(label, list | dict):
        raise TypeError(f"its label {label!r:.80} is not one class")
    sides = SIDES.get(task.kind, ())
    labels = label if isinstance(label, list) else [label]
    names = [str(part["label"] if sides else part) for part in labels]
    if unknown := sorted({name for name in names if task.classes and name not in task.classes}):
        raise ValueError(f"there is no class {', '.join(unknown)}; there are {', '.join(task.classes)}")
    if not sides:
        return names[0] if task.kind == "classes" else sorted(set(names))
    places = [{side: part[side] for side in sides} for part in labels]
    if misplaced := [place for place in places if not _is_in(list(place.values()), item, task)]:
        raise ValueError(f"{misplaced[0]} is not in the item")
    return [{"label": name, **place} for name, place in zip(names, places, strict=True)]


def _is_in(place: list[float], item: str, task: LabelTask) -> bool:
    if task.kind == "spans":
        return 0 <= place[0] < place[1] <= len(item)
    return 0 <= place[0] < place[2] <= 1 and 0 <= place[1] < place[3] <= 1


def _settled(
    given: Mapping[str, Mapping[str, Any]], strangers: Sequence[str], repeated: Sequence[str], task: LabelTask
) -> Answers:
    """Return of each row the label that more than half of its annotators gave."""
    labels: dict[str, Any] = {}
    for key, by in given.items():
        votes = ((label, sum(_is_same(label, other, task) for other in by.values())) for label in by.values())
        if agreed := [label for label, count in votes if 2 * count > len(by)]:
            labels[key] = agreed[0]
    notes = {
        "left out, nobody asked for these rows": strangers,
        "answered twice by one annotator, the last answer counts": repeated,
        "left out, the annotators disagree": [key for key in given if key not in labels],
    }
    remarks = [f"{note}: {len(keys)} ({_some(keys)})" for note, keys in notes.items() if keys]
    remarks += _agreement([list(by.values()) for by in given.values() if len(by) > 1], task)
    return Answers(labels, {key: tuple(filter(None, given[key])) for key in labels}, tuple(remarks))


def _agreement(shared: Sequence[Sequence[Any]], task: LabelTask) -> Iterator[str]:
    """Yield how well the annotators of the same rows agree."""
    if not shared:
        return
    pairs = [_is_same(one, other, task) for labels in shared for one, other in combinations(labels, 2)]
    words = f"{sum(pairs)} of {len(pairs)} pairs of answers to the same row agree"
    if task.kind != "boxes":
        kappa = fleiss_kappa([[json.dumps(label) for label in labels] for labels in shared])
        words += "" if kappa is None else f", Fleiss' kappa {kappa:.2f}"
    yield words


def fleiss_kappa(ratings: Sequence[Sequence[str]]) -> float | None:
    """Return how far agreement is beyond chance, 1 at most; None where there is but one category.

    Args:
        ratings: the categories that each item got, two or more.

    Source: J. L. Fleiss, Measuring nominal scale agreement among many raters, Psychological Bulletin 76 (1971).
    """
    counts = [Counter(item) for item in ratings]
    agreeing = [
        sum(n * (n - 1) for n in count.values()) / (len(item) * (len(item) - 1))
        for count, item in zip(counts, ratings, strict=True)
    ]
    whole = sum(counts, Counter[str]())
    chance = sum((n / whole.total()) ** 2 for n in whole.values())
    return None if len(whole) == 1 else (sum(agreeing) / len(agreeing) - chance) / (1 - chance)


def _is_same(one: Any, other: Any, task: LabelTask) -> bool:
    """Return whether two labels are equal; boxes, whether each has its like in the other."""
    if task.kind != "boxes":
        return bool(one == other)
    is_matched = all(
        any(_overlap(box, like) >= SAME_BOX for like in other if like["label"] == box["label"]) for box in one
    )
    return is_matched and len(one) == len(other)


def _overlap(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Return the area of what two boxes share, of what they cover together."""
    width = min(one["bottomX"], other["bottomX"]) - max(one["topX"], other["topX"])
    height = min(one["bottomY"], other["bottomY"]) - max(one["topY"], other["topY"])
    shared = max(width, 0) * max(height, 0)
    areas = [(box["bottomX"] - box["topX"]) * (box["bottomY"] - box["topY"]) for box in (one, other)]
    return shared / (sum(areas) - shared)


def _some(keys: Sequence[str]) -> str:
    return ", ".join(keys[:_LISTED]) + (f" and {len(keys) - _LISTED} more" if len(keys) > _LISTED else "")
