"""The judgement of a challenger by its measurements: fail, pass or inconclusive, in words and numbers.

Under the stated models the chance of ever failing a challenger that is no worse than the tolerances is at most
`false_rollbacks`, however often it is looked at (Ville's inequality; the chance is split over the metrics).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np

from shared.domain.verdict import Judgement, Verdict
from shared.judge.evidence import (
    FALSE_PASSES,
    FEWEST_INTERVALS_TO_PASS,
    FEWEST_REQUESTS,
    Paths,
    Tolerances,
    error_paths,
    latency_paths,
    score_paths,
)
from shared.judge.latency import differences, is_told
from shared.judge.pairs import Pair
from shared.judge.scores import Shift

# Measurements may come minutes late; older than this many intervals, nothing is known about now.
STALE_AFTER_INTERVALS = 10
_VERDICTS = {-1: Verdict.FAIL, 0: Verdict.INCONCLUSIVE, 1: Verdict.PASS}


def judge(
    pairs: Sequence[Pair], tolerances: Tolerances, interval: timedelta, now: datetime, shifts: Sequence[Shift] = ()
) -> Judgement:
    """Return how the challenger does.

    Args:
        pairs: since the traffic that is judged was read back, oldest first.
        shifts: of the predictions, over the same time, oldest first; needed when the tolerances limit them.
    """
    if not pairs:
        return Judgement(Verdict.INCONCLUSIVE, "nothing comparable was measured yet", has_data=False)
    numbers = _numbers(pairs, shifts, tolerances)
    age = now - pairs[-1].challenger.start
    if age > stale_after(interval):
        reason = f"the last measurement is {age.total_seconds():.0f} s old"
        return Judgement(Verdict.INCONCLUSIVE, reason, has_data=False, numbers=numbers)
    last = _last(_paths(pairs, shifts, tolerances))
    for metric in last:
        numbers[f"{metric.metric}_fail_log10_e"] = float(metric.fails[0, -1]) / math.log(10)
        numbers[f"{metric.metric}_pass_log10_e"] = float(metric.passes[0, -1]) / math.log(10)
    verdict, ending = _verdict(last, pairs, tolerances)
    return Judgement(verdict, _words(pairs, numbers, tolerances) + ending, numbers=numbers)


def stale_after(interval: timedelta) -> timedelta:
    """Return how long ago the newest interval may have begun."""
    return STALE_AFTER_INTERVALS * interval + interval


def _paths(pairs: Sequence[Pair], shifts: Sequence[Shift], tolerances: Tolerances) -> list[Paths]:
    found = []
    if tolerances.error_bound is not None:
        found.append(error_paths(counts(pairs), tolerances))
    if tolerances.latency is not None:
        values = differences(pairs, tolerances.latency_quantile)
        found.append(latency_paths(np.array([values]), tolerances))
    if tolerances.scores is not None:
        moved = [shift.by for shift in shifts] or [0.0]
        found.append(score_paths(np.array([moved]), tolerances))
    return found


def counts(pairs: Sequence[Pair]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return (1, intervals, 4): requests and errors of the challenger, then of the champion."""
    rows = [(p.challenger.requests, p.challenger.errors, p.champion.requests, p.champion.errors) for p in pairs]
    return np.array([rows], dtype=np.float64)


def _last(paths: Sequence[Paths]) -> list[Paths]:
    """Return where each path stands; the metrics may have been measured in different numbers of intervals."""
    return [Paths(each.metric, each.fails[:, -1:], each.passes[:, -1:]) for each in paths]


def _verdict(last: Sequence[Paths], pairs: Sequence[Pair], tolerances: Tolerances) -> tuple[Verdict, str]:
    """Return the verdict and how its sentence ends."""
    failed = [each.metric for each in last if each.fails[0, -1] >= tolerances.enough_to_fail]
    if failed:
        return Verdict.FAIL, f": {' and '.join(failed)} beyond the tolerance"
    requests = sum(pair.challenger.requests for pair in pairs)
    if len(pairs) < FEWEST_INTERVALS_TO_PASS or requests < FEWEST_REQUESTS:
        return Verdict.INCONCLUSIVE, ": too little to decide"
    unproven = [each.metric for each in last if each.passes[0, -1] < math.log(1 / FALSE_PASSES)]
    if unproven or not last:
        return Verdict.INCONCLUSIVE, f": {' and '.join(unproven) or 'nothing'} not proven within the tolerance yet"
    return Verdict.PASS, ": within the tolerance"


def _numbers(pairs: Sequence[Pair], shifts: Sequence[Shift], tolerances: Tolerances) -> dict[str, float]:
    values = differences(pairs, tolerances.latency_quantile)
    numbers = {
        "intervals": float(len(pairs)),
        "requests": float(sum(pair.challenger.requests for pair in pairs)),
        "errors": float(sum(pair.challenger.errors for pair in pairs)),
        "champion_requests": float(sum(pair.champion.requests for pair in pairs)),
        "champion_errors": float(sum(pair.champion.errors for pair in pairs)),
        "latency_ratio": math.exp(math.fsum(values) / len(values)),
    }
    if any(each.probes for pair in pairs for each in (pair.challenger, pair.champion)):
        numbers["probes"] = float(sum(pair.challenger.probes for pair in pairs))
        numbers["champion_probes"] = float(sum(pair.champion.probes for pair in pairs))
    if tolerances.scores is not None:
        numbers["score_intervals"] = float(len(shifts))
        numbers["score_shift"] = math.fsum(shift.by for shift in shifts) / len(shifts) if shifts else 0.0
    return numbers


def _words(pairs: Sequence[Pair], numbers: dict[str, float], tolerances: Tolerances) -> str:
    parts = []
    if tolerances.latency is not None:
        quantile = tolerances.latency_quantile
        told = [pair for pair in pairs if quantile is not None and is_told(pair, quantile)]
        what = f"latency at quantile {quantile:g}" if len(told) > len(pairs) / 2 else "latency"
        parts.append(f"{what} {numbers['latency_ratio']:.2f} times the champion's (tolerance {tolerances.latency:g})")
    parts.append(
        f"{numbers['errors']:,.0f} of {numbers['requests']:,.0f} requests failed "
        f"(champion {numbers['champion_errors']:,.0f} of {numbers['champion_requests']:,.0f})"
    )
    if "probes" in numbers:
        probes, requests = (numbers[name] + numbers[f"champion_{name}"] for name in ("probes", "requests"))
        parts.append(f"{probes:,.0f} of {requests:,.0f} requests were probes")
    if tolerances.scores is not None:
        moved = f"predictions moved by {numbers['score_shift']:+.3g} (tolerance {tolerances.scores:g})"
        parts.append(moved if numbers["score_intervals"] else "no predictions were collected")
    return ", ".join(parts)
