"""The ways a release changes: moving to another state, staying with a reason, telling people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.domain.notice import Notice, NoticeKind
from shared.domain.releases.release import Release, ReleaseState, Transition
from shared.release.core.actions import Action

# How long each state may take, where the release plan does not say.
WAIT_FOR_ENDPOINT = timedelta(days=7)
GATE_WITHIN = timedelta(hours=1)
UNCLEAR_WITHIN = timedelta(minutes=10)
EVALUATE_WITHIN = timedelta(hours=24)
DEPLOY_WITHIN = timedelta(hours=2)
SHIFT_WITHIN = timedelta(minutes=30)
CALL_AGAIN_AFTER = timedelta(minutes=30)
# A write to an endpoint that was accepted takes effect minutes later; a worker that stalled may send it late, too.
LATE_WRITE_WITHIN = timedelta(minutes=15)

SHORTEST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class ReleaseUpdate:
    """What one look at a release came to: the record to store, what to do then, and when to look again."""

    release: Release
    actions: tuple[Action, ...]
    wake_at: datetime


def stay(release: Release, now: datetime, *actions: Action) -> ReleaseUpdate:
    """Return an update that changes nothing and looks again after a while fit for the release plan's interval."""
    pace = min(max(release.plan.judge.interval, SHORTEST_WAIT), LONGEST_WAIT)
    wake_at = now + pace
    if release.deadline and now < release.deadline < wake_at:
        wake_at = release.deadline
    return ReleaseUpdate(replace(release, wake_at=wake_at), actions, wake_at)


def move(
    release: Release, to: ReleaseState, reason: str, now: datetime, evidence: Mapping[str, str] | None = None
) -> Release:
    """Return the release in another state, with the move in its history and that state's own deadline."""
    transition = Transition(now, release.state, to, reason, dict(evidence or {}))
    return replace(
        release,
        state=to,
        entered_at=now,
        deadline=_deadline(release, to, now),
        reason=reason,
        held_because="",
        held_about="",
        history=(*release.history, transition),
    )


def go_on(release: Release, now: datetime, *actions: Action) -> ReleaseUpdate:
    """Return an update that is looked at again at once."""
    return ReleaseUpdate(replace(release, wake_at=now), actions, now)


def tell(release: Release, kind: NoticeKind, path: str = "", **parameters: str) -> Release:
    """Return the release with one more notice, whose key is its place in the release's story."""
    details = {
        "release": release.id,
        "version": release.version,
        "endpoint": release.endpoint,
        "champion": release.champion.version or release.champion.deployment if release.champion else "",
        "submitter": release.submitter or "",
        **parameters,
    }
    key = f"release/{release.id}/{len(release.notices)}-{kind}"
    notice = Notice(kind, key, release.model, {name: value for name, value in details.items() if value}, path)
    return replace(release, notices=(*release.notices, notice))


def soon(release: Release, now: datetime, *actions: Action) -> ReleaseUpdate:
    """Return an update that is looked at again as soon as its actions, which take effect at once, had their turn."""
    wake_at = now + SHORTEST_WAIT
    return ReleaseUpdate(replace(release, wake_at=wake_at), actions, wake_at)


def hold(release: Release, reason: str, now: datetime, *actions: Action, about: str = "") -> ReleaseUpdate:
    """Return an update that stays where it is and tells people so, once for as long as it is about the same.

    Args:
        about: what must be told although the release is held already; reasons of the same kind have the same.
    """
    if not release.held_because or (about and about != release.held_about):
        release = tell(release, NoticeKind.RELEASE_HELD, reason=reason, step=release.state, **percent(release))
    return stay(replace(release, held_because=reason, held_about=about), now, *actions)


def hold_without_data(release: Release, where: str, reason: str, now: datetime) -> ReleaseUpdate:
    """Return an update that waits for data to compare; people hear of that once for each place."""
    about = f"nothing can be compared {where}"
    explanation = f"{about}: {reason}"
    was_notified = release.unseen_told or any(
        notice.parameters.get("reason", "").startswith(about) for notice in release.notices
    )
    return stay(replace(release, held_because=explanation), now) if was_notified else hold(release, explanation, now)


def unheld(release: Release) -> Release:
    return replace(release, held_because="", held_about="") if release.held_because else release


def noted(release: Release, what: str, now: datetime) -> Release:
    """Return the release with something in its story that did not move it."""
    return replace(release, history=(*release.history, Transition(now, release.state, release.state, what)))


def percent(release: Release) -> dict[str, str]:
    """Return the challenger's share that was read back last, for notices."""
    return {"traffic_percent": str(release.traffic_steps[-1])} if release.traffic_steps else {}


def is_late(release: Release, now: datetime) -> bool:
    return release.deadline is not None and now >= release.deadline


def _deadline(release: Release, state: ReleaseState, now: datetime) -> datetime | None:
    if state.is_terminal:
        return None
    plan = release.plan
    allowed = {
        ReleaseState.OPENED: WAIT_FOR_ENDPOINT,
        ReleaseState.GATING: GATE_WITHIN,
        ReleaseState.EVALUATING: EVALUATE_WITHIN,
        ReleaseState.AWAITING_APPROVAL: plan.approval.expires,
        ReleaseState.DEPLOYING: DEPLOY_WITHIN,
        ReleaseState.COMPARING: plan.decide_within,
        ReleaseState.WATCHING: plan.watch_for,
        ReleaseState.ROLLING_BACK: CALL_AGAIN_AFTER,
    }
    return now + allowed.get(state, SHIFT_WITHIN)
