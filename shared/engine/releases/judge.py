"""Measures challenger and champion since a moment, and has them judged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from shared.domain.releases.measurement import Interval
from shared.domain.releases.release import Release, ReleaseState, Serving
from shared.domain.releases.verdict import Judgement, Verdict
from shared.engine.releases.outcomes import with_quality_of
from shared.errors import PermanentError, RetryableError
from shared.ports.data import DataReader
from shared.ports.telemetry import Telemetry

if TYPE_CHECKING:
    from shared.judge.evidence.absolute_errors import AbsoluteErrors
    from shared.judge.evidence.scores import Shift
    from shared.judge.evidence.streams import Tolerances

# Where Log Analytics counts its bins from. Source: learn.microsoft.com, Kusto bin(), read 2026-11-20.
_EPOCH = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Window:
    """What is judged: the intervals of the challenger that begin in [start, end), and the champion's, `lag` earlier."""

    start: datetime
    end: datetime
    lag: timedelta


def judged(
    telemetry: Telemetry, data: DataReader | None, release: Release, since: datetime, lag: timedelta, now: datetime
) -> Judgement | None:
    """Return the judgement of the measurements since that moment; None when nothing is judged.

    Without a champion only the version's own share of errors is.

    Args:
        data: None where neither predictions nor labels are judged.
        lag: 0 to compare within the same intervals; otherwise the champion's of so much earlier are taken.
    """
    plan, champion = release.plan.judge, release.champion
    if champion is None and plan.errors_at_most is None:
        return None
    # The interval that is still running is not judged: its numbers would change.
    start = ceiling(since, plan.interval)
    window = Window(start, max(start, floor(now, plan.interval)), lag)
    try:
        intervals = _intervals(telemetry, release, window)
        moved = _shifts(data, release, champion, window) if champion and data else ()
    except (RetryableError, PermanentError) as exc:
        reason = f"the measurements cannot be read: {exc.message}"
        return Judgement(Verdict.INCONCLUSIVE, reason, has_data=False, unread=reason)
    if champion is None:
        return _judged_alone(release, intervals, window, now)
    judgement = _compared(release, champion, intervals, moved, window, now)
    return with_quality_of(data, release, judgement, _tolerances(release), since, lag, now) if data else judgement


def _intervals(telemetry: Telemetry, release: Release, window: Window) -> tuple[Interval, ...]:
    """Return what was measured; Kubernetes endpoints have no traffic log, so there it is what probes were answered."""
    plan, start = release.plan.judge, window.start - window.lag
    if release.plan.kubernetes:
        return tuple(interval for interval in release.probe_answers if start <= interval.start < window.end)
    return telemetry.intervals(release.endpoint, start, window.end, plan.interval, quantile=plan.latency_quantile)


def _compared(
    release: Release,
    champion: Serving,
    intervals: tuple[Interval, ...],
    moved: tuple[Shift, ...],
    window: Window,
    now: datetime,
) -> Judgement:
    from shared.judge.absolute_verdict import with_absolute
    from shared.judge.canary import Comparison, judge
    from shared.judge.evidence.paired_intervals import pair

    pairs = pair(intervals, release.challenger.deployment, champion.deployment, window.lag)
    recent = tuple(compared for compared in pairs if compared.challenger.start >= window.start)
    own, others = _own_errors(release, champion, intervals, window)
    is_sick = others is not None and others.is_broken
    judgement = judge(Comparison(window.start, recent, moved, is_sick), _tolerances(release), now)
    return with_absolute(judgement, own, others) if own else judgement


def _own_errors(
    release: Release, champion: Serving, intervals: tuple[Interval, ...], window: Window
) -> tuple[AbsoluteErrors | None, AbsoluteErrors | None]:
    """Return the challenger's errors, and the champion's; None where the policy has no absolute bound."""
    from shared.judge.absolute_verdict import own_intervals
    from shared.judge.evidence.absolute_errors import absolute_errors, fails_alike

    at_most, width, horizon = release.plan.judge.errors_at_most, release.plan.judge.interval, _horizon(release)
    if at_most is None:
        return None, None
    own = own_intervals(intervals, release.challenger.deployment, window.start, window.end)
    others = own_intervals(intervals, champion.deployment, window.start - window.lag, window.end)
    mine, theirs = (absolute_errors(measured, at_most, width, horizon) for measured in (own, others))
    if mine.is_broken and fails_alike(own, others, at_most, window.lag):
        theirs = replace(theirs, is_broken=True)
    return mine, theirs


def _judged_alone(release: Release, intervals: tuple[Interval, ...], window: Window, now: datetime) -> Judgement | None:
    from shared.judge.absolute_verdict import judge_alone, own_intervals
    from shared.judge.evidence.absolute_errors import absolute_errors

    plan = release.plan.judge
    if plan.errors_at_most is None:
        return None
    own = own_intervals(intervals, release.challenger.deployment, window.start, window.end)
    errors = absolute_errors(own, plan.errors_at_most, plan.interval, _horizon(release))
    return judge_alone(errors, own[-1] if own else None, _tolerances(release).stale_after, now)


def _horizon(release: Release) -> int:
    """Return how many looks there are at most."""
    is_watching = release.state is ReleaseState.WATCHING
    looks = release.plan.watch_for if is_watching else release.plan.decide_within
    return max(1, round(looks / release.plan.judge.interval))


def _tolerances(release: Release) -> Tolerances:
    from shared.judge.evidence.streams import tolerances_of

    return tolerances_of(release.plan.judge, _horizon(release), release.budget)


def _shifts(data: DataReader, release: Release, champion: Serving, window: Window) -> tuple[Shift, ...]:
    from shared.judge.evidence.scores import shifts

    plan, start, end = release.plan.judge, window.start, window.end
    if plan.score_shift_at_most is None or end <= start:
        return ()
    challenger = data.mean_predictions(release.endpoint, release.challenger.deployment, start, end, plan.interval)
    baseline = data.mean_predictions(
        release.endpoint, champion.deployment, start - window.lag, end - window.lag, plan.interval
    )
    return shifts(challenger, baseline, window.lag)


def ceiling(moment: datetime, interval: timedelta) -> datetime:
    """Return the first interval's start at or after `moment`; intervals are counted as the telemetry does."""
    rest = (moment - _EPOCH) % interval
    return moment + (interval - rest) if rest else moment


def floor(moment: datetime, interval: timedelta) -> datetime:
    return moment - (moment - _EPOCH) % interval
