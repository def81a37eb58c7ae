"""What would let a plan decide that cannot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from shared.domain.releases.plan import ReleasePlan
from shared.judge.evidence.streams import tolerances_of
from shared.judge.time_to_decide import Expected, intervals_to_pass
from shared.release.sections.probe import with_probes
from shared.release.states.ab_test import SETTLE_WITHIN
from shared.simulate.result import SAME, simulate_change
from shared.simulate.traffic import Traffic

RUNS = 60
LONGER = (1.25, 1.5, 2, 3, 4)
LOOSER = (1.5, 2, 3, 5)
FIRST_STEPS = (5, 10, 15, 20, 25, 33, 50)
LONGEST = timedelta(days=30)
MOST_INTERVALS = 5000


@dataclass(frozen=True, slots=True)
class Advice:
    """One change of the policy with which most good versions would get through.

    Args:
        write: what to write in the policy.
        finished: percent of good versions that then got through.
    """

    write: str
    finished: float


def advice(plan: ReleasePlan, traffic: Traffic, seed: int, text: Callable[[timedelta], str]) -> tuple[Advice, ...]:
    """Return the smallest change of each kind that helps; none where no change of that kind does.

    Args:
        text: writes a duration as policies do.
    """
    helpful = []
    for kind in (_longer(plan, traffic, text), _larger(plan), _looser(plan)):
        for write, changed in kind:
            needed = time_needed(changed, traffic)
            if needed is None or needed > changed.decide_within:
                continue
            result = simulate_change(changed, traffic, SAME, RUNS, seed)
            if result.decides:
                helpful.append(Advice(write, result.finished))
                break
    return tuple(helpful)


def time_needed(plan: ReleasePlan, traffic: Traffic, step: int = 0) -> timedelta | None:
    """Return how long a step needs to prove that a good version is within the tolerances; None for ever."""
    interval = plan.judge.interval
    requests = traffic.mean * (interval / timedelta(minutes=1))
    share = plan.steps[step] / 100
    expected = Expected(requests * share, requests * (1 - share), traffic.errors, traffic.spread, traffic.noise)
    if plan.probe:
        expected = with_probes(expected, plan.probe.per_interval)
    horizon = max(1, round(plan.decide_within / interval))
    tolerances = tolerances_of(plan.judge, horizon, plan.budget(step == 0 and not plan.mirror))
    needed = intervals_to_pass(tolerances, expected, plan.judge.errors_at_most)
    return None if needed * interval.total_seconds() > LONGEST.total_seconds() * 500 else needed * interval


def _longer(plan: ReleasePlan, traffic: Traffic, text: Callable[[timedelta], str]) -> Iterator[tuple[str, ReleasePlan]]:
    needed = time_needed(plan, traffic) or LONGEST
    for factor in sorted(by * max(needed / plan.decide_within, 1.0) for by in LONGER):
        longer = timedelta(minutes=_round_up(factor * plan.decide_within / timedelta(minutes=1)))
        if plan.ab and plan.bake < longer <= LONGEST:
            yield f"hold_for: {text(longer)}", replace(plan, bake=longer, decide_within=longer + SETTLE_WITHIN)
        elif plan.decide_within < longer <= LONGEST and longer / plan.judge.interval <= MOST_INTERVALS:
            yield f"decide_within: {text(longer)}", replace(plan, decide_within=longer)


def _larger(plan: ReleasePlan) -> Iterator[tuple[str, ReleasePlan]]:
    for first in FIRST_STEPS:
        if first > plan.steps[0]:
            steps = (first, *(step for step in plan.steps[1:] if step > first))
            written = f"split: {first}%" if plan.ab else f"steps: [{', '.join(f'{step}%' for step in steps)}]"
            yield written, replace(plan, steps=steps)


def _looser(plan: ReleasePlan) -> Iterator[tuple[str, ReleasePlan]]:
    for factor in LOOSER:
        judge, changes = plan.judge, []
        if judge.errors_worse_by_at_most is not None:
            share = min(judge.errors_worse_by_at_most * factor, 0.5)
            judge = replace(judge, errors_worse_by_at_most=share)
            changes.append(f"errors: {{worse_by_at_most: {100 * share:g}%}}")
        if judge.errors_ratio_at_most is not None:
            judge = replace(judge, errors_ratio_at_most=judge.errors_ratio_at_most * factor)
            changes.append(f"errors: {{ratio_at_most: {judge.errors_ratio_at_most:g}}}")
        if judge.latency_ratio_at_most is not None:
            ratio = round(1 + max(judge.latency_ratio_at_most - 1, 0.05) * factor, 3)
            judge = replace(judge, latency_ratio_at_most=ratio)
            changes.append(f"latency: {{ratio_at_most: {ratio:g}}}")
        yield f"judge: {{{', '.join(changes)}}}", replace(plan, judge=judge)


def _round_up(minutes: float) -> int:
    """Return minutes as people would write them: whole quarters of an hour, then whole hours."""
    unit = 15 if minutes <= 240 else 60
    return unit * -(-int(-(-minutes // 1)) // unit)
