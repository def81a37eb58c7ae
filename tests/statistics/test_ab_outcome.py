"""The verdict of an A/B test over many tests: wrong as rarely as it says."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scipy import stats

from shared.domain.releases.verdict import Verdict
from tests.unit.judge.labels.test_outcome import (
    PLAN,
    Draw,
    classified,
    converted,
    errors,
    of_three_classes,
    revenue,
    verdicts,
)

LONG_RUNS, RUNS = 600, 150


def most(runs: int) -> float:
    """Return how many runs may pass falsely where 5 % is promised: at exactly 5 % more do once in 1,400 times."""
    return float(stats.binom.isf(1 / 1_400, runs, 0.05))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("metric", "draw", "rows"),
    [
        pytest.param("accuracy", classified(1.5), (300, 300), id="accuracy"),
        pytest.param("roc_auc", classified(1.5), (300, 300), id="roc_auc"),
        pytest.param("roc_auc", classified(3.0), (150, 900), id="roc_auc_high_uneven"),
        pytest.param("recall", classified(1.5), (300, 300), id="recall"),
        pytest.param("precision", classified(1.5), (300, 300), id="precision"),
        pytest.param("log_loss", classified(1.5), (300, 300), id="log_loss"),
        pytest.param("f1_macro", of_three_classes(0.8), (300, 300), id="f1_macro"),
        pytest.param("recall_macro", of_three_classes(0.8), (200, 600), id="recall_macro"),
        pytest.param("recall[2]", of_three_classes(0.8), (400, 400), id="recall_of_one_class"),
        pytest.param("rmse", errors(2.0), (200, 600), id="rmse"),
        pytest.param("mae", errors(2.0), (200, 600), id="mae"),
        pytest.param("mean", revenue(10.0), (400, 400), id="revenue"),
        pytest.param("mean", converted(0.02), (800, 800), id="rare_conversions"),
    ],
)
def test_a_version_without_the_gain_is_promoted_as_rarely_as_was_agreed(
    metric: str, draw: Draw, rows: tuple[int, int], is_long: bool
) -> None:
    plan = replace(PLAN, metric=metric)
    runs = LONG_RUNS if is_long else RUNS
    passed = verdicts(plan, draw, draw, rows, runs).count(Verdict.PASS)
    assert passed <= most(runs)
    # And it is no more careful than it has to be.
    assert passed / runs >= 0.02


def test_f1_is_promoted_falsely_as_rarely_too(is_long: bool) -> None:
    plan = replace(PLAN, metric="f1")
    runs = 300 if is_long else 100
    assert verdicts(plan, classified(1.5), classified(1.5), (300, 300), runs).count(Verdict.PASS) <= most(runs)


def test_a_version_that_is_just_beyond_the_tolerance_hardly_ever_passes(is_long: bool) -> None:
    plan = replace(PLAN, metric="mean", needed_gain=-0.05)
    runs = LONG_RUNS if is_long else RUNS
    assert verdicts(plan, converted(0.20), converted(0.25), (600, 600), runs).count(Verdict.PASS) <= most(runs)
