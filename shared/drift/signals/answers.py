"""What people answered when they were asked for labels: checked, one label for each row, and how well they agree."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from shared.drift.rows.equal import key_of
from shared.metrics.classes import class_text
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
    """Return of each row the label that more than half of its annotators gave.

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
            name, annotator = key_of(answer.get(task.key, answer.get(task.item))), str(answer.get("annotator", ""))
            label, key = answer["label"], keys.get(name)
            if label is not None and key is None:
                strangers.append(name)
            if label is None or key is None:
                continue
            label = _checked(label, items[key], task)
        except (KeyError, TypeError, ValueError, AttributeError) as exc:
            what = f"it has no {exc}" if isinstance(exc, KeyError) else str(exc)
            raise ValueError(f"line {number} is no answer: {what:.300}") from exc
        repeated += [key] if annotator in given[key] else []
        given[key][annotator] = label
    labels = {key: label for key, by in given.items() for label in _agreed(list(by.values()), task)}
    notes = {
        "left out, nobody asked for these rows": strangers,
        "answered twice by one annotator, the last answer counts": repeated,
        "left out, the annotators disagree": [key for key in given if key not in labels],
    }
    remarks = [f"{note}: {len(names)} ({_some(names)})" for note, names in notes.items() if names]
    if not labels:
        raise ValueError("; ".join(["no line has a label to be taken", *remarks]))
    remarks += _agreement([list(by.values()) for by in given.values() if len(by) > 1], task)
    return Answers(labels, {key: tuple(filter(None, given[key])) for key in labels}, tuple(remarks))


def _checked(label: Any, item: str, task: LabelTask) -> Any:
    """Return the label in one form: a class, classes in order, or boxes or spans with their sides.

    Raises:
        ValueError, TypeError, KeyError: it has another form, a class that there is not, or a place outside the item.
    """
    if isinstance(label, dict) or isinstance(label, list) == (task.kind == "classes"):
        form = "one class" if task.kind == "classes" else f"a list of {task.kind}"
        raise TypeError(f"its label {label!r:.80} is not {form}")
    sides, parts = SIDES.get(task.kind), label if isinstance(label, list) else [label]
    classes = {class_text(name): name for name in task.classes}
    texts = [class_text(part["label"] if sides else part) for part in parts]
    if unknown := sorted({text for text in texts if classes and text not in classes}):
        raise ValueError(f"there is no class {', '.join(unknown)}; there are {', '.join(task.classes)}")
    names = [classes.get(text, text) for text in texts]
    if not sides:
        return names[0] if task.kind == "classes" else sorted(set(names))
    places = [{side: part[side] for side in sides} for part in parts]
    end, half = len(item) if task.kind == "spans" else 1, len(sides) // 2
    for place in places:
        values = list(place.values())
        if not all(0 <= low < high <= end for low, high in zip(values[:half], values[half:], strict=True)):
            raise ValueError(f"{place} is not in the item")
    return [{"label": name, **place} for name, place in zip(names, places, strict=True)]


def _agreed(labels: Sequence[Any], task: LabelTask) -> Sequence[Any]:
    """Return the label that more than half of the annotators gave, if there is one."""
    votes = [sum(_is_same(label, other, task) for other in labels) for label in labels]
    return [label for label, count in zip(labels, votes, strict=True) if 2 * count > len(labels)][:1]


def _agreement(shared: Sequence[Sequence[Any]], task: LabelTask) -> Iterator[str]:
    """Yield how well the annotators of the same rows agree."""
    pairs = [_is_same(one, other, task) for labels in shared for one, other in combinations(labels, 2)]
    texts = [[json.dumps(label) for label in labels] for labels in shared] if task.kind != "boxes" else []
    kappa = fleiss_kappa(texts)
    if pairs:
        beyond_chance = "" if kappa is None else f", Fleiss' kappa {kappa:.2f}"
        yield f"{sum(pairs)} of {len(pairs)} pairs of answers to the same row agree{beyond_chance}"


def fleiss_kappa(ratings: Sequence[Sequence[str]]) -> float | None:
    """Return how far agreement is beyond chance, 1 at most; None where there is no second category.

    Args:
        ratings: the categories that each item got, two or more.

    Source: J. L. Fleiss, Measuring nominal scale agreement among many raters, Psychological Bulletin 76 (1971).
    """
    counts = [Counter(item) for item in ratings]
    whole = sum(counts, Counter[str]())
    if len(whole) < 2:
        return None
    shares = [sum(n * (n - 1) for n in c.values()) / (c.total() * (c.total() - 1)) for c in counts]
    chance = sum((n / whole.total()) ** 2 for n in whole.values())
    return (sum(shares) / len(shares) - chance) / (1 - chance)


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
