"""Concept drift: the label given the features. Inputs that move, and bad days, are not it."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from shared.drift.rows.segments import Segmentation, block_means, segmentations
from shared.drift.signals.concept import ConceptReference, ConceptRules, concept_reference, judge_concept

Numbers = NDArray[np.float64]
Rows = tuple[pd.DataFrame, Numbers, Numbers]


def served(
    rows: int, seed: int, *, weight: float = 1.0, shift: float = 0.0, odd_city: float = 0.0, shocks: float = 0.0
) -> Rows:
    """Return features, scores and labels. The model knows weight 1; shocks last for 200 rows and make all labels 1."""
    chance = np.random.default_rng(seed)
    age = chance.normal(shift, 1.0, rows)
    city = chance.choice(["Porto", "Lisboa", "Faro", "Braga"], rows)
    shock = np.repeat(chance.normal(0, shocks, rows // 200 + 1), 200)[:rows]
    logit = weight * age + np.where(city == "Faro", odd_city, 0.0) + shock
    label = chance.random(rows) < 1 / (1 + np.exp(-logit))
    frame = pd.DataFrame({"age": age, "city": city})
    frame.loc[::50, "age"] = np.nan
    return frame, 1 / (1 + np.exp(-age)), label.astype(np.float64)


@cache
def reference() -> ConceptReference:
    return concept_reference(*served(20_000, 1))


def test_a_window_like_the_reference_is_no_drift() -> None:
    report = judge_concept(reference(), *served(5000, 2))
    assert (report.signal, report.verdict, report.measure) == ("concept-drift", "no-drift", "roc_auc lost")
    assert "where the inputs make expect" in report.sentence


def test_inputs_that_moved_are_no_concept_drift() -> None:
    assert judge_concept(reference(), *served(5000, 2, shift=0.7)).verdict == "no-drift"


def test_scores_that_rank_worse_are_found() -> None:
    report = judge_concept(reference(), *served(5000, 2, weight=0.4))
    assert report.verdict == "drift"
    assert "counts)" in report.sentence
    assert report.value == pytest.approx(0.126, abs=0.03)


def test_the_segment_that_got_worse_is_named() -> None:
    report = judge_concept(reference(), *served(8000, 2, odd_city=1.5))
    assert report.verdict == "drift"
    worst = report.columns[0]
    assert (worst.name, worst.is_drifted) == ("city", True)
    assert "city Faro: labels are 1" in report.sentence
    assert "more often than elsewhere" in worst.sentence
    assert not next(column for column in report.columns if column.name == "age").is_drifted


def test_a_level_beyond_what_the_reference_shows_is_found() -> None:
    frame, scores, labels = served(5000, 2)
    flipped = np.where(np.random.default_rng(3).random(5000) < 0.3, 1.0, labels)
    report = judge_concept(reference(), frame, scores, flipped)
    assert report.verdict == "drift"
    assert "more often than the scores say (floor 5.0%)" in report.sentence


def test_too_few_labels_are_no_news() -> None:
    few = judge_concept(reference(), *served(900, 2))
    assert (few.verdict, few.value) == ("insufficient-data", None)
    frame, scores, _ = served(5000, 2)
    assert judge_concept(reference(), frame, scores, np.zeros(5000)).verdict == "insufficient-data"


def test_a_lost_column_leaves_the_others_to_be_judged() -> None:
    frame, scores, labels = served(5000, 2)
    report = judge_concept(reference(), frame.drop(columns="city"), scores, labels)
    assert [column.name for column in report.columns] == ["age"]


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        pytest.param(np.ones(3), np.ones(2), "need as many scores and labels", id="lengths"),
        pytest.param(np.array([0.1, np.nan, 0.2]), np.ones(3), "1 scores are not finite", id="nan"),
        pytest.param(np.ones(3), np.array([0.0, 2.0, 1.0]), "needs labels 0 and 1", id="labels"),
    ],
)
def test_misuse_is_refused(scores: Numbers, labels: Numbers, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        judge_concept(reference(), pd.DataFrame({"age": [1, 2, 3]}), scores, labels)
    with pytest.raises(ValueError, match="min_ranking_loss must lie between 0 and 1"):
        ConceptRules(min_ranking_loss=3)
    with pytest.raises(ValueError, match="2,000 labelled rows"):
        concept_reference(*served(500, 1))


def test_segments_cover_all_rows() -> None:
    frame = served(2000, 1)[0]
    age, city = segmentations(frame)
    assert (len(age.labels), city.categories) == (11, tuple(frame["city"].value_counts().index))
    new = pd.DataFrame({"age": [-99.0, 99.0, None], "city": ["Evora", None, "Faro"]})
    assert [age.labels[code] for code in age.codes(new["age"])][1:] == [age.labels[9], "missing"]
    assert [city.labels[code] for code in city.codes(new["city"])] == ["any other", "missing", "Faro"]
    assert segmentations(frame, columns=["city", "gone"]) == [city]
    assert Segmentation("empty").labels == ("any", "missing")


def test_block_errors_see_what_row_errors_do_not() -> None:
    chance = np.random.default_rng(1)
    alike = np.repeat(chance.normal(0, 1, 10), 100)
    means = block_means(alike, np.zeros(1000, dtype=np.int64), 1)
    assert means.error[0] == pytest.approx(alike.std() / np.sqrt(10), rel=0.2)
    assert means.blocks[0] == 10
