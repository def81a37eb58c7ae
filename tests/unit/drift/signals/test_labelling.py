"""Which items are asked about."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from shared.drift.signals.labelling import choose, manifest
from shared.ports.labels import LabelTask

TASK = LabelTask("image")


def rows(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame(columns)


def names(frame: pd.DataFrame, most: int, embedding: str = "") -> list[str]:
    return [candidate.item for candidate in choose(frame, TASK, embedding, most)]


def test_the_least_certain_come_first() -> None:
    frame = rows(image=["a", "b", "c", "d"], prediction=[0.99, 0.51, 0.2, 0.4])
    assert names(frame, 3) == ["b", "d", "c"]


def test_of_several_classes_the_flattest_is_least_certain() -> None:
    frame = rows(image=["a", "b", "c"], prediction=[[0.9, 0.05, 0.05], [0.34, 0.33, 0.33], [0.5, 0.5, 0.0]])
    assert names(frame, 3) == ["b", "c", "a"]
    assert choose(frame, TASK, "", 1)[0].uncertainty == pytest.approx(0.99)


def test_unusual_ones_take_turns_with_uncertain_ones() -> None:
    vectors = [[0.0, 0.1], [0.1, 0.0], [9.0, 9.0], [0.0, 0.0], [5.0, 5.0]]
    frame = rows(image=list("abcde"), prediction=[0.5, 0.6, 0.99, 0.7, 0.98], embedding=vectors)
    assert names(frame, 4, "embedding") == ["a", "c", "b", "e"]
    assert [candidate.reason for candidate in choose(frame, TASK, "embedding", 2)] == [
        "least certain",
        "most unusual",
    ]


def test_an_item_served_often_is_asked_about_once() -> None:
    frame = rows(image=["a", "a", "b", None], prediction=[0.9, 0.5, 0.8, 0.5])
    assert names(frame, 10) == ["a", "b"]


def test_rows_that_tell_nothing_are_left_out() -> None:
    frame = rows(
        image=list("abcd"),
        prediction=["cat", np.nan, 7, 0.6],
        embedding=[[1.0, 2.0], None, "no vector", [float("nan"), 1.0]],
    )
    assert names(frame, 10, "embedding") == ["d", "a"]


@pytest.mark.parametrize(
    ("frame", "problem"),
    [
        (rows(text=["a"], prediction=[0.5]), "no column 'image'; there are text, prediction"),
        (rows(image=["a"], prediction=["cat"]), "neither probabilities in column 'prediction' nor vectors"),
    ],
)
def test_what_cannot_be_chosen_from_is_said(frame: pd.DataFrame, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        choose(frame, TASK, "embedding", 5)


def test_the_manifest_is_lines_with_an_empty_label_and_what_a_tool_shows() -> None:
    frame = rows(image=["ação.png"], row_id=[7.0], prediction=[np.float64(0.5)], width=[640], height=[np.nan])
    assert json.loads(manifest(choose(frame, TASK, "", 5), TASK)) == {
        "label": None,
        "image": "ação.png",
        "row_id": "7",
        "why": "least certain",
        "uncertainty": 1.0,
        "unusual": None,
        "prediction": 0.5,
        "width": 640,
    }


def test_without_a_column_of_keys_the_item_is_the_key() -> None:
    (chosen,) = choose(rows(image=["a.png"], prediction=[0.5]), TASK, "", 5)
    assert chosen.key == "a.png"


def test_of_boxes_and_spans_the_least_certain_counts() -> None:
    boxes = [
        {"boxes": [{"label": "dent", "score": 0.99}, {"label": "dent", "score": 0.5}]},
        {"boxes": []},
        [{"label": "dent", "score": 0.9}],
        {"labels": ["a", "b"], "probs": [0.7, 0.3]},
        ["a", "b"],
    ]
    chosen = choose(rows(image=list("abcde"), prediction=boxes), TASK, "", 5)
    assert [(candidate.item, candidate.uncertainty) for candidate in chosen] == [("a", 1.0), ("d", 0.6), ("c", 0.2)]


def test_of_several_labels_the_least_certain_counts() -> None:
    chosen = choose(rows(image=["a", "b"], prediction=[[0.9, 0.95, 0.05], [0.9, 0.6, 0.05]]), TASK, "", 2)
    assert [(candidate.item, candidate.uncertainty) for candidate in chosen] == [("b", 0.8), ("a", 0.2)]


def test_columns_of_probabilities_say_how_certain_it_is() -> None:
    frame = rows(image=["a", "b"], prediction=["x", "y"], prediction_x=[0.9, 0.4], prediction_y=[0.1, 0.6])
    assert [candidate.item for candidate in choose(frame, TASK, "", 2)] == ["b", "a"]
