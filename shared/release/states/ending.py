"""How a release ends, and how it takes its traffic back before it may say so."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.domain.ids import DeploymentName
from shared.domain.notice import NoticeKind
from shared.domain.releases.release import Ending, Release, ReleaseState, Serving
from shared.release.core.actions import CancelJobs, CloseApproval, GiveBackEndpoint, SetMirror, SetTraffic
from shared.release.core.judgements import champion_fails, champion_is_no_better
from shared.release.core.observation import Observation
from shared.release.core.size import too_small
from shared.release.core.transitions import (
    CALL_AGAIN_AFTER,
    ReleaseUpdate,
    go_on,
    hold,
    is_late,
    move,
    percent,
    stay,
    tell,
)
from shared.release.core.words import split

_NOTICES = {
    ReleaseState.REJECTED: NoticeKind.RELEASE_REJECTED,
    ReleaseState.EXPIRED: NoticeKind.APPROVAL_EXPIRED,
    ReleaseState.ROLLED_BACK: NoticeKind.RELEASE_ABORTED,
    ReleaseState.ABORTED: NoticeKind.RELEASE_ABORTED,
    ReleaseState.FAILED: NoticeKind.RELEASE_FAILED,
    ReleaseState.LOST: NoticeKind.RELEASE_FAILED,
}


def end(release: Release, state: ReleaseState, reason: str, now: datetime, **more: str) -> ReleaseUpdate:
    """End the release; people hear of every ending but a quiet success and being superseded.

    Args:
        more: further parameters of the notice.
    """
    kind = _NOTICES.get(state)
    if kind is NoticeKind.RELEASE_ABORTED and not _was_given_traffic(release):
        kind = NoticeKind.RELEASE_REJECTED
    return _end(release, state, kind, reason, now, **more)


def _end(
    release: Release, state: ReleaseState, kind: NoticeKind | None, reason: str, now: datetime, **more: str
) -> ReleaseUpdate:
    if state in {ReleaseState.ABORTED, ReleaseState.SUPERSEDED} and (jobs := _running_jobs(release)):
        reason = f"{reason}; {jobs}"
    ended = move(release, state, reason, now, more)
    if kind:
        ended = tell(ended, kind, reason=reason, step=release.state, **percent(release), **more)
    return go_on(ended, now)


def _running_jobs(release: Release) -> str:
    """Return what is said of the jobs that a release may leave behind; "" when it has none."""
    if release.state is ReleaseState.EVALUATING and release.evaluation:
        return f"evaluation job {release.evaluation} is canceled if it still runs"
    if release.state is ReleaseState.COMPARING and release.sample:
        return "its scoring jobs are canceled if they still run"
    return ""


def _restored(release: Release, ends_as: Ending, now: datetime) -> ReleaseUpdate:
    """End a release whose champion has its traffic back, as it was just read; only then a roll back is told."""
    kind = _NOTICES[ends_as]
    if kind is NoticeKind.RELEASE_ABORTED:
        kind = NoticeKind.ROLLED_BACK if release.traffic_steps else NoticeKind.RELEASE_REJECTED
    return _end(release, ends_as, kind, release.reason, now)


def _was_given_traffic(release: Release) -> bool:
    """Return whether traffic was asked for, whether or not that was read back."""
    return bool(release.traffic_steps) or any(
        transition.entered is ReleaseState.CANARY for transition in release.history
    )


def roll_back(release: Release, ends_as: Ending, reason: str, now: datetime) -> ReleaseUpdate:
    """Begin to give the champion its traffic back; done only when that was read back."""
    return go_on(replace(move(release, ReleaseState.ROLLING_BACK, reason, now), ends_as=ends_as, phase=None), now)


def go_back(release: Release, observation: Observation, ends_as: Ending, reason: str, now: datetime) -> ReleaseUpdate:
    """Begin to give the champion its traffic back, or hold where that would harm.

    No traffic is moved to a version that does not answer, or fails more than the policy bears. People are called
    instead, and again at every deadline.
    """
    obstacle = trouble_of_champion(release, observation)
    if not obstacle or not release.has_moved_traffic:
        return roll_back(release, ends_as, reason, now)
    return hold_and_call(release, f"{reason}; but {obstacle}", now)


def trouble_of_champion(release: Release, observation: Observation) -> str:
    """Return why no traffic may go back to the champion; empty when it may."""
    champion = release.champion
    if champion is None or observation.deployment(champion.deployment) is None:
        # Nothing is there to go back to, which is an ending of its own.
        return ""
    if not observation.serves(champion):
        return f"deployment {champion.deployment} of the champion does not answer"
    at_most = release.plan.judge.errors_at_most
    if release.judgement and champion_fails(release.judgement, at_most):
        return "the champion fails too many requests itself, so the traffic stays where it is"
    if release.judgement and champion_is_no_better(release.judgement):
        return "the champion is not known to do better at the same time, so the traffic stays where it is"
    return ""


def hold_and_call(release: Release, reason: str, now: datetime) -> ReleaseUpdate:
    """Hold, and notify people again at each deadline: only they can decide."""
    if is_late(release, now):
        release = replace(release, deadline=now + CALL_AGAIN_AFTER, held_because="")
    return hold(release, reason, now)


def rolling_back(release: Release, observation: Observation, now: datetime) -> ReleaseUpdate:
    """Write the champion's traffic until it is read back. This never gives up: it calls people again instead."""
    ends_as, champion = release.ends_as or ReleaseState.ABORTED, release.champion
    if observation.endpoint is None:
        return end(release, ReleaseState.LOST, f"endpoint {release.endpoint} was deleted; {release.reason}", now)
    if champion is None:
        reason = f"{release.reason}; there is no earlier version to go back to"
        return end(release, ends_as, reason, now, traffic=split(observation.traffic))
    target = release.traffic_at(-1)
    if _is_restored(release, observation):
        return _restored(release, ends_as, now)
    clear = (
        (SetMirror(release.endpoint, {}),) if release.plan.mirror and not _is_unmirrored(release, observation) else ()
    )
    if not release.has_moved_traffic:
        return _unmirror(release, clear, now)
    if observation.deployment(champion.deployment) is None:
        if clear:
            return _unmirror(release, clear, now)
        reason = f"deployment {champion.deployment} was deleted, so nothing can go back to it; {release.reason}"
        return end(release, ReleaseState.LOST, reason, now)
    calls_again = is_late(release, now)
    if calls_again:
        release = replace(release, deadline=now + CALL_AGAIN_AFTER, held_because="")
    if unready := _unready(release, champion, observation, now):
        return replace(unready, actions=(*clear, *unready.actions))
    write = SetTraffic(release.endpoint, target)
    if calls_again:
        reason = f"the traffic is still {split(observation.traffic)} instead of {split(target)}"
        return hold(release, reason, now, *clear, write)
    return stay(release, now, *clear, write)


