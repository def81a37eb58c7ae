"""What people answered becomes one label a row, or is refused, or left out and named."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from shared.drift.signals.answers import fleiss_kappa, read_answers
from shared.ports.labels import LabelTask

ITEMS = {"7": "a.png", "8": "b.png", "9": "the dent in the door"}
CLASSES = LabelTask("image", classes=("scratch", "dent"))
BOXES = LabelTask("image", "boxes", ("scratch", "dent"))
SPANS = LabelTask("image", "spans", ("part",))


def lines(*answers: object) -> bytes:
    return "\n".join(json.dumps(answer) for answer in answers).encode()


def box(label: str = "dent", x: float = 0.1, top: float = 0.1, right: float = 0.5, bottom: float = 0.5) -> Any:
    return {"label": label, "topX": x, "topY": top, "bottomX": right, "bottomY": bottom}


def test_rows_are_named_by_their_key_or_by_the_item() -> None:
    answers = read_answers(
        lines({"row_id": 7.0, "label": "dent"}, {"image": "b.png", "label": "scratch"}, {"row_id": "9", "label": None}),
        ITEMS,
        CLASSES,
    )
    assert (answers.labels, answers.remarks) == ({"7": "dent", "8": "scratch"}, ())


@pytest.mark.parametrize(
    ("task", "label", "stored"),
    [
        pytest.param(LabelTask("image", "several-labels"), ["dent", "a", "dent"], ["a", "dent"], id="several"),
        pytest.param(BOXES, [box() | {"isCrowd": 0}], [box()], id="boxes"),
        pytest.param(BOXES, [], [], id="no_box_is_an_answer"),
        pytest.param(
            SPANS, [{"label": "part", "start": 4, "end": 8}], [{"label": "part", "start": 4, "end": 8}], id="span"
        ),
        pytest.param(LabelTask("image"), 3, "3", id="any_class"),
        pytest.param(LabelTask("image", classes=("1.0", "x")), 1, "1.0", id="number_in_another_form"),
    ],
)
def test_labels_have_one_form(task: LabelTask, label: object, stored: object) -> None:
    assert read_answers(lines({"row_id": "9", "label": label}), ITEMS, task).labels == {"9": stored}


@pytest.mark.parametrize(
    ("task", "line", "problem"),
    [
        pytest.param(CLASSES, {"row_id": "7", "label": "dnet"}, "no class dnet; there are scratch, dent", id="class"),
        pytest.param(CLASSES, {"row_id": "7", "label": ["dent"]}, "is not one class", id="list"),
        pytest.param(CLASSES, {"row_id": "7"}, "it has no 'label'", id="no_label"),
        pytest.param(CLASSES, ["7", "dent"], "line 2 is no answer", id="no_object"),
        pytest.param(BOXES, {"row_id": "7", "label": "dent"}, "is not a list of boxes", id="no_list"),
        pytest.param(BOXES, {"row_id": "7", "label": [box(x=0.6)]}, "is not in the item", id="turned"),
        pytest.param(BOXES, {"row_id": "7", "label": [box(bottom=40)]}, "is not in the item", id="pixels"),
        pytest.param(BOXES, {"row_id": "7", "label": [{"label": "dent"}]}, "it has no 'topX'", id="no_sides"),
        pytest.param(SPANS, {"row_id": "9", "label": [{"label": "part", "start": 4, "end": 99}]}, "in the it", id="e"),
    ],
)  # fmt: skip
def test_a_wrong_line_is_refused_with_its_number(task: LabelTask, line: object, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read_answers(lines({"row_id": "8", "label": None}, line), ITEMS, task)


@given(st.binary(max_size=60))
def test_any_bytes_are_answers_or_refused(content: bytes) -> None:
    for task in (CLASSES, BOXES, SPANS):
        with pytest.raises(ValueError, match="line"):
            read_answers(content, ITEMS, task)


def test_what_cannot_be_settled_is_left_out_and_named() -> None:
    given = [("7", "ana", "dent"), ("7", "ben", "dent"), ("7", "eva", "scratch"), ("8", "ana", "dent"),
             ("8", "ben", "scratch"), ("9", "ana", "dent"), ("9", "ana", "scratch"), ("10", "ana", "dent")]  # fmt: skip
    answers = read_answers(
        lines(*({"row_id": row, "annotator": who, "label": label} for row, who, label in given)), ITEMS, CLASSES
    )
    assert answers.labels == {"7": "dent", "9": "scratch"}
    assert answers.annotators == {"7": ("ana", "ben", "eva"), "9": ("ana",)}
    assert answers.remarks == (
        "left out, nobody asked for these rows: 1 (10)",
        "answered twice by one annotator, the last answer counts: 1 (9)",
        "left out, the annotators disagree: 1 (8)",
        "1 of 4 pairs of answers to the same row agree, Fleiss' kappa -0.74",
    )


def test_a_file_of_which_nothing_can_be_taken_is_refused() -> None:
    both = lines(
        *({"row_id": "7", "annotator": who, "label": label} for who, label in (("ana", "dent"), ("ben", "scratch")))
    )
    with pytest.raises(
        ValueError, match=r"no line has a label to be taken; left out, the annotators disagree: 1 \(7\)"
    ):
        read_answers(both, ITEMS, CLASSES)


def test_boxes_that_cover_the_same_are_the_same() -> None:
    near, far = box(right=0.55), box(right=0.95)
    labels = [("7", "ana", [box()]), ("7", "ben", [near]), ("8", "ana", [box()]), ("8", "ben", [far])]
    answers = read_answers(
        lines(*({"row_id": row, "annotator": who, "label": label} for row, who, label in labels)), ITEMS, BOXES
    )
    assert answers.labels == {"7": [box()]}
    assert answers.remarks[-1] == "1 of 2 pairs of answers to the same row agree"


def test_kappa_of_its_papers_example_and_of_chance() -> None:
    """Fleiss' example: 14 raters, 10 items, 5 categories, kappa 0.210 (en.wikipedia.org, Fleiss' kappa)."""
    table = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    ratings = [[str(category) for category, n in enumerate(row) for _ in range(n)] for row in table]
    assert fleiss_kappa(ratings) == pytest.approx(0.20993070442195524, abs=1e-12)
    assert fleiss_kappa([["a", "a"], ["a", "a"]]) is None


def test_kappa_of_two_annotators_with_equal_shares_is_cohens() -> None:
    random = np.random.default_rng(1)
    one = np.repeat(["a", "b", "c"], 40)
    other = random.permutation(one)
    assert fleiss_kappa(list(zip(one, other, strict=True))) == pytest.approx(cohen_kappa_score(one, other), abs=1e-12)
