"""The rules of others, as they are written down, and what the benchmark says of them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.harness.spec import Run
from benchmarks.releases import canary, judged_scores
from benchmarks.rivals import rules
from benchmarks.rivals.releases import DAYS
from benchmarks.rivals.streams import Streams, World, simulate

QUIET = Run(is_long=False, progress=lambda _: None)


def hour(errors: list[int], latency: list[float] | None = None) -> Streams:
    """Return one stream: the canary's errors of 100 requests, and its log latency above the champion's, per minute."""
    count = len(errors)
    ones = np.ones((1, count))
    shift = np.array([latency or [0.0] * count])
    return Streams(100 * ones, np.array([errors], dtype=float), 900 * ones, 0 * ones, 4.5 + shift, 4.5 * ones)


@pytest.mark.parametrize(
    ("errors", "argo", "cloudwatch"),
    [
        pytest.param([0, 5, 0, 5, 0, 5, 0, 5], 8, math.inf, id="four_in_all"),
        pytest.param([0, 5, 5, 5, 0, 0, 0, 0], math.inf, 4, id="three_in_a_row"),
        pytest.param([1] * 8, math.inf, math.inf, id="within_the_condition"),
    ],
)
def test_conditions_on_single_minutes(errors: list[int], argo: float, cloudwatch: float) -> None:
    assert rules.argo(hour(errors))[0] == argo
    assert rules.cloudwatch(hour(errors))[0] == cloudwatch


def test_kayenta_needs_five_minutes_and_a_clear_shift() -> None:
    slower = hour([0] * 8, [0.3, 0.31, 0.32, 0.29, 0.3, 0.28, 0.33, 0.3])
    assert rules.kayenta(slower)[0] == 5
    assert rules.kayenta_once(slower)[0] == 8
    assert rules.kayenta(hour([0] * 8))[0] == math.inf


def test_the_naive_rule_fails_what_is_significant_at_one_look() -> None:
    assert rules.naive(hour([0, 30, 0, 0]))[0] <= 2
    assert rules.naive(hour([0] * 4))[0] == math.inf


def test_what_is_rolled_back_before_the_change_was_not_caught() -> None:
    minutes = canary.caught(np.array([10.0, 35.0, 37.0, np.inf]), since=30)
    assert (minutes.percent, minutes.too_soon) == (50.0, 25.0)
    assert canary.caught(np.array([1.0, 2.0, 3.0]), since=0) == canary.Caught(100.0, 2.0, 0.0)


def test_hours_are_the_same_for_the_same_seed_and_keep_to_their_world() -> None:
    world = World(latency=1.5, canary_errors=0.1, from_minute=30, is_bursty=True)
    one, other = simulate(world, 40, 1), simulate(world, 40, 1)
    np.testing.assert_array_equal(one.latency_c, other.latency_c)
    shift = one.latency_c - one.latency_b
    assert shift[:, :30].mean() == pytest.approx(0, abs=0.02)
    assert shift[:, 30:].mean() == pytest.approx(math.log(1.5), abs=0.02)
    assert one.errors_c[:, 30:].sum() > 5 * one.errors_c[:, :30].sum()


def test_predictions_that_moved_are_not_taken_for_the_same_model() -> None:
    model = judged_scores.Model("uniform", lambda random, shape: random.random(shape), 0.5, (100, 100))
    assert judged_scores.false_shifts(model, 4, 1)[0] == 0
    rows = iter([0.4, 0.0])
    moved = judged_scores.Model("moved", lambda random, shape: random.random(shape) + next(rows), 0.5, (100, 100))
    assert judged_scores.false_shifts(moved, 4, 1)[0] == 100


def test_the_benchmark_reports_every_case() -> None:
    shown = canary.measure(canary.Size(3, 6, 4, 1), QUIET)
    assert {figure.name.split(".")[1] for figure in shown} == {
        "app",
        *canary.SAME,
        *canary.WORSE,
        *(f"release_{name}" for name in DAYS),
        *(f"scores_{name}" for name in judged_scores.MODELS),
    }
    assert all(figure.what for figure in shown)
