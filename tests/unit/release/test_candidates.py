"""Candidates of one experiment beside the best: ranks, intervals, and how often equal ones are told apart."""

from __future__ import annotations

import random

import pytest

from shared.domain.ids import JobName
from shared.release.candidates import Candidate, compared


def candidates(*values: float, error: float | None = None) -> list[Candidate]:
    return [Candidate(JobName(f"job-{number}"), value, error) for number, value in enumerate(values)]


@pytest.mark.parametrize(
    ("is_higher_better", "ranked"),
    [
        pytest.param(True, [("job-1", 0.0), ("job-0", 0.1), ("job-2", 0.3)], id="higher"),
        pytest.param(False, [("job-2", 0.0), ("job-0", 0.2), ("job-1", 0.3)], id="lower"),
    ],
)
def test_best_comes_first_and_the_others_are_so_far_behind(
    is_higher_better: bool, ranked: list[tuple[str, float]]
) -> None:
    rows = compared(candidates(0.7, 0.8, 0.5), is_higher_better)

    assert [row.candidate.job for row in rows] == [job for job, _ in ranked]
    assert [row.behind for row in rows] == pytest.approx([behind for _, behind in ranked])
    assert not any(row.is_apart for row in rows)  # nobody knows how certain the values are


def test_equal_candidates_keep_one_order() -> None:
    assert [row.candidate.job for row in compared(candidates(0.8, 0.8), True)] == ["job-0", "job-1"]


def test_an_interval_holds_for_all_pairs_at_once() -> None:
    # Three pairs at 95 %: 2.3940 = the normal quantile of 1 - 0.05/6; scipy 1.17.1, norm.ppf.
    rows = compared(candidates(0.8, 0.7, 0.5, error=0.03), True)

    half = 2.3939797998185104 * (2 * 0.03**2) ** 0.5
    assert rows[1].interval == pytest.approx((0.1 - half, 0.1 + half), abs=1e-9)
    assert [row.is_apart for row in rows] == [False, False, True]


@pytest.mark.parametrize("number", [2, 5, 10])
def test_of_equal_candidates_the_lucky_one_rarely_seems_better(number: int) -> None:
    source = random.Random(7)
    wrong = sum(
        any(
            row.is_apart
            for row in compared(candidates(*(source.gauss(0.8, 0.02) for _ in range(number)), error=0.02), True)
        )
        for _ in range(2000)
    )

    assert wrong / 2000 <= 0.06


def test_one_candidate_is_the_best_and_none_is_nothing() -> None:
    (only,) = compared(candidates(0.8, error=0.1), True)
    assert (only.behind, only.interval) == (0.0, None)
    assert compared([], True) == ()
