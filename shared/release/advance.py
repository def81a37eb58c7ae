"""Advances a release by one look: an observation goes in, the record and the actions come out; pure and total."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from shared.domain.releases.release import Release, ReleaseRequest, ReleaseState
from shared.release.core.observation import Observation
from shared.release.core.requests import HOLD, hold_reason, noted_hold
from shared.release.core.standing import withhold_from_down
from shared.release.core.transitions import ReleaseUpdate, is_late, stay
from shared.release.core.words import request_words
from shared.release.states.batch import comparing
from shared.release.states.before_traffic import awaiting_approval, evaluating, gating, opened
from shared.release.states.blind import blind, seeing, unmeasured
from shared.release.states.ending import end, go_back, roll_back, rolling_back, settled, trouble_of_champion
from shared.release.states.probes import probed
from shared.release.states.serving import canary, deploying
from shared.release.states.shadow import shadowing
from shared.release.states.watch import promoted, watching

_STATES: Mapping[ReleaseState, Callable[[Release, Observation, datetime], ReleaseUpdate]] = {
    ReleaseState.OPENED: opened,
    ReleaseState.GATING: gating,
    ReleaseState.EVALUATING: evaluating,
    ReleaseState.AWAITING_APPROVAL: awaiting_approval,
    ReleaseState.DEPLOYING: deploying,
    ReleaseState.SHADOWING: shadowing,
    ReleaseState.COMPARING: comparing,
    ReleaseState.CANARY: canary,
    ReleaseState.PROMOTED: promoted,
    ReleaseState.WATCHING: watching,
    ReleaseState.ROLLING_BACK: rolling_back,
}


def advance(release: Release, observation: Observation, now: datetime) -> ReleaseUpdate:
    """Return the release as it is to be stored, what to do afterwards, and when to look again.

    An action is not done by being returned: the next look sees whether it worked, and asks for it
    again if not. An abort wins over everything but an ending.
    """
    if observation.unseen:
        return blind(release, observation, now)
    release = seeing(release, observation)
    if release.state.is_terminal:
        return settled(release, observation, now)
    release = noted_hold(release, observation)
    if observation.request and observation.request.kind == "abort" and release.state is not ReleaseState.ROLLING_BACK:
        return _abort(release, observation, observation.request, now)
    if release.state not in _STATES:
        return end(release, ReleaseState.FAILED, f"no transition is defined for state {release.state}", now)
    update = withhold_from_down(release, _STATES[release.state](release, observation, now), observation, now)
    if release.state.is_before_serving:
        return _held_back(release, update, hold_reason(observation), now)
    return unmeasured(release, probed(release, update, observation, now), observation, now)


def _held_back(release: Release, update: ReleaseUpdate, held: str, now: datetime) -> ReleaseUpdate:
    """Return the update, unless it moves on and somebody asked to hold. States that serve look at that themselves."""
    updated = update.release
    if updated.state.is_terminal or not (held or HOLD in updated.held_because):
        return update
    if updated.state is release.state:
        # What is held does not take the endpoint, either: others go on.
        actions = () if held and release.state is ReleaseState.OPENED else update.actions
        return replace(update, release=replace(updated, held_because=held), actions=actions)
    if not held:
        return update
    if is_late(release, now):
        return end(release, ReleaseState.ABORTED, held, now)
    return stay(replace(release, held_because=held), now)


def _abort(release: Release, observation: Observation, request: ReleaseRequest, now: datetime) -> ReleaseUpdate:
    """Give up. What no person asked for holds where the champion is in trouble; a person is told, and obeyed."""
    reason = request_words(request)
    if release.state.is_before_serving:
        return end(release, ReleaseState.ABORTED, reason, now)
    release = replace(release, judgement=observation.judgement or release.judgement)
    if request.is_automatic:
        return go_back(release, observation, ReleaseState.ABORTED, reason, now)
    if trouble := trouble_of_champion(release, observation) if release.has_moved_traffic else "":
        reason = f"{reason}; the champion is in trouble: {trouble}"
    return roll_back(release, ReleaseState.ABORTED, reason, now)
