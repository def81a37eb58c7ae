"""Measures challenger and champion since a moment, and has them judged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from shared.domain.release import Release, ReleaseState, Serving
from shared.domain.verdict import Judgement, Verdict
from shared.engine.outcomes import with_quality_of
from shared.errors import PermanentError, RetryableError
from shared.ports.data import DataReader
from shared.ports.telemetry import Telemetry

if TYPE_CHECKING:
    from shared.judge.scores import Shift

# Where Log Analytics counts its bins from. Source: learn.microsoft.com, Kusto bin(), read 2026-11-20.
_EPOCH = datetime.min.replace(tzinfo=UTC)


def judged(
    telemetry: Telemetry, data: DataReader, release: Release, since: datetime, lag: timedelta, now: datetime
) -> Judgement | None:
    """Return the judgement of the measurements since that moment; None without a champion to compare with.

    Args:
        lag: 0 to compare within the same intervals; otherwise the champion's of so much earlier are taken.
    """
    from shared.judge.canary import judge
    from shared.judge.evidence import tolerances_of
    from shared.judge.pairs import pair

    plan, champion = release.plan.judge, release.champion
    if champion is None:
        return None
    # The interval that is still running is not judged: its numbers would change.
    start, end = _ceiling(since, plan.interval), _floor(now, plan.interval)
    end = max(start, end)
    try:
        intervals = telemetry.intervals(
            release.endpoint, start - lag, end, plan.interval, quantile=plan.latency_quantile
        )
        moved = _shifts(data, release, champion, start, end, lag)
    except (RetryableError, PermanentError) as exc:
        return Judgement(Verdict.INCONCLUSIVE, f"the measurements cannot be read: {exc.message}", has_data=False)
    is_watching = release.state is ReleaseState.WATCHING
    looks = release.plan.watch_for if is_watching else release.plan.decide_within
    tolerances = tolerances_of(plan, max(1, round(looks / plan.interval)))
    pairs = pair(intervals, release.challenger.deployment, champion.deployment, lag)
    kept = tuple(each for each in pairs if each.challenger.start >= start)
    judgement = judge(kept, tolerances, plan.interval, now, moved)
    return with_quality_of(data, release, judgement, tolerances, since, lag, now)


def _shifts(
    data: DataReader, release: Release, champion: Serving, start: datetime, end: datetime, lag: timedelta
) -> tuple[Shift, ...]:
    from shared.judge.scores import shifts

    plan = release.plan.judge
    if plan.score_shift_at_most is None or end <= start:
        return ()
    challenger = data.mean_predictions(release.endpoint, release.challenger.deployment, start, end, plan.interval)
    baseline = data.mean_predictions(release.endpoint, champion.deployment, start - lag, end - lag, plan.interval)
    return shifts(challenger, baseline, lag)


def _ceiling(moment: datetime, interval: timedelta) -> datetime:
    """Return the first interval's start at or after `moment`; intervals are counted as the telemetry does."""
    rest = (moment - _EPOCH) % interval
    return moment + (interval - rest) if rest else moment


def _floor(moment: datetime, interval: timedelta) -> datetime:
    return moment - (moment - _EPOCH) % interval
