"""What becomes of a release whose world cannot be seen: deadlines act all the same, and people are told.

No traffic moves on what nobody saw. What a deadline begins, e.g. a roll back, is done once the endpoint can be read.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.releases.release import Release, ReleaseState
from shared.release.core.observation import Observation
from shared.release.core.transitions import ReleaseUpdate, hold, is_late, unheld
from shared.release.core.words import request_words
from shared.release.states.ending import end, hold_and_call, roll_back
from shared.release.states.watch import ask_to_decide

# One answer that is lost is no reason to give up; half a minute without one is, once the deadline has passed.
ACTS_AFTER = timedelta(seconds=30)
TELLS_AFTER = timedelta(minutes=2)
BLIND = "nothing can be seen"
# How long after the first failed look the next ones follow, and how often later: at most 33 looks an hour.
SOON = (timedelta(seconds=10), timedelta(seconds=30), timedelta(minutes=1), TELLS_AFTER)
LATER = timedelta(minutes=2)

_ENDS_AS = {
    ReleaseState.GATING: ReleaseState.REJECTED,
    ReleaseState.AWAITING_APPROVAL: ReleaseState.EXPIRED,
}


def seeing(release: Release, observation: Observation) -> Release:
    """Return the release that can be looked after again, measurements included."""
    if release.unseen_since is None or (observation.judgement and observation.judgement.unread):
        return release
    updated = replace(release, unseen_since=None, unseen_told=False)
    if release.held_about != BLIND:
        return updated
    # The question that people were asked stays.
    return replace(updated, held_about="") if release.phase == "asking" else unheld(updated)


def blind(release: Release, observation: Observation, now: datetime) -> ReleaseUpdate:
    """Wait, at growing intervals; give up at the deadline, or when a person asks to."""
    since = release.unseen_since or now
    release, reason = replace(release, unseen_since=since), f"{BLIND}: {observation.unseen}"
    if release.state.is_terminal:
        return _wait(release, reason, since, now)
    request = observation.request
    if request and request.kind == "abort" and release.state is not ReleaseState.ROLLING_BACK:
        return _give_up(release, ReleaseState.ABORTED, request_words(request), now)
    if is_late(release, now) and now - since >= ACTS_AFTER:
        return _at_deadline(release, reason, since, now)
    return _wait(release, reason, since, now)


def _wait(release: Release, reason: str, since: datetime, now: datetime) -> ReleaseUpdate:
    if now - since < TELLS_AFTER:
        return _again(ReleaseUpdate(release, (), now), since, now)
    held = _notified(release, reason, now)
    if release.phase == "asking":
        held = replace(held, release=replace(held.release, held_because=release.held_because))
    return _again(held, since, now)


def _again(update: ReleaseUpdate, since: datetime, now: datetime) -> ReleaseUpdate:
    """Return the update, looked at again later and later, but not after a deadline."""
    release = update.release
    wake_at = next((since + delay for delay in SOON if since + delay > now), now + LATER)
    deadline = max(release.deadline, since + ACTS_AFTER) if release.deadline else None
    if deadline and now < deadline < wake_at:
        wake_at = deadline
    return ReleaseUpdate(replace(release, wake_at=wake_at), update.actions, wake_at)


def _at_deadline(release: Release, reason: str, since: datetime, now: datetime) -> ReleaseUpdate:
    if release.state in {ReleaseState.ROLLING_BACK, ReleaseState.PROMOTED} or release.phase == "ending":
        return _again(_about_that(hold_and_call(release, f"{release.reason}; {reason}", now)), since, now)
    if release.state is ReleaseState.WATCHING and not _goes_back(release):
        return _again(_about_that(ask_to_decide(release, reason, now)), since, now)
    state = _ENDS_AS.get(
        release.state, ReleaseState.FAILED if release.state.is_before_serving else ReleaseState.ABORTED
    )
    return _give_up(release, state, f"the time for {release.state} is up, and {reason}", now)


def unmeasured(previous: Release, update: ReleaseUpdate, observation: Observation, now: datetime) -> ReleaseUpdate:
    """Return the update; people are told once, as of any other blindness, when the measurements cannot be read."""
    updated, unread = update.release, observation.judgement.unread if observation.judgement else ""
    if not unread or updated.state is not previous.state or updated.phase != previous.phase:
        return update
    since = previous.unseen_since or now
    updated = replace(updated, unseen_since=since, unseen_told=previous.unseen_told)
    if now - since >= TELLS_AFTER and not previous.unseen_told:
        updated = _notified(replace(updated, held_because=""), unread, now).release
    return replace(update, release=replace(updated, wake_at=update.wake_at))


def _notified(release: Release, reason: str, now: datetime) -> ReleaseUpdate:
    return hold(replace(release, unseen_told=True), reason, now, about=BLIND)


def _about_that(update: ReleaseUpdate) -> ReleaseUpdate:
    return replace(update, release=replace(update.release, held_about=BLIND, unseen_told=True))


def _goes_back(release: Release) -> bool:
    """Return whether the end of the watch, or of the question, takes a version back that nothing proved."""
    return release.champion is not None and (release.phase == "asking" or release.plan.on_undecided == "roll-back")


def _give_up(release: Release, state: ReleaseState, reason: str, now: datetime) -> ReleaseUpdate:
    if release.state.is_before_serving:
        return end(release, state, reason, now)
    return roll_back(release, ReleaseState.ABORTED, reason, now)