def _unready(release: Release, champion: Serving, observation: Observation, now: datetime) -> ReleaseUpdate | None:
    """Return the update while the champion cannot take its traffic: it does not answer, or was scaled down.

    Azure says Updating of a deployment that grows. What has not grown by the first deadline gets the traffic as it is:
    people are called then, and the challenger, which was found bad, does not go on serving.
    """
    deployment = observation.deployment(champion.deployment)
    may_grow = now - release.entered_at < CALL_AGAIN_AFTER
    if may_grow and deployment and deployment.state == "Updating":
        return stay(release, now)
    if not observation.serves(champion):
        # Moving traffic to a deployment that does not answer would take the endpoint down.
        return hold(release, f"cannot roll back: deployment {champion.deployment} does not answer", now)
    scaling = too_small(release, observation, champion)
    return stay(release, now, scaling) if scaling and may_grow else None


def _unmirror(release: Release, clear: tuple[SetMirror, ...], now: datetime) -> ReleaseUpdate:
    """Have no more requests copied. The traffic was never ours to change: it stays as it is."""
    if not is_late(release, now):
        return stay(release, now, *clear)
    release = replace(release, deadline=now + CALL_AGAIN_AFTER, held_because="")
    return hold(release, f"requests are still copied to {release.challenger.deployment}", now, *clear)


def _is_unmirrored(release: Release, observation: Observation) -> bool:
    owns = observation.claim is not None and observation.claim.owner == release.id
    return not observation.mirror and not (owns and observation.claim is not None and observation.claim.mirror)


def _is_restored(release: Release, observation: Observation) -> bool:
    """Return whether the champion has its traffic, and no earlier write of ours can still take it away."""
    target = release.traffic_at(-1)
    if observation.is_updating or (release.plan.mirror and not _is_unmirrored(release, observation)):
        return False
    if not release.has_moved_traffic:
        return True
    if observation.traffic != target:
        return False
    owns = observation.claim is not None and observation.claim.owner == release.id
    return not owns or (observation.claim is not None and dict(observation.claim.desired) == target)


def settled(release: Release, observation: Observation, now: datetime) -> ReleaseUpdate:
    """Close what the release had open, and give the endpoint back: its own ending says what serves, nothing is guessed.

    A release that has ended may lose the endpoint to the next one before this succeeded. It then leaves the endpoint
    alone, but still closes its question and cancels its jobs: nobody else would.
    """
    closing = _closing(release)
    owns = observation.claim is not None and observation.claim.owner == release.id
    if owns:
        champion, last_known_good = release.champion, observation.claim.last_known_good if observation.claim else None
        if release.state is ReleaseState.FINISHED:
            champion, last_known_good = release.challenger, release.champion
        idle = _idle(release, champion, now)
        give_back = GiveBackEndpoint(release.endpoint, champion, last_known_good, idle)
        # Closed first: a job that still runs is lost sight of once the release is settled.
        return go_on(release, now, *closing, give_back)
    if closing and release.closed_at is None:
        return go_on(release, now, *closing)
    return ReleaseUpdate(replace(release, is_settled=release.posted == len(release.notices)), (), now)


def _closing(release: Release) -> tuple[CloseApproval | CancelJobs, ...]:
    """Return what ends the question, or the jobs, that the release was about when it ended."""
    last_state = release.history[-1].left if release.history else None
    if last_state is ReleaseState.AWAITING_APPROVAL:
        return (CloseApproval(release.id, release.approval_digest, f"{release.state}, {release.reason}"),)
    return (CancelJobs(release.id),) if last_state in {ReleaseState.EVALUATING, ReleaseState.COMPARING} else ()


def _idle(release: Release, champion: Serving | None, now: datetime) -> dict[DeploymentName, datetime]:
    """Return the deployments of the release that may serve nobody from now on."""
    if all(transition.entered is not ReleaseState.DEPLOYING for transition in release.history):
        return {}
    involved = [serving.deployment for serving in (release.challenger, release.champion) if serving]
    return {name: now for name in involved if champion is None or name != champion.deployment}
