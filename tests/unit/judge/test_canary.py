"""The canary judgement: rarely wrong however often it is looked at, and quick where it matters."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from shared.domain.ids import DeploymentName
from shared.domain.releases.measurement import Interval, Predictions
from shared.domain.releases.verdict import Judgement, Verdict
from shared.judge.canary import Comparison, counts, judge
from shared.judge.evidence.latency import differences
from shared.judge.evidence.paired_intervals import Pair, pair
from shared.judge.evidence.scores import Shift
from shared.judge.evidence.streams import Ruling, Tolerances, error_paths, latency_paths, rulings

T0 = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CANARY, CHAMPION = DeploymentName("v-2"), DeploymentName("v-1")
TOLERANCES = Tolerances(errors=0.01, latency=1.25, false_rollbacks=0.01, horizon=60)


@dataclass(frozen=True)
class Case:
    """An hour of a canary with 100 requests a minute beside a champion with 900."""

    latency_ratio: float = 1.0
    more_errors: float = 0.0
    from_minute: int = 0
    arm_noise: float = 0.0

    def pairs(self, random: np.random.Generator, minutes: int = 60) -> list[Pair]:
        return [self._pair(random, minute) for minute in range(minutes)]

    def _pair(self, random: np.random.Generator, minute: int) -> Pair:
        is_on, load = minute >= self.from_minute, random.normal(0, 0.1)

        def interval(name: DeploymentName, rate: int, errors: float, slowdown: float) -> Interval:
            requests = int(random.poisson(rate))
            noise = random.normal(0, 0.5 / math.sqrt(requests)) + random.normal(0, self.arm_noise)
            failed = int(random.binomial(requests, 0.002 + errors))
            return Interval(name, T0 + minute * MINUTE, requests, failed, 4.5 + load + slowdown + noise)

        slowdown = math.log(self.latency_ratio) if is_on else 0.0
        return Pair(interval(CANARY, 100, self.more_errors if is_on else 0.0, slowdown), interval(CHAMPION, 900, 0, 0))


def test_the_reason_has_the_numbers() -> None:
    random = np.random.default_rng(5)
    pairs = Case(latency_ratio=2.4, more_errors=0.08).pairs(random, 6)

    judgement = judge(Comparison(T0, pairs), TOLERANCES, T0 + 6 * MINUTE)

    assert judgement.verdict is Verdict.FAIL
    assert judgement.reason == (
        "latency 2.41 times the champion's (tolerance 1.25), 52 of 580 requests failed (champion 9 of 5,395): "
        "errors beyond the tolerance"
    )


def test_judging_again_gives_the_same_answer() -> None:
    pairs = Case().pairs(np.random.default_rng(1), 20)
    now = T0 + 20 * MINUTE
    assert judge(Comparison(T0, pairs), TOLERANCES, now) == judge(Comparison(T0, pairs), TOLERANCES, now)


def test_no_data_and_old_data_are_inconclusive() -> None:
    pairs = Case().pairs(np.random.default_rng(1), 20)
    for judgement in (
        judge(Comparison(T0, []), TOLERANCES, T0),
        judge(Comparison(T0, pairs), TOLERANCES, T0 + timedelta(hours=1)),
    ):
        assert (judgement.verdict, judgement.has_data) == (Verdict.INCONCLUSIVE, False)


def test_a_handful_of_requests_decides_nothing_good() -> None:
    pairs = [
        Pair(Interval(CANARY, T0 + i * MINUTE, 1, 0, 4.0), Interval(CHAMPION, T0 + i * MINUTE, 9, 0, 4.0 + i / 100))
        for i in range(10)
    ]
    assert judge(Comparison(T0, pairs), TOLERANCES, T0 + 10 * MINUTE).verdict is Verdict.INCONCLUSIVE


def test_impossible_intervals_and_those_of_one_side_are_left_out() -> None:
    sound = Interval(CANARY, T0, 100, 1, 4.0)
    champion = replace(sound, deployment=CHAMPION)
    broken = [
        replace(sound, start=T0 + MINUTE, mean_log_latency=math.nan),
        replace(sound, start=T0 + 2 * MINUTE, errors=101),
        replace(sound, start=T0 + 3 * MINUTE),
    ]
    others = [replace(champion, start=T0 + minute * MINUTE) for minute in range(3)]

    assert pair([sound, *broken, *others], CANARY, CHAMPION) == (Pair(sound, champion),)


def test_a_lag_compares_with_the_champion_of_before() -> None:
    then, now = Interval(CHAMPION, T0, 100, 1, 4.0), Interval(CANARY, T0 + 5 * MINUTE, 100, 1, 4.0)
    assert pair([then, now], CANARY, CHAMPION, 5 * MINUTE) == (Pair(now, then),)


def test_a_ratio_of_errors_may_be_tolerated_instead_of_a_difference() -> None:
    pairs = Case(more_errors=0.02).pairs(np.random.default_rng(2), 30)
    now = T0 + 30 * MINUTE
    tenfold = replace(TOLERANCES, errors=None, errors_ratio=2.0)
    assert judge(Comparison(T0, pairs), tenfold, now).verdict is Verdict.FAIL
    assert judge(Comparison(T0, pairs), replace(TOLERANCES, errors=0.1), now).verdict is Verdict.PASS


def test_the_judge_stands_after_each_minute_where_many_streams_at_once_do() -> None:
    for case in (Case(), Case(latency_ratio=1.5), Case(more_errors=0.05)):
        pairs = case.pairs(np.random.default_rng(4), 15)
        paths = [error_paths(counts(pairs), TOLERANCES), latency_paths(np.array([differences(pairs)]), TOLERANCES)]
        requests = np.array([[pair.challenger.requests for pair in pairs]], dtype=float)
        by_minute = rulings(paths, np.arange(1, 16)[None], requests.cumsum(axis=1), TOLERANCES)[0]
        words = {Ruling.FAILED: Verdict.FAIL, Ruling.WITHIN: Verdict.PASS}
        for minute in range(1, 16):
            assert judge(Comparison(T0, pairs[:minute]), TOLERANCES, T0 + minute * MINUTE).verdict is words.get(
                Ruling(by_minute[minute - 1]), Verdict.INCONCLUSIVE
            )


def _with_quantile(pair: Pair, shift: float, requests: int = 100) -> Pair:
    return Pair(
        replace(pair.challenger, requests=requests, quantile_log_latency=6.0 + shift),
        replace(pair.champion, quantile_log_latency=6.0),
    )


def test_a_tail_that_grows_is_failed_although_the_mean_does_not() -> None:
    pairs = Case().pairs(np.random.default_rng(6), 20)
    noise = np.random.default_rng(8).normal(0, 0.05, 20)
    tail = [_with_quantile(pair, math.log(2) + float(by)) for pair, by in zip(pairs, noise, strict=True)]
    now = T0 + 20 * MINUTE
    of_tail = replace(TOLERANCES, latency_quantile=0.95)

    assert judge(Comparison(T0, tail), TOLERANCES, now).verdict is Verdict.PASS
    judgement = judge(Comparison(T0, tail), of_tail, now)
    assert judgement.verdict is Verdict.FAIL
    assert "latency at quantile 0.95" in judgement.reason


def test_a_quantile_of_too_few_requests_gives_way_to_the_mean() -> None:
    pairs = [_with_quantile(pair, 3.0, requests=99) for pair in Case().pairs(np.random.default_rng(6), 20)]
    assert differences(pairs, 0.95) == differences(pairs)


def test_predictions_that_moved_are_failed_and_ones_that_did_not_are_passed() -> None:
    random = np.random.default_rng(9)
    pairs = Case().pairs(random, 30)
    limited = replace(TOLERANCES, scores=0.05)

    def judged(by: float) -> Judgement:
        moved = [
            Shift(Predictions(T0, 100, 0.5 + by + float(random.normal(0, 0.01)), 0.01), Predictions(T0, 100, 0.5, 0.01))
            for _ in range(30)
        ]
        return judge(Comparison(T0, pairs, moved), limited, T0 + 30 * MINUTE)

    assert judged(0.0).verdict is Verdict.PASS
    for by in (0.1, -0.1):
        assert judged(by).verdict is Verdict.FAIL
        assert "scores beyond the tolerance" in judged(by).reason


def test_predictions_that_were_not_collected_are_not_good_news() -> None:
    pairs = Case().pairs(np.random.default_rng(9), 30)
    judgement = judge(Comparison(T0, pairs), replace(TOLERANCES, scores=0.05), T0 + 30 * MINUTE)
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "no predictions were collected" in judgement.reason
