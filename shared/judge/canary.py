"""The judgement of a challenger by its measurements: fail, pass or inconclusive, in words and numbers.

Under the stated models the chance of ever failing a challenger that is no worse than the tolerances is at most
`false_rollbacks`, however often it is looked at (Ville's inequality; the chance is split over the metrics).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.verdict import Judgement, Verdict
from shared.judge import errors, latency
from shared.judge.pairs import Pair
from shared.judge.starts import ONE_START, starts_for

# The chance of proving "within the tolerance" of a challenger that is not, per metric.
FALSE_PASSES = 0.05
FEWEST_PAIRS = 5
FEWEST_REQUESTS = 20
# Measurements may come minutes late; older than this many intervals, nothing is known about now.
STALE_AFTER_INTERVALS = 10


@dataclass(frozen=True, slots=True)
class Tolerances:
    """How much worse the challenger may be; None leaves a metric unjudged.

    Args:
        errors: difference of error shares, 0 to 1.
        latency: ratio of latencies (geometric means), above 0.
        false_rollbacks: chance, above 0 and below 1.
        horizon: how long the look-out lasts, in intervals; fixed beforehand.
    """

    errors: float | None
    latency: float | None
    false_rollbacks: float
    horizon: int


@dataclass(frozen=True, slots=True)
class _Metric:
    """ln e-values of one metric: against "within the tolerance", and against "outside it"."""

    name: str
    log_fail: float
    log_pass: float


def judge(pairs: Sequence[Pair], tolerances: Tolerances, interval: timedelta, now: datetime) -> Judgement:
    """Return how the challenger does.

    Args:
        pairs: since the traffic that is judged was read back, oldest first.
    """
    if not pairs:
        return Judgement(Verdict.INCONCLUSIVE, "nothing comparable was measured yet", has_data=False)
    numbers = _numbers(pairs)
    age = now - pairs[-1].challenger.start
    if age > STALE_AFTER_INTERVALS * interval + interval:
        reason = f"the last measurement is {age.total_seconds():.0f} s old"
        return Judgement(Verdict.INCONCLUSIVE, reason, has_data=False, numbers=numbers)
    metrics = _metrics(pairs, tolerances)
    for metric in metrics:
        numbers[f"{metric.name}_fail_log10_e"] = metric.log_fail / math.log(10)
        numbers[f"{metric.name}_pass_log10_e"] = metric.log_pass / math.log(10)
    verdict, ending = _verdict(metrics, pairs, tolerances)
    return Judgement(verdict, _words(numbers, tolerances) + ending, numbers=numbers)


def _metrics(pairs: Sequence[Pair], tolerances: Tolerances) -> list[_Metric]:
    starts = starts_for(tolerances.horizon)
    found = []
    if tolerances.errors is not None:
        failing = errors.log_e_above(pairs, tolerances.errors, starts)
        found.append(_Metric("errors", failing, errors.log_e_below(pairs, tolerances.errors, ONE_START)))
    if tolerances.latency is not None:
        values, bound = latency.differences(pairs), math.log(tolerances.latency)
        failing = latency.log_e_above(values, bound, starts)
        found.append(_Metric("latency", failing, latency.log_e_below(values, bound, ONE_START)))
    return found


def _verdict(metrics: list[_Metric], pairs: Sequence[Pair], tolerances: Tolerances) -> tuple[Verdict, str]:
    """Return the verdict and how its sentence ends."""
    enough_to_fail = math.log(max(len(metrics), 1) / tolerances.false_rollbacks)
    failed = [metric.name for metric in metrics if metric.log_fail >= enough_to_fail]
    if failed:
        return Verdict.FAIL, f": {' and '.join(failed)} beyond the tolerance"
    requests = sum(pair.challenger.requests for pair in pairs)
    if len(pairs) < FEWEST_PAIRS or requests < FEWEST_REQUESTS:
        return Verdict.INCONCLUSIVE, ": too little to decide"
    unproven = [metric.name for metric in metrics if metric.log_pass < math.log(1 / FALSE_PASSES)]
    if unproven or not metrics:
        return Verdict.INCONCLUSIVE, f": {' and '.join(unproven) or 'nothing'} not proven within the tolerance yet"
    return Verdict.PASS, ": within the tolerance"


def _numbers(pairs: Sequence[Pair]) -> dict[str, float]:
    return {
        "intervals": float(len(pairs)),
        "requests": float(sum(pair.challenger.requests for pair in pairs)),
        "errors": float(sum(pair.challenger.errors for pair in pairs)),
        "champion_requests": float(sum(pair.champion.requests for pair in pairs)),
        "champion_errors": float(sum(pair.champion.errors for pair in pairs)),
        "latency_ratio": math.exp(math.fsum(latency.differences(pairs)) / len(pairs)),
    }


def _words(numbers: dict[str, float], tolerances: Tolerances) -> str:
    parts = []
    if tolerances.latency is not None:
        parts.append(f"latency {numbers['latency_ratio']:.2f} times the champion's (tolerance {tolerances.latency:g})")
    parts.append(
        f"{numbers['errors']:,.0f} of {numbers['requests']:,.0f} requests failed "
        f"(champion {numbers['champion_errors']:,.0f} of {numbers['champion_requests']:,.0f})"
    )
    return ", ".join(parts)
