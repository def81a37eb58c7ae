"""Which items are asked about."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from shared.drift.signals.labelling import choose, manifest


def rows(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame(columns)


def names(frame: pd.DataFrame, most: int, embedding: str = "") -> list[str]:
    return [candidate.item for candidate in choose(frame, "image", embedding, most)]


def test_the_least_certain_come_first() -> None:
    frame = rows(image=["a", "b", "c", "d"], prediction=[0.99, 0.51, 0.2, 0.4])
    assert names(frame, 3) == ["b", "d", "c"]


def test_of_several_classes_the_flattest_is_least_certain() -> None:
    frame = rows(image=["a", "b", "c"], prediction=[[0.9, 0.05, 0.05], [0.34, 0.33, 0.33], [0.5, 0.5, 0.0]])
    assert names(frame, 3) == ["b", "c", "a"]
    assert choose(frame, "image", "", 1)[0].uncertainty == pytest.approx(0.99)


def test_unusual_ones_take_turns_with_uncertain_ones() -> None:
    vectors = [[0.0, 0.1], [0.1, 0.0], [9.0, 9.0], [0.0, 0.0], [5.0, 5.0]]
    frame = rows(image=list("abcde"), prediction=[0.5, 0.6, 0.99, 0.7, 0.98], embedding=vectors)
    assert names(frame, 4, "embedding") == ["a", "c", "b", "e"]
    assert [candidate.reason for candidate in choose(frame, "image", "embedding", 2)] == [
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
        choose(frame, "image", "embedding", 5)


def test_the_manifest_is_lines_with_an_empty_label() -> None:
    chosen = choose(rows(image=["ação.png"], prediction=[0.5]), "image", "", 5)
    assert json.loads(manifest(chosen, "image")) == {
        "label": None,
        "image": "ação.png",
        "why": "least certain",
        "uncertainty": 1.0,
        "unusual": None,
    }
