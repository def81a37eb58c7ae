"""Sampling alone rarely alarms, and what is measured does not hang on how much was sampled."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from shared.drift.comparison.verdict import compare
from shared.drift.profiles.profile import profile
from shared.drift.results.comparison import DriftRules
from shared.drift.signals.embeddings import domain_auc, domain_auc_null_quantile
from tests.unit.drift.signals.test_embeddings import cloud


def test_false_alarms_are_rare_over_many_columns(is_long: bool) -> None:
    generator = np.random.default_rng(3)
    reference = profile(pd.DataFrame(generator.normal(size=(2_000, 20))))
    rules = DriftRules(min_effect=0.01)  # no help from the smallest effect: sampling alone decides
    alarms = [
        compare(reference, pd.DataFrame(generator.normal(size=(1_000, 20))), rules).verdict == "drift"
        for _ in range(60 if is_long else 20)
    ]
    assert sum(alarms) <= len(alarms) / 20


def test_effect_does_not_depend_on_the_length_of_the_window(is_long: bool) -> None:
    generator = np.random.default_rng(4)
    shares = 1 / np.arange(1, 121)
    other = shares * np.exp(generator.normal(0, 0.5, 120))
    reference = profile(pd.DataFrame({"dest": generator.choice(120, 50_000, p=shares / shares.sum()).astype(str)}))
    effects = []
    for rows in (1_000, 3_000, 30_000):
        windows = [generator.choice(120, rows, p=other / other.sum()).astype(str) for _ in range(20 if is_long else 6)]
        by_window = [compare(reference, pd.DataFrame({"dest": window})).columns[0].effect for window in windows]
        effects.append(float(np.mean([effect for effect in by_window if effect is not None])))
    assert max(effects) - min(effects) < 0.01


@pytest.mark.parametrize(("length", "rows", "other_rows"), [(16, 200, 200), (64, 400, 1000), (200, 300, 300)])
def test_sampling_alone_hardly_ever_exceeds_the_null_quantile(
    length: int, rows: int, other_rows: int, is_long: bool
) -> None:
    level = domain_auc_null_quantile(0.05, rows, other_rows)
    domain_aucs = [
        domain_auc(cloud(rows, seed, length=length), cloud(other_rows, 999 + seed, length=length))
        for seed in range(25 if is_long else 7)
    ]
    assert sum(auc > level for auc in domain_aucs) <= 0.16 * len(domain_aucs)
    assert abs(float(np.mean(domain_aucs)) - 0.5) < 0.02
