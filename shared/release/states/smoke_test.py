"""The smoke test: before it gets traffic, the challenger must answer one request, and a load if the policy has one.

A load is sent in portions, one per look. One counts when it is in the record: what a worker had sent that died, or was
overtaken, counts nowhere, and nothing twice. Few requests pass nothing: the upper bounds of the shares that failed and
were slow must be within the policy's. That of the slow is an order statistic's bound of the quantile, read backwards.
Sources: C. J. Clopper and E. S. Pearson, Biometrika 26 (1934); H. A. David and H. N. Nagaraja, Order Statistics, 7.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from shared.domain.releases.measurement import LoadCount
from shared.domain.releases.plan import LoadPlan, SmokeTestPlan
from shared.domain.releases.release import Release
from shared.ports.workspace import Answer
from shared.release.core.observation import Observation
from shared.release.core.transitions import is_late
from shared.release.core.words import duration

# The first answer of a process that has just come up is slow, and may be none.
SMOKE_TRIES = 3
# A portion is sent for so long, and its last answers may take as long again: whoever asks for an abort must not wait.
PORTION, PORTION_EVERY = timedelta(seconds=10), timedelta(seconds=20)
ERROR = 0.05


@dataclass(frozen=True, slots=True)
class SmokeTested:
    """What one look at the smoke test came to, and the release with what it counted; `rest` is until the next look."""

    kind: Literal["passed", "failed", "again"]
    words: str
    release: Release
    rest: timedelta | None = None


def portion(release: Release) -> int:
    """Return how many requests of the load this look is to send: none before the first is answered, or when all are
    sent, or when no more of them could make it pass."""
    smoke, met = release.plan.smoke_test, release.load
    if smoke is None or smoke.load is None or met is None or _fault(smoke.load, met):
        return 0
    return min(smoke.load.requests - met.sent, max(1, int(smoke.load.per_second * PORTION.total_seconds())))


def smoke_tested(release: Release, plan: SmokeTestPlan, observation: Observation, now: datetime) -> SmokeTested:
    if plan.load and release.load is not None:
        return _loaded(release, plan.load, release.load, observation, now)
    if problem := observation.problem or _answer_problem(plan, observation.answer):
        is_last = release.smoke_failures + 1 >= SMOKE_TRIES or is_late(release, now) or bool(observation.problem)
        failed = replace(release, smoke_failures=release.smoke_failures + 1)
        return SmokeTested("failed" if is_last else "again", problem, failed)
    if plan.load is None:
        return SmokeTested("passed", "answered the smoke test", release)
    return SmokeTested("again", "the load begins", replace(release, load=LoadCount()), timedelta(0))


def _loaded(release: Release, plan: LoadPlan, met: LoadCount, observation: Observation, now: datetime) -> SmokeTested:
    if observation.load:
        # Decided by the next look: by then the portion is in the record.
        met = met.plus(observation.load)
        words = f"{met.sent:,} of {plan.requests:,} requests of the load are sent"
        rest = PORTION_EVERY if met.sent < plan.requests else timedelta(0)
        return SmokeTested("again", words, replace(release, load=met), rest)
    if fault := observation.problem or _fault(plan, met):
        return SmokeTested("failed", fault, release)
    if met.sent >= plan.requests:
        words = "; ".join(_bounded(*count) for count in _counts(plan, met))
        return SmokeTested("passed", f"answered the smoke test and a load of {met.sent:,} requests: {words}", release)
    words = f"only {met.sent:,} of {plan.requests:,} requests of the load could be sent"
    return SmokeTested("failed" if is_late(release, now) else "again", words, release, PORTION_EVERY)


def _counts(plan: LoadPlan, met: LoadCount) -> Iterator[tuple[str, int, int, float]]:
    """Yield what may happen to a request, to how many it did, of how many, and which share may be."""
    yield "failed", met.sent - met.served, met.sent, plan.errors_at_most
    if plan.slow_after is not None:
        yield f"took longer than {duration(plan.slow_after)}", met.slow, met.served, plan.slow_at_most


def _fault(plan: LoadPlan, met: LoadCount) -> str:
    """Return why the load is not passed, or cannot be any more; empty while it may be."""
    from shared.metrics.bounds import share_at_least, share_at_most

    if met.wrong:
        return f"{met.wrong:,} of {met.served:,} answers are not as expected, e.g. {met.example}"
    for what, count, rows, share in _counts(plan, met):
        # Even if none of those to come does.
        if share_at_least(count, max(plan.requests, rows), ERROR) > share:
            return f"of a load of {plan.requests:,} requests, {count:,} of {rows:,} {what}; {share:.2%} may"
        if met.sent >= plan.requests and share_at_most(count, rows, ERROR) > share:
            return f"too few requests to tell: {_bounded(what, count, rows, share)}; write a longer `for`"
    return ""


def _bounded(what: str, count: int, rows: int, share: float) -> str:
    from shared.metrics.bounds import share_at_most

    most = share_at_most(count, rows, ERROR)
    return f"{count:,} of {rows:,} {what}, at most {most:.2%} at {1 - ERROR:.0%} confidence ({share:.2%} may)"


def _answer_problem(plan: SmokeTestPlan, answer: Answer | None) -> str:
    if answer is None:
        return "it does not answer the smoke test"
    if not 200 <= answer.status < 300:
        return f"it answered the smoke test with {answer.status}: {answer.text:.200}"
    if plan.answers_within and answer.seconds > plan.answers_within.total_seconds():
        return f"it took {answer.seconds:.2g} s for the smoke test, and may take {duration(plan.answers_within)}"
    return ""
