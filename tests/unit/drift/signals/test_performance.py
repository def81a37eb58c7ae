"""Performance on late labels: below the bound only when it is so beyond doubt."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from shared.drift.signals.performance import PerformanceRules, judge_performance

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


@pytest.mark.parametrize(
    ("at_most", "verdict"), [pytest.param(0.5, "worse", id="too_large"), pytest.param(0.9, "good-enough", id="fine")]
)
def test_where_lower_is_better_the_lower_bound_decides(at_most: float, verdict: str) -> None:
    chance = np.random.default_rng(1)
    keys, truth = [str(number) for number in range(1000)], chance.normal(10, 3, 1000)
    scored = pd.DataFrame({"flight_id": keys, "prediction": truth + chance.normal(0, 1, 1000)})
    rules = PerformanceRules("mae", None, "flight_id", "late", at_most=at_most)
    report = judge_performance(scored, pd.DataFrame({"flight_id": keys, "late": truth}), rules)
    assert report.value is not None
    assert report.at_least is not None
    assert report.at_most is not None
    assert report.at_least < report.value < report.at_most
    assert report.verdict == verdict
    assert f"at most {at_most:g} is asked for" in report.sentence


def test_a_bound_on_the_wrong_side_is_refused() -> None:
    with pytest.raises(ValueError, match="for mae lower is better; write at_most"):
        PerformanceRules("mae", 0.5, "flight_id", "late")


def test_classes_are_judged_as_classes() -> None:
    keys = [str(number) for number in range(300)]
    scored = pd.DataFrame({"flight_id": keys, "prediction": ["a", "b", "c"] * 100})
    labels = pd.DataFrame({"flight_id": keys, "late": ["a", "b", "b"] * 100})
    report = judge_performance(scored, labels, PerformanceRules("accuracy", 0.9, "flight_id", "late"))
    assert report.value == pytest.approx(2 / 3)
    assert report.verdict == "worse"


def test_rows_without_an_answer_or_a_label_are_left_out() -> None:
    scored, labelled = served(500, 0.2)
    scored.loc[:99, "prediction"] = np.nan
    labelled["late"] = labelled["late"].astype(float)
    labelled.loc[400:, "late"] = np.nan
    report = judge_performance(scored, labelled, RULES)
    assert (report.verdict, report.rows) == ("good-enough", 300)
    assert report.findings == ("100 labelled rows have an empty prediction; they are left out",)


def test_the_bounds_of_a_mean_are_those_of_its_standard_error() -> None:
    chance = np.random.default_rng(3)
    truth, keys = chance.normal(0, 1, 20_000), [str(number) for number in range(20_000)]
    scored = pd.DataFrame({"flight_id": keys, "prediction": 0.0})
    rules = PerformanceRules("mae", None, "flight_id", "late", at_most=1.0)
    report = judge_performance(scored, pd.DataFrame({"flight_id": keys, "late": truth}), rules)
    expected = 1.645 * float(np.abs(truth).std()) / np.sqrt(20_000)
    assert report.value is not None
    assert report.at_least is not None
    assert report.value - report.at_least == pytest.approx(expected, rel=0.25)


@pytest.mark.parametrize(
    ("metric", "better", "value"),
    [
        pytest.param("f1_macro", None, 0.5555, id="many_classes"),
        pytest.param("f1", None, 0.5555, id="f1_of_many_classes_is_their_mean"),
        pytest.param("recall[a]", None, 1.0, id="one_class"),
        pytest.param("log_loss", None, -np.log(0.6) * 2 / 3 - np.log(0.2) / 3, id="probabilities"),
        pytest.param("revenue", "higher", 2.0, id="own_outcome"),
    ],
)
def test_served_rows_of_several_classes_are_judged(metric: str, better: Any, value: float) -> None:
    keys = [str(number) for number in range(300)]
    scored = pd.DataFrame({"flight_id": keys, "prediction": ["a", "b", "c"] * 100})
    for name in "abc":
        scored[f"prediction_{name}"] = np.where(scored["prediction"] == name, 0.6, 0.2)
    labels = pd.DataFrame({"flight_id": keys, "late": ["a", "b", "b"] * 100, "revenue": [1.0, 2.0, 3.0] * 100})
    bound = {"at_most": 3.0} if metric == "log_loss" else {"at_least": 0.1}
    rules = PerformanceRules(
        metric, bound.get("at_least"), "flight_id", "late", at_most=bound.get("at_most"), better=better
    )
    assert judge_performance(scored, labels, rules).value == pytest.approx(value, abs=1e-3)


def test_the_report_is_a_signal() -> None:
    signal = judge_performance(*served(2000, 1.0), RULES).as_signal(RULES)
    assert (signal.signal, signal.verdict, signal.threshold, signal.measure) == ("performance", "drift", 0.8, "roc_auc")
