"""Two versions' predictions on one batch: what passes, what fails, what is not known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest  # type: ignore[attr-defined]

from shared.domain.releases.batch import BatchTolerances, PredictionLayout
from shared.domain.releases.verdict import Judgement, Verdict
from shared.judge.batch import judge_batch
from shared.judge.batch_jobs import judge_jobs
from shared.metrics.bounds import share_at_least, share_at_most

LAYOUT = PredictionLayout()
CLASSES = BatchTolerances(changed_at_most=0.02)
MEANS = BatchTolerances(shift_at_most=0.05)


def table(predictions: Any, file: str = "a.csv") -> pd.DataFrame:
    rows = {"row": range(len(predictions)), "prediction": list(predictions), "file": file}
    return pd.DataFrame(rows).astype(str)


def judged(champion: Any, challenger: Any, tolerances: BatchTolerances = CLASSES) -> Judgement:
    return judge_batch(table(champion), table(challenger), LAYOUT, tolerances)


def changed(rows: int, total: int = 1000) -> tuple[list[int], list[int]]:
    return [0] * total, [1] * rows + [0] * (total - rows)


def test_the_same_predictions_pass_and_say_how_sure_that_is() -> None:
    judgement = judged(*changed(0))
    assert judgement.verdict is Verdict.PASS
    assert judgement.reason == (
        "all 1,000 rows predicted, 0 of 1,000 rows changed class, at most 0.299 % at 95 % confidence "
        "(tolerance 2 %): within the tolerance"
    )
    assert judgement.numbers["agreement"] == 1


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [
        pytest.param(10, Verdict.PASS, id="one_percent_is_proven_within_two"),
        pytest.param(20, Verdict.INCONCLUSIVE, id="two_percent_may_be_more"),
        pytest.param(25, Verdict.INCONCLUSIVE, id="a_little_more_may_be_chance"),
        pytest.param(60, Verdict.FAIL, id="six_percent_is_proven_beyond_two"),
    ],
)
def test_classes_that_changed(rows: int, verdict: Verdict) -> None:
    assert judged(*changed(rows)).verdict is verdict


def test_a_small_batch_proves_nothing_even_without_a_change() -> None:
    assert judged([0] * 100, [0] * 100).verdict is Verdict.INCONCLUSIVE
    assert judged([0] * 149, [0] * 149).verdict is Verdict.PASS


def test_classes_may_be_words_and_numbers_may_be_written_in_two_ways() -> None:
    assert judged(["late", "on time"] * 100, ["late", "on time"] * 100).verdict is Verdict.PASS
    assert judged([0, 1] * 100, [0.0, 1.0] * 100).verdict is Verdict.PASS


def test_a_threshold_makes_classes_of_scores() -> None:
    tolerances = BatchTolerances(changed_at_most=0.02, threshold=0.5)
    near = np.full(400, 0.40)
    assert judged(near, near + 0.05, tolerances).verdict is Verdict.PASS
    assert judged(near, near + 0.15, tolerances).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("shift", "spread", "verdict"),
    [
        pytest.param(0.01, 0.1, Verdict.PASS, id="a_little"),
        pytest.param(0.2, 0.1, Verdict.FAIL, id="upwards"),
        pytest.param(-0.2, 0.1, Verdict.FAIL, id="downwards"),
        pytest.param(0.045, 0.3, Verdict.INCONCLUSIVE, id="near_the_tolerance"),
    ],
)
def test_how_far_the_mean_moved(shift: float, spread: float, verdict: Verdict) -> None:
    random = np.random.default_rng(3)
    champion = random.normal(10, 2, 500)
    noise = random.normal(0, spread, 500)
    judgement = judged(champion, champion + shift + noise - noise.mean(), MEANS)
    assert judgement.verdict is verdict
    assert judgement.numbers["mean_shift"] == pytest.approx(shift)


def test_every_metric_must_pass() -> None:
    both = BatchTolerances(changed_at_most=0.02, shift_at_most=0.05, threshold=0.5)
    scores = np.full(400, 0.2)
    assert judged(scores, scores + 0.01, both).verdict is Verdict.PASS
    moved = judged(scores, scores + 0.1, both)
    assert moved.verdict is Verdict.FAIL
    assert "0 of 400 rows changed class" in moved.reason
    assert "the mean moved by +0.1" in moved.reason


@pytest.mark.parametrize("nothing", ["", "nan", "NaN", "None", "inf", "1e400", "<NA>"])
def test_a_row_without_a_prediction_is_missing(nothing: str) -> None:
    judgement = judged([0] * 400, [0] * 399 + [nothing])
    assert judgement.verdict is Verdict.FAIL
    assert judgement.reason.startswith("1 of 400 rows that the champion predicted have no prediction (tolerance 0 %)")


def test_rows_that_are_not_there_are_missing_and_a_few_may_be_allowed() -> None:
    assert judged([0] * 400, [0] * 390).verdict is Verdict.FAIL
    some = BatchTolerances(changed_at_most=0.02, missing_at_most=0.05)
    assert judged([0] * 400, [0] * 390, some).verdict is Verdict.PASS
    assert judge_batch(table([0] * 9), table([]), LAYOUT, some).verdict is Verdict.FAIL


def test_what_the_champion_did_not_predict_cannot_be_compared() -> None:
    assert judged([0] * 390, [0] * 400).verdict is Verdict.INCONCLUSIVE
    assert judged([0] * 399 + [""], [0] * 400).verdict is Verdict.INCONCLUSIVE
    empty = judged([], [0] * 400)
    assert (empty.verdict, empty.has_data) == (Verdict.INCONCLUSIVE, False)
    assert judged([""] * 400, [""] * 400).verdict is Verdict.INCONCLUSIVE


def test_rows_are_paired_by_key_whatever_their_order() -> None:
    champion, challenger = table(range(400)), table(range(400))
    assert judge_batch(champion, challenger.sample(frac=1, random_state=1), LAYOUT, CLASSES).verdict is Verdict.PASS
    two_files = pd.concat([table([0] * 200, "a.csv"), table([1] * 200, "b.csv")])
    swapped = pd.concat([table([1] * 200, "b.csv"), table([0] * 200, "a.csv")])
    assert judge_batch(two_files, swapped, LAYOUT, CLASSES).verdict is Verdict.PASS


def test_rows_with_one_key_are_not_compared() -> None:
    by_file = PredictionLayout(key=("file",))
    judgement = judge_batch(table([0] * 400), table([0] * 400), by_file, CLASSES)
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "399 rows have the key (file) of another row" in judgement.reason


def test_words_have_no_mean() -> None:
    judgement = judged(["late"] * 400, ["late"] * 400, MEANS)
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "the predictions are not numbers" in judgement.reason


def test_too_few_rows_have_no_mean_to_trust() -> None:
    assert judged([1.0] * 29, [1.0] * 29, MEANS).verdict is Verdict.INCONCLUSIVE
    assert judged([1.0] * 30, [1.0] * 30, MEANS).verdict is Verdict.PASS


values = st.one_of(
    st.integers(-2, 2).map(str), st.floats().map(str), st.sampled_from(["", "nan", "late", "1e400", "1e308", "-1e308"])
)
LISTS = st.one_of(st.lists(values, max_size=60), st.lists(st.floats().map(str), min_size=30, max_size=60))


@given(LISTS, LISTS, st.floats(0.001, 1), st.none() | st.floats(0, 1))
def test_whatever_was_predicted_there_is_a_verdict_with_finite_numbers(
    champion: list[str], challenger: list[str], at_most: float, threshold: float | None
) -> None:
    tolerances = BatchTolerances(changed_at_most=at_most, shift_at_most=at_most, threshold=threshold)
    judgement = judged(champion, challenger, tolerances)
    assert judgement.reason
    assert all(np.isfinite(number) for number in judgement.numbers.values())
    if judgement.verdict is Verdict.PASS:
        assert len(challenger) >= len(champion) > 0


def test_bounds_of_a_share_hold_as_often_as_they_say() -> None:
    random = np.random.default_rng(5)
    counts = random.binomial(300, 0.03, 4000)
    uppers = np.array([share_at_most(int(k), 300, 0.05) for k in counts])
    lowers = np.array([share_at_least(int(k), 300, 0.05) for k in counts])
    assert (uppers >= 0.03).mean() >= 0.95
    assert (lowers <= 0.03).mean() >= 0.95
    assert share_at_most(0, 149, 0.05) == pytest.approx(1 - 0.05 ** (1 / 149))


@pytest.mark.parametrize(
    ("statuses", "verdict", "has_data"),
    [
        pytest.param([], Verdict.INCONCLUSIVE, False, id="none_ran"),
        pytest.param(["Running"], Verdict.INCONCLUSIVE, True, id="still_running"),
        pytest.param(["Completed", "Canceled"], Verdict.PASS, True, id="a_canceled_one_says_nothing"),
        pytest.param(["Completed", "Failed"], Verdict.FAIL, True, id="one_failed"),
    ],
)
def test_jobs_of_a_default_deployment(statuses: list[str], verdict: Verdict, has_data: bool) -> None:
    judgement = judge_jobs(statuses, 0)
    assert (judgement.verdict, judgement.has_data) == (verdict, has_data)
    assert judge_jobs(statuses, 1).verdict is not Verdict.FAIL


@pytest.mark.parametrize(("count", "rows"), [(0, 10), (3, 300), (299, 300), (300, 300)])
def test_bounds_of_shares_are_scipys(count: int, rows: int) -> None:
    upper = binomtest(count, rows, alternative="less").proportion_ci(0.95, method="exact").high
    lower = binomtest(count, rows, alternative="greater").proportion_ci(0.95, method="exact").low
    assert (share_at_most(count, rows, 0.05), share_at_least(count, rows, 0.05)) == pytest.approx((upper, lower))
