"""Shadowing: the challenger gets copies of requests, is measured, and answers nobody."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.domain.notice import NoticeKind
from shared.domain.releases.release import Release, ReleaseState
from shared.release.core.actions import SetMirror
from shared.release.core.observation import Observation
from shared.release.core.requests import HOLD, hold_reason, promote_request
from shared.release.core.transitions import (
    CALL_AGAIN_AFTER,
    SHIFT_WITHIN,
    ReleaseUpdate,
    go_on,
    hold,
    hold_without_data,
    is_late,
    move,
    noted,
    stay,
    tell,
    unheld,
)
from shared.release.core.words import duration, split
from shared.release.states.bake import NOT_MEASURED, decide_bake
from shared.release.states.ending import roll_back
from shared.release.states.interference import lost, other_traffic

# The number of this step, before the steps that serve.
SHADOW_STEP = -1


def begin_shadowing(release: Release, reason: str, now: datetime) -> Release:
    begun = move(release, ReleaseState.SHADOWING, reason, now)
    return replace(begun, phase="shifting", step_index=SHADOW_STEP, traffic_since=None, judgement=None)


def shadowing(release: Release, observation: Observation, now: datetime) -> ReleaseUpdate:
    """Copy requests to the challenger until it is proven no worse, then stop copying: Azure ML lets no deployment
    have both copies and traffic.

    Source: learn.microsoft.com, how-to-safely-rollout-online-endpoints, read 2026-11-20.
    """
    if gone := lost(release, observation, now):
        return gone
    if observation.traffic != release.traffic_at(SHADOW_STEP):
        update = other_traffic(release, observation, release.traffic_at(SHADOW_STEP), now)
        return _give_up_late(update, release, now, "the traffic was changed by hand")
    if release.phase == "baking":
        return _bake(release, observation, now)
    return _shift(release, observation, now)


def _shift(release: Release, observation: Observation, now: datetime) -> ReleaseUpdate:
    target = release.mirror
    if observation.mirror == target and not observation.is_updating:
        release = unheld(release)
        if release.phase == "clearing":
            return go_on(_begin_canary(release, now), now)
        return stay(replace(release, phase="baking", traffic_since=now, deadline=now + release.plan.decide_within), now)
    if is_late(release, now):
        copies = f"copies of {split(target)}" if target else "no copies"
        reason = f"the endpoint did not come to {copies} within {duration(SHIFT_WITHIN)}"
        return roll_back(release, ReleaseState.FAILED, reason, now)
    if observation.is_updating:
        return stay(release, now)
    return stay(release, now, SetMirror(release.endpoint, target))


def _begin_canary(release: Release, now: datetime) -> Release:
    moved = move(release, ReleaseState.CANARY, release.reason, now)
    return replace(moved, step_index=0, phase="shifting", traffic_since=None, judgement=None)


def _bake(release: Release, observation: Observation, now: datetime) -> ReleaseUpdate:
    judgement = observation.judgement or NOT_MEASURED
    release = replace(release, judgement=judgement)
    baked = now - (release.traffic_since or release.entered_at)
    decision = decide_bake(
        judgement,
        is_over=baked >= release.plan.bake,
        held=hold_reason(observation),
        promote=promote_request(release, observation),
    )
    if decision.kind == "failed":
        return roll_back(release, ReleaseState.ROLLED_BACK, f"in the shadow, {decision.reason}", now)
    # Copies that ended are made again before anything moves on, but not under a person's hold.
    if observation.mirror != release.mirror and decision.kind != "held":
        copied = stay(_copied_by_hand(release, observation, now), now, SetMirror(release.endpoint, release.mirror))
        return _give_up_late(copied, release, now, "no copies")
    match decision.kind:
        case "held":
            update = hold(release, decision.reason, now, about=HOLD)
        case "promoted":
            return go_on(_clear(release, decision.reason, now), now)
        case "doubted":
            update = hold(release, decision.reason, now)
        case "passed":
            passed = replace(release, has_passed=True)
            return go_on(_clear(passed, f"in the shadow, {decision.reason}", now), now)
        case "no_data" if release.plan.judge.on_no_data == "abort":
            return roll_back(release, ReleaseState.ABORTED, decision.reason, now)
        case "no_data":
            update = hold_without_data(release, "in the shadow", decision.reason, now)
        case _:
            update = stay(unheld(release), now)
    return _give_up_late(update, release, now, decision.reason)


def _copied_by_hand(release: Release, observation: Observation, now: datetime) -> Release:
    """Return the release with the notice that the copies, which had been read back, were changed: once a change.

    Traffic for the challenger ends its copies; where that was put back just now, it was told.
    """
    if release.repaired_at is not None and now - release.repaired_at < CALL_AGAIN_AFTER:
        return release
    edit = f"the copied requests were changed by hand to {split(observation.mirror) if observation.mirror else 'none'}"
    if release.edit == edit:
        return release
    reason = f"{edit}; they are put back to {split(release.mirror)}"
    notified = tell(noted(release, reason, now), NoticeKind.TRAFFIC_CHANGED, reason=reason)
    return replace(notified, edit=edit)


def _clear(release: Release, reason: str, now: datetime) -> Release:
    return replace(unheld(release), phase="clearing", reason=reason, deadline=now + SHIFT_WITHIN)


def _give_up_late(otherwise: ReleaseUpdate, release: Release, now: datetime, reason: str) -> ReleaseUpdate:
    if not is_late(release, now):
        return otherwise
    decided = f"no verdict within {duration(release.plan.decide_within)} in the shadow: {reason}"
    return roll_back(release, ReleaseState.ABORTED, decided, now)
