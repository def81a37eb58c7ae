"""Vectors that moved are found, vectors that did not are left alone, and broken ones are told."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from shared.drift.signals.embeddings import (
    EmbeddingRules,
    compare_embeddings,
    mean_distance,
)

Numbers = NDArray[np.float64]


def cloud(rows: int, seed: int, shift: float = 0.0, length: int = 64) -> Numbers:
    """Return vectors with a few strong directions, as embeddings have, moved along the strongest by its spread."""
    chance = np.random.default_rng(seed)
    spreads = 1 / np.sqrt(1 + np.arange(length))
    spreads[0] = 1.0
    vectors = chance.normal(0, 1, (rows, length)) * spreads
    vectors[:, 0] += shift
    return vectors


def test_vectors_like_the_reference_are_no_drift() -> None:
    report = compare_embeddings(cloud(1000, 1), cloud(1000, 2))
    assert (report.signal, report.verdict, report.measure, report.rows) == (
        "embedding-drift",
        "no-drift",
        "roc_auc",
        1000,
    )
    assert report.threshold == 0.6


def test_vectors_that_moved_are_found() -> None:
    report = compare_embeddings(cloud(1000, 1), cloud(1000, 2, shift=0.8))
    assert report.verdict == "drift"
    assert report.value == pytest.approx(0.71, abs=0.04)
    assert "their mean moved by 0.36 of the reference's spread" in report.sentence


def test_a_change_of_shape_without_a_move_of_the_mean_is_not_seen_by_the_mean() -> None:
    assert mean_distance(cloud(2000, 1), 2 * cloud(2000, 2)) < 0.1
    assert mean_distance(np.ones((5, 3)), np.ones((5, 3))) == 0.0
    assert mean_distance(np.ones((5, 3)), np.zeros((5, 3))) == math.inf


def test_lists_in_a_column_are_vectors_and_broken_ones_are_reported() -> None:
    window = pd.Series([*map(list, cloud(500, 2))])
    window[0], window[1], window[2], window[3] = None, [1.0, 2.0], [math.nan] * 64, "text"
    report = compare_embeddings(cloud(500, 1), window)
    assert (report.verdict, report.rows) == ("no-drift", 496)
    assert report.findings == (
        "2 of 500 vectors of the window are missing or no vectors; they are left out",
        "1 of 500 vectors of the window do not have 64 numbers as most; they are left out",
        "1 of 500 vectors of the window hold values that are not finite; they are left out",
    )


@pytest.mark.parametrize(
    ("window", "words"),
    [
        pytest.param(cloud(50, 2), "50 in the window; 200 are needed", id="few"),
        pytest.param([], "0 in the window", id="none"),
        pytest.param([None] * 500, "0 in the window", id="missing"),
    ],
)
def test_too_few_vectors_are_no_news(window: Numbers, words: str) -> None:
    report = compare_embeddings(cloud(500, 1), window)
    assert (report.verdict, report.value) == ("insufficient-data", None)
    assert words in report.sentence


def test_vectors_of_another_length_come_from_another_model() -> None:
    report = compare_embeddings(cloud(300, 1), cloud(300, 1, length=32))
    assert report.verdict == "drift"
    assert "have 64 numbers, the window's 32: another model made them" in report.sentence


def test_past_windows_that_vary_raise_the_floor() -> None:
    past = [0.55, 0.7, 0.6, 0.72, 0.58, 0.66, 0.61, 0.69]
    report = compare_embeddings(cloud(1000, 1), cloud(1000, 2, shift=0.8), past=past)
    assert report.verdict == "no-drift"
    assert "set by past windows" in report.sentence


def test_at_most_a_sample_is_looked_at_and_always_the_same() -> None:
    rules = EmbeddingRules(sample=300)
    first, second = (compare_embeddings(cloud(5000, 1), cloud(5000, 2), rules) for _ in range(2))
    assert first == second
    assert first.rows == 300


def test_constant_vectors_are_compared_without_fuss() -> None:
    same = np.ones((300, 8))
    assert compare_embeddings(same, same).verdict == "no-drift"
    assert compare_embeddings(same, same * 2).verdict == "drift"


@pytest.mark.parametrize("wrong", [{"min_auc": 0.5}, {"false_alarms": 0}, {"minimum_rows": 10}])
def test_rules_that_cannot_be_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must lie between"):
        EmbeddingRules(**wrong)  # type: ignore[arg-type]
