"""The share of missing values: what sampling changes is no drift, five points more are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from shared.drift.comparison.verdict import compare
from shared.drift.profiles.profile import profile
from shared.drift.results.comparison import DriftRules

WINDOWS = 40


def _rows(rows: int, missing: float, seed: int) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    columns = {f"x{number}": chance.normal(size=rows) for number in range(8)}
    columns["x0"][chance.random(rows) < missing] = np.nan
    return pd.DataFrame(columns)


@pytest.mark.parametrize("missing", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("rows", [1_000, 3_000])
def test_the_same_missing_share_is_no_drift(rows: int, missing: float) -> None:
    for seed in range(WINDOWS):
        report = compare(profile(_rows(rows, missing, seed)), _rows(rows, missing, 1_000 + seed))
        assert report.verdict == "no-drift", report.sentence


@pytest.mark.parametrize("min_effect", [0.05, 0.1])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.05])
def test_five_points_more_missing_are_found(share: float, min_effect: float) -> None:
    reference, rules = profile(_rows(3_000, share, 1)), DriftRules(min_effect=min_effect)
    drifts = [bool(compare(reference, _rows(3_000, share + 0.05, 10 + seed), rules).drifted) for seed in range(WINDOWS)]
    assert sum(drifts) >= 0.95 * WINDOWS
