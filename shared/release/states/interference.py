"""What happens to a release from outside: deletions, traffic that others changed, writes of ours that land late."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from shared.domain.ids import DeploymentName
from shared.domain.notice import NoticeKind
from shared.domain.releases.release import Release, ReleaseState
from shared.release.core.actions import SetTraffic
from shared.release.core.observation import EndpointClaim, Observation
from shared.release.core.transitions import CALL_AGAIN_AFTER, LATE_WRITE_WITHIN, ReleaseUpdate, hold, noted, stay, tell
from shared.release.core.words import split
from shared.release.states.ending import end, roll_back


def lost(release: Release, observation: Observation, now: datetime) -> ReleaseUpdate | None:
    """Return how it ends when something was deleted under us: nothing is created again."""
    if observation.endpoint is None:
        return end(release, ReleaseState.LOST, f"endpoint {release.endpoint} was deleted", now)
    champion = release.champion
    is_before_promotion = release.state in {
        ReleaseState.SHADOWING,
        ReleaseState.COMPARING,
        ReleaseState.CANARY,
    }
    if champion and is_before_promotion and observation.deployment(champion.deployment) is None:
        reason = (
            f"the champion's deployment {champion.deployment} was deleted; the traffic is {split(observation.traffic)}"
        )
        return end(release, ReleaseState.LOST, reason, now)
    if observation.deployment(release.challenger.deployment) is not None:
        return None
    reason = f"deployment {release.challenger.deployment} was deleted"
    if release.champion:
        return roll_back(release, ReleaseState.LOST, reason, now)
    return end(release, ReleaseState.LOST, reason, now)


def changed_by_hand(observation: Observation) -> str:
    return f"the traffic was changed by hand to {split(observation.traffic)}"


def landed_late(
    traffic: Mapping[DeploymentName, int], claim: EndpointClaim | None, owner: Release, now: datetime
) -> bool:
    """Return whether the traffic is one that we asked for before, not long ago: that write came after a later one.

    A split that was read back had landed: found again, it was set by somebody else, unless its writer noted that it
    had been frozen on the way.
    """
    if claim is None or claim.asked_at is None or now - claim.asked_at > LATE_WRITE_WITHIN:
        return False
    confirmed = owner.confirmed_splits
    open_writes = [dict(earlier) for earlier in claim.earlier if dict(earlier) not in confirmed]
    return dict(traffic) in [*open_writes, *(dict(late) for late in claim.late)]


def other_traffic(
    release: Release, observation: Observation, target: Mapping[DeploymentName, int], now: datetime
) -> ReleaseUpdate:
    """Answer traffic that is not the wanted one.

    A late write of ours is overwritten. What a person did is left, and holds the release, unless the policy says to
    put it back; people are told of every different split either way, and it is in the release's story.
    """
    write, edit = SetTraffic(release.endpoint, target), changed_by_hand(observation)
    if landed_late(observation.traffic, observation.claim, release, now):
        return stay(release, now, write)
    if release.plan.on_hand_edit == "hold":
        if release.held_about != edit:
            release = noted(release, edit, now)
        return hold(release, edit, now, about=edit)
    if release.edit != edit or release.repaired_at is None or now - release.repaired_at >= CALL_AGAIN_AFTER:
        reason = f"{edit}; it is put back to {split(target)}"
        notified = tell(noted(release, reason, now), NoticeKind.TRAFFIC_CHANGED, reason=reason)
        release = replace(notified, repaired_at=now, edit=edit)
    return stay(release, now, write)
