"""What the versions' own shares of errors add to a judgement, and the judgement of a version without a champion."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from operator import attrgetter

from shared.domain.ids import DeploymentName
from shared.domain.releases.measurement import Interval
from shared.domain.releases.verdict import Judgement, Verdict
from shared.judge.evidence.absolute_errors import AbsoluteErrors


def own_intervals(
    intervals: Iterable[Interval], deployment: DeploymentName, start: datetime, end: datetime
) -> tuple[Interval, ...]:
    """Return the deployment's intervals that begin in [start, end), oldest first."""
    own = (interval for interval in intervals if interval.deployment == deployment and start <= interval.start < end)
    return tuple(
        sorted((interval for interval in own if 0 <= interval.errors <= interval.requests > 0), key=attrgetter("start"))
    )


def with_absolute(
    judgement: Judgement, challenger: AbsoluteErrors, champion: AbsoluteErrors | None = None
) -> Judgement:
    """Return the judgement with the versions' own shares of errors added.

    A broken challenger fails, and one that is not proven to be within its bound does not pass, however the champion
    does.
    """
    judgement = replace(
        judgement,
        numbers={**judgement.numbers, "requests": float(challenger.requests), "errors": float(challenger.errors)},
        is_broken=challenger.is_broken,
        needs_a_person=challenger.is_suspicious,
        is_proven=challenger.is_proven,
        champion_is_sick=champion is not None and champion.is_broken,
    )
    if champion is not None and champion.is_broken:
        judgement = replace(judgement, reason=f"{judgement.reason}; of the champion's, {champion}")
    # Outranks the comparison, also one without data or with a pass.
    if challenger.is_broken:
        failed = f"the version is broken: {challenger}"
        return replace(judgement, verdict=Verdict.FAIL, has_data=True, reason=f"{failed}; {judgement.reason}")
    if judgement.verdict is Verdict.PASS and not challenger.is_proven:
        unproven = f"{challenger}: not proven yet"
        return replace(judgement, verdict=Verdict.INCONCLUSIVE, reason=f"{judgement.reason}; {unproven}")
    return judgement


def judge_alone(challenger: AbsoluteErrors, last: Interval | None, stale_after: timedelta, now: datetime) -> Judgement:
    """Return the judgement of a version without a champion to compare it with.

    Args:
        last: its newest interval; None when nothing was measured.
    """
    alone = "there is no earlier version to compare with"
    if last is None:
        return Judgement(Verdict.INCONCLUSIVE, f"{alone}, and nothing was measured yet", has_data=False)
    if now - last.start > stale_after:
        age = (now - last.start).total_seconds()
        stale = Judgement(Verdict.INCONCLUSIVE, f"{alone}; the last measurement is {age:.0f} s old", has_data=False)
        return with_absolute(stale, challenger)
    return with_absolute(Judgement(Verdict.PASS, f"{alone}; {challenger}"), challenger)
