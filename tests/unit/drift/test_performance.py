"""Performance on late labels: below the bound only when it is so beyond doubt."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from shared.drift.performance import PerformanceRules, judge_performance

RULES = PerformanceRules("roc_auc", 0.8, key="flight_id", label="late")


def served(rows: int, noise: float, seed: int = 1) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return scored rows and their labels; more noise, worse predictions."""
    chance = np.random.default_rng(seed)
    truth = chance.integers(0, 2, rows)
    prediction = np.clip(truth * 0.5 + 0.25 + chance.normal(0, noise, rows), 0, 1)
    keys = [f"f{number}" for number in range(rows)]
    return pd.DataFrame({"flight_id": keys, "prediction": prediction}), pd.DataFrame({"flight_id": keys, "late": truth})


@pytest.mark.parametrize(
    ("noise", "verdict"),
    [pytest.param(0.2, "good-enough", id="clearly_better"), pytest.param(1.0, "worse", id="clearly_worse")],
)
def test_the_verdict_follows_the_predictions(noise: float, verdict: str) -> None:
    assert judge_performance(*served(2000, noise), RULES).verdict == verdict


def test_a_value_below_the_bound_by_chance_is_no_alarm() -> None:
    scored, labelled = served(250, 0.42, seed=3)
    report = judge_performance(scored, labelled, PerformanceRules("roc_auc", 0.83, "flight_id", "late"))
    assert report.value is not None
    assert report.value < 0.83
    assert report.verdict == "good-enough"


def test_only_rows_with_a_label_count() -> None:
    scored, labelled = served(1000, 0.2)
    report = judge_performance(scored, labelled.head(120), RULES)
    assert (report.verdict, report.rows) == ("insufficient-data", 120)
    assert "120 scored rows have a label by now; 200 are needed" in report.sentence


def test_one_class_is_too_little_to_judge_by() -> None:
    scored, labelled = served(500, 0.2)
    assert judge_performance(scored, labelled.assign(late=0), RULES).verdict == "insufficient-data"


def test_a_row_that_was_scored_twice_counts_once() -> None:
    scored, labelled = served(300, 0.2)
    twice = pd.concat([scored, scored])
    assert judge_performance(twice, labelled, RULES).rows == 300


def test_a_missing_column_is_named() -> None:
    scored, labelled = served(300, 0.2)
    with pytest.raises(ValueError, match="the labels have no column late; there are flight_id, is_late"):
        judge_performance(scored, labelled.rename(columns={"late": "is_late"}), RULES)
