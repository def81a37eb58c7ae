"""How a canary's step is judged by the measurements of both versions: fail, pass or inconclusive, in words and numbers.

Under the stated models the chance of ever failing a challenger that is no worse than the tolerances is at most
`false_rollbacks`, at any number of looks (Ville's inequality; the chance is split over metrics and stages).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from shared.domain.releases.verdict import Judgement, Verdict
from shared.judge.evidence.latency import differences, has_quantile
from shared.judge.evidence.paired_intervals import Pair
from shared.judge.evidence.scores import Shift, moments
from shared.judge.evidence.streams import (
    Paths,
    Ruling,
    Tolerances,
    error_paths,
    latency_paths,
    rulings,
    score_paths,
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The measurements of both versions since the traffic of this step was confirmed.

    Args:
        start: that moment; the warm-up begins then.
        pairs: oldest first.
        shifts: of the predictions, oldest first; needed when the tolerances limit them.
        champion_is_sick: its latency is no yardstick.
    """

    start: datetime
    pairs: Sequence[Pair]
    shifts: Sequence[Shift] = ()
    champion_is_sick: bool = False


def judge(measured: Comparison, tolerances: Tolerances, now: datetime) -> Judgement:
    """Return how the challenger does."""
    pairs = measured.pairs
    if not pairs:
        return Judgement(Verdict.INCONCLUSIVE, "nothing comparable was measured yet", has_data=False)
    # A cold start slows latency alone; errors count from the first request on.
    warm = [pair for pair in pairs if pair.challenger.start >= measured.start + tolerances.warm_up]
    values = differences(warm, tolerances.latency_quantile)
    numbers = _numbers(measured, values, tolerances)
    # Before any evidence: old measurements neither pass nor fail a version, however clear they are.
    age = now - pairs[-1].challenger.start
    if age > tolerances.stale_after:
        reason = f"the last measurement is {age.total_seconds():.0f} s old"
        return Judgement(Verdict.INCONCLUSIVE, reason, has_data=False, numbers=numbers)
    last = _newest_paths(measured, values, tolerances)
    for metric in last:
        numbers[f"{metric.metric}_fail_log10_e"] = float(metric.fails[0, 0]) / math.log(10)
        numbers[f"{metric.metric}_pass_log10_e"] = float(metric.passes[0, 0]) / math.log(10)
    verdict, ending = _verdict(last, pairs, tolerances)
    return Judgement(
        verdict,
        _words(measured, numbers, tolerances) + ending,
        numbers=numbers,
        suspects=any(metric.is_suspected(tolerances)[0, 0] for metric in last),
    )


def _newest_paths(measured: Comparison, values: Sequence[float], tolerances: Tolerances) -> list[Paths]:
    """Return where each metric's paths stand; they may have been measured in different numbers of intervals."""
    paths = []
    if tolerances.error_bound is not None:
        paths.append(_newest(error_paths(counts(measured.pairs), tolerances)))
    # The latency of a champion that fails is no yardstick.
    if tolerances.latency is not None and not measured.champion_is_sick:
        paths.append(_newest(latency_paths(np.array([values]), tolerances)) if values else _no_evidence("latency"))
    if tolerances.scores is not None:
        has_any = bool(measured.shifts)
        paths.append(_newest(score_paths(moments(measured.shifts), tolerances)) if has_any else _no_evidence("scores"))
    return paths


def _newest(paths: Paths) -> Paths:
    return paths.at(np.array([[paths.fails.shape[1]]]))


def _no_evidence(metric: str) -> Paths:
    return Paths(metric, np.zeros((1, 1)), np.zeros((1, 1)), np.zeros((1, 1), dtype=bool))


def counts(pairs: Sequence[Pair]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return (1, intervals, 4): requests and errors of the challenger, then of the champion."""
    rows = [(p.challenger.requests, p.challenger.errors, p.champion.requests, p.champion.errors) for p in pairs]
    return np.array([rows], dtype=np.float64)


def _verdict(last: Sequence[Paths], pairs: Sequence[Pair], tolerances: Tolerances) -> tuple[Verdict, str]:
    """Return the verdict and how its sentence ends."""
    requests = np.array([[float(sum(pair.challenger.requests for pair in pairs))]])
    ruling = Ruling(rulings(last, np.array([[len(pairs)]]), requests, tolerances)[0, 0])
    match ruling:
        case Ruling.FAILED:
            return Verdict.FAIL, f": {_names(last, lambda metric: metric.is_failed(tolerances))} beyond the tolerance"
        case Ruling.SUSPECTED:
            suspects = _names(last, lambda metric: metric.is_suspected(tolerances))
            return Verdict.INCONCLUSIVE, f": {suspects} may be beyond the tolerance, in too few minutes to be sure"
        case Ruling.TOO_LITTLE:
            return Verdict.INCONCLUSIVE, ": too little to decide"
        case Ruling.UNPROVEN:
            unproven = _names(last, lambda metric: ~metric.is_within) or "nothing"
            return Verdict.INCONCLUSIVE, f": {unproven} not proven within the tolerance yet"
        case Ruling.WITHIN:
            return Verdict.PASS, ": within the tolerance"


def _names(last: Sequence[Paths], condition: Callable[[Paths], np.ndarray[tuple[int, ...], np.dtype[np.bool_]]]) -> str:
    return " and ".join(metric.metric for metric in last if condition(metric)[0, 0])


def _numbers(measured: Comparison, values: Sequence[float], tolerances: Tolerances) -> dict[str, float]:
    pairs, shifts = measured.pairs, measured.shifts
    numbers = {
        "intervals": float(len(pairs)),
        "requests": float(sum(pair.challenger.requests for pair in pairs)),
        "errors": float(sum(pair.challenger.errors for pair in pairs)),
        "champion_requests": float(sum(pair.champion.requests for pair in pairs)),
        "champion_errors": float(sum(pair.champion.errors for pair in pairs)),
    }
    if values:
        numbers["latency_ratio"] = math.exp(math.fsum(values) / len(values))
    if any(interval.probes for pair in pairs for interval in (pair.challenger, pair.champion)):
        numbers["probes"] = float(sum(pair.challenger.probes for pair in pairs))
        numbers["champion_probes"] = float(sum(pair.champion.probes for pair in pairs))
    if tolerances.scores is not None:
        numbers["score_intervals"] = float(len(shifts))
        numbers["score_shift"] = math.fsum(shift.by for shift in shifts) / len(shifts) if shifts else 0.0
    return numbers


def _words(measured: Comparison, numbers: dict[str, float], tolerances: Tolerances) -> str:
    parts = []
    if tolerances.latency is not None:
        parts.append(_latency_words(measured, numbers, tolerances))
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


def _latency_words(measured: Comparison, numbers: dict[str, float], tolerances: Tolerances) -> str:
    if measured.champion_is_sick:
        return "latency is not compared with a champion that fails"
    if "latency_ratio" not in numbers:
        return "latency is not judged yet"
    quantile, pairs = tolerances.latency_quantile, measured.pairs
    usable = [pair for pair in pairs if quantile is not None and has_quantile(pair, quantile)]
    what = f"latency at quantile {quantile:g}" if len(usable) > len(pairs) / 2 else "latency"
    return f"{what} {numbers['latency_ratio']:.2f} times the champion's (tolerance {tolerances.latency:g})"
