"""Sampling alone rarely alarms, and what is measured does not hang on how much was sampled."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from local.flights.data import FEATURES, flights
from shared.drift.comparison.verdict import compare
from shared.drift.profiles.profile import profile
from shared.drift.results.comparison import DriftRules
from shared.drift.signals.concept import concept_reference, judge_concept
from shared.drift.signals.embeddings import domain_auc, domain_auc_null_quantile
from shared.drift.signals.estimated import EstimateRules, estimate_performance, estimate_reference
from shared.drift.signals.quality import check_quality
from shared.drift.signals.quality_profile import profile_quality
from shared.metrics.bounds import value_bounds
from shared.metrics.catalogue import METRICS
from shared.metrics.estimates import Pairs
from tests.unit.drift.signals import test_concept as concept
from tests.unit.drift.signals import test_estimated as estimated
from tests.unit.drift.signals import test_quality as quality
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


def test_stormy_windows_hardly_ever_alarm_when_the_reference_was_stormy() -> None:
    stormy = concept_reference(*concept.served(40_000, 1, shocks=1.0))
    alarms = sum(
        judge_concept(stormy, *concept.served(4000, seed, shocks=1.0)).verdict == "drift" for seed in range(10, 60)
    )
    assert alarms <= 3


def test_independent_windows_are_hardly_ever_concept_drift() -> None:
    alarms = sum(
        judge_concept(concept.reference(), *concept.served(2000, seed)).verdict == "drift" for seed in range(10, 60)
    )
    assert alarms <= 1


def test_no_week_of_flights_has_a_quality_alarm() -> None:
    columns = [*FEATURES, "time_hour"]
    reference = profile_quality(flights((1, 2))[columns])
    year = flights(range(3, 13))
    for _, week in year.groupby(year["time_hour"].dt.isocalendar().week):
        report = check_quality(reference, week[columns], datetime(2014, 1, 2, tzinfo=UTC))
        assert report.verdict == "no-drift", report.sentence


def test_random_windows_have_no_quality_alarm() -> None:
    reference = profile_quality(quality.rows(20_000))
    verdicts = [
        check_quality(reference, quality.rows(count, seed), quality.NOW).verdict
        for seed in range(3, 43)
        for count in (150, 2000)
    ]
    assert set(verdicts) == {"no-drift"}


def test_bounds_cover_the_true_value_as_often_as_they_say() -> None:
    chance = np.random.default_rng(3)
    outside = 0
    for _ in range(200):
        truth = chance.normal(0, 1, 400)
        low, high = value_bounds(Pairs(METRICS["mae"], truth, np.zeros(400)).estimate(), 0.95)
        outside += not low <= np.sqrt(2 / np.pi) <= high
    assert 8 <= outside <= 34  # 10 % of 200, within three standard deviations


def test_windows_like_the_reference_are_hardly_ever_estimated_worse() -> None:
    rules = EstimateRules("roc_auc", min_change=0.0001)
    reference = estimate_reference(*estimated.served(20_000, 1), rules)
    alarms = sum(
        estimate_performance(reference, estimated.served(1000, seed)[0], rules).verdict == "drift"
        for seed in range(100, 400)
    )
    assert alarms <= 5
