"""Quality by arriving labels: rarely a false alarm however often it is looked at, whatever the rows' law."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from shared.domain.releases.outcome import LabelSource, QualityPlan, Totals
from shared.domain.releases.verdict import Judgement, Verdict
from shared.judge.evidence.quality import log_e_of_means, log_e_of_shares
from shared.judge.evidence.streams import Tolerances
from shared.judge.labels.outcome_rows import Arm, ArmReader, labels_by_key
from shared.judge.labels.quality_verdict import compared, with_quality

Numbers = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, ...]], Numbers]
LABELS = LabelSource("azureml:labels@latest", "row_id", "label")
PLAN = QualityPlan("accuracy", LABELS, worse_by_at_most=0.02)
TOLERANCES = Tolerances(errors=0.01, latency=1.25, false_rollbacks=0.01, horizon=60, quality=0.02)
PASSED = Judgement(Verdict.PASS, "latency and errors: within the tolerance")
ENOUGH = math.log(100)
RUNS, LOOKS = 400, 60


def share_paths(
    challenger: float, champion: float, tolerance: float, sizes: tuple[int, int], runs: int = RUNS
) -> tuple[Numbers, Numbers]:
    random = np.random.default_rng(20261120)
    looks = np.arange(1, LOOKS + 1)
    columns = []
    for size, share in zip(sizes, (challenger, champion), strict=True):
        wrong = random.binomial(size, share, (runs, LOOKS)).cumsum(axis=1)
        columns += [np.broadcast_to(looks * size, wrong.shape), wrong]
    return log_e_of_shares(np.stack(columns, axis=-1).astype(np.float64), tolerance)


def mean_paths(draw: Draw, sizes: tuple[int, int], worse_by: float = 0.0, runs: int = RUNS) -> tuple[Numbers, Numbers]:
    random = np.random.default_rng(7)
    arms = []
    for size, shift in zip(sizes, (worse_by, 0.0), strict=True):
        values = draw(random, (runs, LOOKS, size)) + shift
        rows = np.broadcast_to(np.arange(1, LOOKS + 1) * float(size), values.shape[:2])
        mean = values.sum(axis=2).cumsum(axis=1) / rows
        squares = (values * values).sum(axis=2).cumsum(axis=1)
        arms.append(np.stack([rows, mean, (squares - rows * mean * mean) / (rows - 1)], axis=-1))
    return log_e_of_means(arms[0], arms[1], 0.0)


def ever(paths: Numbers, enough: float = ENOUGH) -> float:
    return float((paths >= enough).any(axis=1).mean())


@pytest.mark.parametrize("sizes", [(50, 50), (20, 180), (180, 20)], ids=str)
@pytest.mark.parametrize(("champion", "tolerance"), [(0.005, 0.0), (0.02, 0.02), (0.3, 0.0), (0.3, 0.05)])
def test_right_and_wrong_answers_at_the_tolerance_hardly_ever_fail(
    champion: float, tolerance: float, sizes: tuple[int, int]
) -> None:
    fails, _ = share_paths(champion + tolerance, champion, tolerance, sizes)
    # At most 1 % is promised; 400 runs at exactly 1 % give more than 10 failures three times in a thousand.
    assert ever(fails) <= 10 / RUNS


def test_a_rule_for_one_look_errs_often_at_many() -> None:
    random = np.random.default_rng(5)
    gaps = (random.normal(0, 1, (RUNS, LOOKS)).cumsum(axis=1)) / np.sqrt(np.arange(1, LOOKS + 1))
    assert ever(gaps, 2.33) > 0.05


def skewed(random: np.random.Generator, shape: tuple[int, ...]) -> Numbers:
    return random.lognormal(0, 1, shape)


def sales(random: np.random.Generator, shape: tuple[int, ...]) -> Numbers:
    return np.where(random.random(shape) < 0.05, -random.lognormal(3, 1, shape), 0.0)


def log_losses(random: np.random.Generator, shape: tuple[int, ...]) -> Numbers:
    chance = random.beta(1, 4, shape)
    prediction = np.clip(chance**2 / (chance**2 + (1 - chance) ** 2), 1e-12, 1 - 1e-12)
    return np.where(random.random(shape) < chance, -np.log(prediction), -np.log1p(-prediction))


@pytest.mark.parametrize("sizes", [(60, 60), (20, 180), (180, 20)], ids=str)
@pytest.mark.parametrize("draw", [skewed, sales, log_losses], ids=lambda draw: draw.__name__)
def test_skewed_losses_hardly_ever_fail_a_version_that_is_as_good(draw: Draw, sizes: tuple[int, int]) -> None:
    fails, _ = mean_paths(draw, sizes)
    assert ever(fails) <= 10 / RUNS


def test_what_would_go_wrong_with_the_variance_of_few_skewed_rows_alone() -> None:
    random = np.random.default_rng(7)
    few, many = skewed(random, (RUNS, 60)), skewed(random, (RUNS, 2000))
    own = (many.mean(axis=1) - few.mean(axis=1)) / np.sqrt(few.var(axis=1) / 60 + many.var(axis=1) / 2000)
    pooled = (many.mean(axis=1) - few.mean(axis=1)) / np.sqrt(many.var(axis=1) * (1 / 60 + 1 / 2000))
    assert (own > 3).mean() > 4 * (pooled > 3).mean()


@pytest.mark.parametrize("sizes", [(100, 100), (50, 450)], ids=str)
def test_an_accuracy_that_dropped_by_ten_points_is_found_soon(sizes: tuple[int, int]) -> None:
    fails, _ = share_paths(0.25, 0.15, 0.02, sizes, runs=100)
    first = np.where((fails >= ENOUGH).any(axis=1), (fails >= ENOUGH).argmax(axis=1) + 1, np.inf)
    assert np.quantile(first, 0.9) * sizes[0] <= 1500


def test_a_log_loss_that_rose_is_found() -> None:
    fails, _ = mean_paths(log_losses, (100, 100), worse_by=0.15, runs=100)
    assert ever(fails) == 1.0


def test_a_version_as_good_is_proven_within_the_tolerance_and_a_worse_one_hardly_ever() -> None:
    _, good = share_paths(0.15, 0.15, 0.05, (50, 450), runs=100)
    _, bad = share_paths(0.2, 0.15, 0.05, (50, 450), runs=200)
    assert ever(good, math.log(20)) > 0.9
    assert ever(bad, math.log(20)) <= 0.1


def test_the_order_in_which_labels_arrive_does_not_matter() -> None:
    counts = np.array([[[200, 40, 900, 100]]], dtype=np.float64)
    assert log_e_of_shares(counts, 0.0)[0][0, 0] == log_e_of_shares(np.repeat(counts, 3, axis=1), 0.0)[0][0, 2]


def test_values_that_are_all_the_same_tell_nothing() -> None:
    same = np.array([[[100.0, 1.0, 0.0]]])
    assert log_e_of_means(same, same, 0.1)[0][0, 0] <= 0


# What it does to a judgement.


def arm(hits: int, rows: int) -> Arm:
    return Arm(tuple(map(str, range(rows))), (1,) * rows, (1,) * hits + (0,) * (rows - hits), rows, rows)


def judged(challenger: Arm, champion: Arm, judgement: Judgement = PASSED, required: bool = False) -> Judgement:
    plan = QualityPlan("accuracy", LABELS, worse_by_at_most=0.02, required=required)
    return with_quality(judgement, plan, compared(plan, "azureml:labels:3", challenger, champion), TOLERANCES)


def test_worse_answers_fail_a_version_that_is_otherwise_good() -> None:
    judgement = judged(arm(700, 1000), arm(900, 1000))
    assert judgement.verdict is Verdict.FAIL
    assert judgement.reason == (
        "accuracy 0.7 on 1,000 labelled rows, the champion's 0.9 on 1,000 (may be worse by 0.02): quality beyond the "
        "tolerance; latency and errors: within the tolerance"
    )
    assert (judgement.numbers["quality"], judgement.numbers["champion_quality_rows"]) == (0.7, 1000.0)


def test_worse_answers_fail_even_when_nothing_else_was_measured() -> None:
    silent = Judgement(Verdict.INCONCLUSIVE, "nothing comparable was measured yet", has_data=False)
    assert judged(arm(700, 1000), arm(900, 1000), silent).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("challenger", "champion"),
    [
        pytest.param(arm(0, 0), arm(0, 0), id="no_labels"),
        pytest.param(arm(10, 40), arm(900, 1000), id="few_labels"),
        pytest.param(arm(85, 100), arm(860, 1000), id="undecided"),
    ],
)
def test_missing_evidence_holds_only_where_quality_is_required(challenger: Arm, champion: Arm) -> None:
    assert judged(challenger, champion).verdict is Verdict.PASS
    assert judged(challenger, champion, required=True).verdict is Verdict.INCONCLUSIVE


def test_a_pass_of_all_that_is_required_stays_one() -> None:
    judgement = judged(arm(4500, 5000), arm(4500, 5000), required=True)
    assert judgement.verdict is Verdict.PASS
    assert judgement.reason.endswith("within the tolerance")


def test_a_failure_of_something_else_stays_one() -> None:
    failed = Judgement(Verdict.FAIL, "errors beyond the tolerance")
    assert judged(arm(900, 1000), arm(900, 1000), failed, required=True).verdict is Verdict.FAIL


@pytest.mark.parametrize("prediction", [None, math.nan], ids=str)
def test_predictions_that_are_missing_hold(prediction: object) -> None:
    broken = Arm(("1", "2"), (1, 1), (1, prediction), 2, 2)
    judgement = judged(broken, arm(900, 1000))
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "1 of 2 values of prediction are" in judgement.reason


def test_the_chance_of_a_false_rollback_is_split_with_quality() -> None:
    assert math.isclose(TOLERANCES.enough_to_fail, math.log(3 / 0.01))


@pytest.mark.parametrize(
    ("metric", "labels", "predictions", "mean"),
    [
        ("accuracy", (1, 0, 1), (0.9, 0.8, 1), 2 / 3),
        ("accuracy", ("cat", "dog"), ("cat", "cat"), 0.5),
        ("accuracy", (2, 0, 7), (2.0, 0, 3), 2 / 3),
        ("log_loss", (1, 0), (0.5, 0.5), math.log(2)),
        ("mae", (3, 5), (1, 6), 1.5),
        ("mse", (3, 5), (1, 6), 2.5),
        ("mean", (3, 5), (None, None), 4),
        ("accuracy", (["a", "b"], ["a"]), (["b", "a"], []), 0.5),
    ],
)
def test_each_row_has_its_value(
    metric: str, labels: tuple[object, ...], predictions: tuple[object, ...], mean: float
) -> None:
    plan = QualityPlan(metric, LABELS, 0.0)
    rows = Arm(tuple(map(str, labels)), labels, predictions, len(labels), len(labels))
    comparison = compared(plan, "v", rows, rows)
    assert isinstance(comparison.challenger, Totals)
    assert comparison.challenger.mean == pytest.approx(mean)


@pytest.mark.parametrize(
    ("metric", "labels", "predictions", "problem"),
    [
        ("log_loss", (1, 2), (0.5, 0.5), "labels 0 and 1"),
        ("log_loss", (1, 0), (1.5, 0.5), "probabilities"),
        ("mae", ("a", 1), (1, 1), "column label does not hold numbers: 'a'"),
        ("mean", (math.inf, 1), (1, 1), "1 of 2 values of label are not finite"),
    ],
)
def test_rows_that_do_not_fit_the_metric_say_why(
    metric: str, labels: tuple[object, ...], predictions: tuple[object, ...], problem: str
) -> None:
    plan = QualityPlan(metric, LABELS, 0.0)
    rows = Arm(("1", "2"), labels, predictions, 2, 2)
    assert problem in compared(plan, "v", rows, rows).problem


def test_rows_are_joined_whatever_the_keys_are_written_as() -> None:
    labels = labels_by_key(pd.DataFrame({"row_id": [1.0, 2.0, 3.0, None], "label": [1, None, 0, 1]}), "row_id", "label")
    reader = ArmReader(labels, "row_id")
    reader.read(pd.DataFrame({"row_id": ["1", 2, 3], "prediction": [0.2, 0.3, 0.4]}))
    reader.read(pd.DataFrame())
    reader.read(pd.DataFrame({"row_id": [1], "prediction": [0.9]}))

    read = reader.arm()

    assert dict(zip(read.keys, zip(read.labels, read.predictions, strict=True), strict=True)) == {
        "1": (1, 0.9),
        "3": (0, 0.4),
    }
    assert (read.served, read.labelled) == (4, 3)


def test_a_column_that_is_missing_is_named() -> None:
    with pytest.raises(ValueError, match="the labels have no column truth; there are row_id, label"):
        labels_by_key(pd.DataFrame({"row_id": [1], "label": [1]}), "row_id", "truth")
    with pytest.raises(ValueError, match="the collected rows have no column flight; there are row_id, prediction"):
        ArmReader({}, "flight").read(pd.DataFrame({"row_id": [1], "prediction": [1]}))


def test_the_comparison_is_stored_for_the_next_look() -> None:
    comparison = judged(arm(900, 1000), arm(800, 1000)).quality
    assert comparison
    assert comparison.challenger
    assert comparison.champion
    assert (comparison.labels, comparison.challenger.rows, comparison.challenger.mean) == (
        "azureml:labels:3",
        1000,
        0.9,
    )
    assert comparison.champion.variance == pytest.approx(0.8 * 0.2 * 1000 / 999)
