"""How long a judgement takes at best, and that the judge agrees."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from shared.judge.evidence.streams import Ruling, Tolerances, error_paths, latency_paths, rulings
from shared.judge.time_to_decide import Expected, intervals_to_pass

TOLERANCES = Tolerances(errors=0.01, latency=1.25, false_rollbacks=0.01, horizon=60)
USUAL = Expected(challenger=100, champion=900)


def test_much_traffic_needs_minutes_and_little_needs_hours() -> None:
    assert intervals_to_pass(TOLERANCES, USUAL) <= 15
    assert 60 <= intervals_to_pass(TOLERANCES, Expected(6, 54)) <= 240
    assert intervals_to_pass(TOLERANCES, Expected(2 / 60, 38 / 60)) > 60 * 31


def test_a_tighter_tolerance_needs_longer_and_none_needs_for_ever() -> None:
    tight = replace(TOLERANCES, errors=0.002)
    assert intervals_to_pass(tight, USUAL) > intervals_to_pass(TOLERANCES, USUAL)
    assert intervals_to_pass(replace(TOLERANCES, latency=1.0), USUAL) == math.inf
    assert intervals_to_pass(TOLERANCES, Expected(0, 100)) == math.inf


@pytest.mark.parametrize("expected", [USUAL, Expected(12, 108)], ids=["much", "little"])
def test_about_half_of_the_good_versions_pass_by_then(expected: Expected) -> None:
    needed = intervals_to_pass(TOLERANCES, expected)
    random, shape = np.random.default_rng(1), (200, math.ceil(1.6 * needed))
    n_c, n_b = (np.maximum(random.poisson(rate, shape), 1) for rate in (expected.challenger, expected.champion))
    counts = np.stack([n_c, random.binomial(n_c, 0.002), n_b, random.binomial(n_b, 0.002)], axis=-1).astype(float)
    spread = np.sqrt(0.25 * (1 / n_c + 1 / n_b) + 2 * 0.03**2)
    differences = random.standard_normal(shape) * spread
    paths = [error_paths(counts, TOLERANCES), latency_paths(differences, TOLERANCES)]
    intervals = np.broadcast_to(np.arange(1, shape[1] + 1), shape)
    ruling = rulings(paths, intervals, counts[..., 0].cumsum(axis=1), TOLERANCES)
    passed = np.maximum.accumulate(ruling == Ruling.WITHIN, axis=1).mean(axis=0)
    assert passed[math.ceil(0.5 * needed) - 1] < 0.5
    assert passed[-1] > 0.5
