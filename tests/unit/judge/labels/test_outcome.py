"""The verdict of an A/B test: wrong as rarely as it says, and refused where the rows cannot carry it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from scipy import stats

from shared.domain.releases.outcome import AbPlan, LabelSource
from shared.domain.releases.verdict import Verdict
from shared.judge.labels.outcome import confidence_of_one, detectable, judge_outcome
from shared.judge.labels.outcome_metrics import bounds, share_bounds
from shared.judge.labels.outcome_rows import Arm

LABELS = LabelSource("azureml:labels@latest", "row_id", "label")
PLAN = AbPlan("accuracy", LABELS, needed_gain=0.0)
Rows = tuple[list[float], list[float]]
Draw = Callable[[np.random.Generator, int], Rows]


def arm(rows: Rows, first: int = 0, served: int | None = None) -> Arm:
    labels, predictions = rows
    keys = tuple(f"r{first + number}" for number in range(len(labels)))
    return Arm(keys, tuple(labels), tuple(predictions), served or len(labels), len(labels))


def classified(quality: float) -> Draw:
    """Return rows whose score is normal, shifted by `quality` where the label is 1; a third are 1."""

    def draw(random: np.random.Generator, rows: int) -> Rows:
        labels = (random.random(rows) < 0.33).astype(float)
        scores = 1 / (1 + np.exp(-(random.normal(0, 1, rows) + quality * (labels - 0.5))))
        return labels.tolist(), scores.tolist()

    return draw


def of_three_classes(right: float) -> Draw:
    def draw(random: np.random.Generator, rows: int) -> Rows:
        labels = random.choice(3, rows, p=[0.6, 0.3, 0.1]).astype(float)
        return labels.tolist(), np.where(random.random(rows) < right, labels, random.choice(3, rows)).tolist()

    return draw


def revenue(mean: float) -> Draw:
    def draw(random: np.random.Generator, rows: int) -> Rows:
        values = (random.random(rows) < 0.3) * random.lognormal(0, 0.7, rows) * mean
        return values.tolist(), [0.0] * rows

    return draw


def errors(spread: float) -> Draw:
    def draw(random: np.random.Generator, rows: int) -> Rows:
        return random.normal(0, spread, rows).tolist(), [0.0] * rows

    return draw


def converted(share: float) -> Draw:
    def draw(random: np.random.Generator, rows: int) -> Rows:
        return (random.random(rows) < share).astype(float).tolist(), [0.0] * rows

    return draw


def verdicts(plan: AbPlan, challenger: Draw, champion: Draw, rows: tuple[int, int], runs: int) -> list[Verdict]:
    random = np.random.default_rng(20261120)
    return [
        judge_outcome(
            plan, arm(challenger(random, rows[0])), arm(champion(random, rows[1]), rows[0]), plan.confidence
        ).verdict
        for _ in range(runs)
    ]


@pytest.mark.parametrize(
    ("needed", "challenger", "champion", "verdict"),
    [
        pytest.param(0.0, 0.30, 0.20, Verdict.PASS, id="better"),
        pytest.param(0.0, 0.20, 0.30, Verdict.FAIL, id="worse"),
        pytest.param(0.0, 0.20, 0.20, Verdict.INCONCLUSIVE, id="the_same_is_not_better"),
        pytest.param(-0.1, 0.20, 0.20, Verdict.PASS, id="the_same_is_not_much_worse"),
        pytest.param(0.2, 0.25, 0.20, Verdict.FAIL, id="better_but_by_too_little"),
    ],
)
def test_the_verdict(needed: float, challenger: float, champion: float, verdict: Verdict) -> None:
    plan = replace(PLAN, metric="mean", needed_gain=needed)
    by_release = verdicts(plan, converted(challenger), converted(champion), (3000, 3000), 20)
    assert by_release.count(verdict) >= 17


@pytest.mark.parametrize("metric", ["f1_macro", "f1_weighted", "recall_macro", "precision[1]", "accuracy"])
def test_models_of_several_classes_are_compared(metric: str) -> None:
    plan = replace(PLAN, metric=metric)
    assert verdicts(plan, of_three_classes(0.9), of_three_classes(0.6), (600, 600), 3) == [Verdict.PASS] * 3
    assert verdicts(plan, of_three_classes(0.6), of_three_classes(0.9), (600, 600), 3) == [Verdict.FAIL] * 3


def test_probabilities_and_outcomes_of_ones_own_are_compared() -> None:
    random = np.random.default_rng(3)
    labels = tuple("abc"[place] for place in random.integers(0, 3, 300))

    def answered(sure: float, revenue: float) -> Arm:
        likely = {
            f"prediction_{name}": tuple(sure if name == label else (1 - sure) / 2 for label in labels) for name in "abc"
        }
        sales = tuple((revenue + random.normal(0, 1, 300)).tolist())
        keys = tuple(f"{sure}-{number}" for number in range(300))
        return Arm(keys, labels, (None,) * 300, 300, 300, {**likely, "revenue": sales})

    arms = answered(0.8, 3.0), answered(0.5, 1.0)
    loss = bounds("roc_auc_macro", "higher", *arms, 0.95)
    assert (loss.challenger, loss.champion) == (1.0, 1.0)
    sales = bounds("revenue", "higher", *arms, 0.95)
    assert sales.low > 1.5
    assert judge_outcome(replace(PLAN, metric="top_2_accuracy"), *arms, 0.95).numbers["value"] == 1.0
    assert bounds("revenue", "lower", *arms, 0.95).high < -1.5


def test_where_less_is_better_less_is_a_gain() -> None:
    plan = replace(PLAN, metric="mean", better="lower")
    assert verdicts(plan, revenue(5.0), revenue(10.0), (1000, 1000), 5) == [Verdict.PASS] * 5
    assert verdicts(replace(PLAN, metric="mae"), errors(1.0), errors(2.0), (1000, 1000), 5) == [Verdict.PASS] * 5


def test_the_reason_has_the_numbers() -> None:
    judgement = judge_outcome(
        replace(PLAN, needed_gain=-0.05),
        arm(([1.0] * 1000, [1.0] * 900 + [0.0] * 100)),
        arm(([1.0] * 2000, [1.0] * 1780 + [0.0] * 220), 1000),
        0.95,
    )
    assert judgement.verdict is Verdict.PASS
    assert judgement.reason == (
        "accuracy is 0.9 on 1,000 labelled rows, the champion's 0.89 on 2,000; the gain is -0.00999 to +0.0289 "
        "(95 % bounds): worse by at most 0.05 is proven"
    )
    assert judgement.numbers["gain_low"] == pytest.approx(-0.00999, abs=1e-5)


@pytest.mark.parametrize(
    ("challenger", "champion", "reason"),
    [
        pytest.param(arm(([1.0] * 40, [1.0] * 40)), arm(([1.0] * 90, [1.0] * 90), 90), "50 of each", id="few_rows"),
        pytest.param(
            arm(([1.0] * 500, [1.0] * 500), 0, 1000),
            arm(([1.0] * 600, [1.0] * 600), 500, 1000),
            "labels came for 50.0 % of the challenger's rows and 60.0 % of the champion's",
            id="labels_depend_on_the_version",
        ),
        pytest.param(
            arm(([1.0] * 99 + [math.nan], [1.0] * 100)), arm(([1.0] * 90, [1.0] * 90), 100), "not finite", id="nan"
        ),
    ],
)
def test_rows_that_cannot_carry_a_verdict_are_inconclusive(challenger: Arm, champion: Arm, reason: str) -> None:
    judgement = judge_outcome(replace(PLAN, metric="mean"), challenger, champion, 0.95)
    assert (judgement.verdict, judgement.has_data) == (Verdict.INCONCLUSIVE, False)
    assert reason in judgement.reason


@pytest.mark.parametrize(
    ("metric", "reason"),
    [
        ("roc_auc", "all 100 labels are 0"),
        ("recall", "no label is 1"),
        ("precision", "no score reaches 0.5"),
        ("f1", "no label is 1"),
    ],
)
def test_metrics_of_a_kind_of_row_need_some_of_them(metric: str, reason: str) -> None:
    none_positive = arm(([0.0] * 100, [0.1] * 100)), arm(([0.0] * 100, [0.1] * 100), 100)
    assert reason in judge_outcome(replace(PLAN, metric=metric), *none_positive, 0.95).reason


def test_who_met_both_versions_does_not_count_for_an_outcome() -> None:
    values = ([float(n % 2) for n in range(200)], [0.0] * 200)
    judgement = judge_outcome(replace(PLAN, metric="mean"), arm(values), arm(values, 100), 0.95)
    assert (judgement.numbers["rows"], judgement.numbers["champion_rows"]) == (100, 100)


def test_bounds_of_shares_are_newcombes() -> None:
    # Newcombe (1998), table II, example (a): 56/70 and 48/80, method 10: .0524 to .3339, two-sided 95 %.
    gain = share_bounds((56, 70), (48, 80), 1.0, 0.975)
    assert [gain.low, gain.high] == pytest.approx([0.0524, 0.3339], abs=1e-4)


def test_bounds_of_means_are_welchs() -> None:
    random = np.random.default_rng(1)
    rows = [random.normal(mean, spread, size) for mean, spread, size in ((3, 1, 80), (2.5, 3, 130))]
    arms = [arm((column.tolist(), [0.0] * len(column))) for column in rows]
    gain = bounds("mean", "higher", arms[0], arms[1], 0.95)
    theirs = stats.ttest_ind(rows[0], rows[1], equal_var=False).confidence_interval(0.90)
    assert [gain.low, gain.high] == pytest.approx([theirs.low, theirs.high])


def test_two_tests_share_the_chance_to_be_wrong() -> None:
    assert confidence_of_one(PLAN) == 0.95
    assert confidence_of_one(replace(PLAN, extend_until=timedelta(days=14))) == pytest.approx(0.975)


def test_what_a_number_of_rows_can_tell() -> None:
    difference = detectable(PLAN, 5000, 5000, None)
    assert difference is not None
    assert 0.01 < difference < 0.02
    assert detectable(replace(PLAN, metric="mae"), 5000, 5000, None) is None
    assert detectable(replace(PLAN, metric="mae"), 5000, 5000, 12.0) == pytest.approx(difference * 12 / 0.3)
    assert detectable(PLAN, 20, 5000, None) == math.inf
