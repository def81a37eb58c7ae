"""The part of a release that serves: deploying, and the steps until it is promoted."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from shared.domain.notice import NoticeKind
from shared.domain.releases.release import Release, ReleaseState
from shared.ports.endpoints import DeploymentRequest
from shared.release.core.actions import CreateDeployment, CreateEndpoint, SetTraffic
from shared.release.core.observation import Observation
from shared.release.core.requests import HOLD, hold_reason, promote_request
from shared.release.core.size import size_words, too_small
from shared.release.core.transitions import (
    SHIFT_WITHIN,
    ReleaseUpdate,
    go_on,
    hold,
    hold_without_data,
    is_late,
    move,
    percent,
    stay,
    tell,
    unheld,
)
from shared.release.core.words import duration, promotion_words, split
from shared.release.states.ab_test import tested, undecided
from shared.release.states.bake import NOT_MEASURED, BakeDecision, decide_bake
from shared.release.states.batch import begin_comparing
from shared.release.states.ending import end, go_back
from shared.release.states.interference import changed_by_hand, lost, other_traffic
from shared.release.states.shadow import begin_shadowing
from shared.release.states.smoke_test import smoke_tested

# A deployment that was accepted is listed at once; this is for lists that lag.
LISTED_WITHIN = timedelta(minutes=5)


def deploying(release: Release, observation: Observation, now: datetime) -> ReleaseUpdate:
    """Bring the challenger up, without traffic."""
    challenger = release.challenger
    if observation.endpoint is None and release.champion:
        return end(release, ReleaseState.LOST, f"endpoint {release.endpoint} was deleted", now)
    deployment = observation.deployment(challenger.deployment)
    if deployment and deployment.version not in {None, release.version}:
        reason = f"deployment {deployment.name} exists already, with version {deployment.version} of {deployment.model}"
        return end(release, ReleaseState.FAILED, reason, now)
    if deployment and deployment.state in {"Failed", "Canceled"}:
        reason = observation.failure.added_to(f"deployment {deployment.name} did not come up: {deployment.state}")
        return end(release, ReleaseState.FAILED, reason, now, **observation.failure.parameters)
    if deployment and release.deployed_at is None:
        release = replace(release, deployed_at=now)
    if deployment and deployment.state == "Succeeded":
        return _up(release, observation, now)
    if is_late(release, now):
        state = deployment.state if deployment else "absent"
        reason = f"deployment {challenger.deployment} is still {state} after {duration(now - release.entered_at)}"
        return end(release, ReleaseState.FAILED, reason, now)
    return stay(release, now) if deployment else _make(release, observation, now)


def _make(release: Release, observation: Observation, now: datetime) -> ReleaseUpdate:
    """Ask for what is not there: the endpoint first, then the deployment, once."""
    cluster = release.plan.kubernetes
    if observation.endpoint is None and cluster and not cluster.compute:
        reason = f"endpoint {release.endpoint} does not exist; make it, or write endpoint: {{…, compute: CLUSTER}}"
        return end(release, ReleaseState.FAILED, reason, now)
    if observation.endpoint is None:
        return stay(release, now, CreateEndpoint(release.endpoint, cluster.compute if cluster else ""))
    if observation.endpoint.state == "Failed":
        return end(release, ReleaseState.FAILED, f"endpoint {release.endpoint} did not come up", now)
    if observation.endpoint.state != "Succeeded":
        return stay(release, now)
    if release.deployed_at:
        return _gone(release, release.deployed_at, now)
    return stay(release, now, CreateDeployment(_deployment_request(release)))


def _gone(release: Release, deployed_at: datetime, now: datetime) -> ReleaseUpdate:
    """Wait for a deployment that was asked for to be seen, and not for long: somebody deleted it, and it is not made
    again."""
    if now - deployed_at < LISTED_WITHIN:
        return stay(release, now)
    reason = f"deployment {release.challenger.deployment} was made, and is not there any more"
    return end(release, ReleaseState.LOST, reason, now)


def _up(release: Release, observation: Observation, now: datetime) -> ReleaseUpdate:
    """Have the challenger, which is up, reach its size and answer the smoke test, then begin to use it."""
    reason = f"deployment {release.challenger.deployment} is up"
    if scaling := too_small(release, observation, release.challenger):
        size = size_words(observation, scaling)
        if is_late(release, now):
            return end(release, ReleaseState.FAILED, f"{reason}, but {size}", now)
        return stay(replace(release, reason=size), now, scaling)
    if release.plan.smoke_test:
        test = smoke_tested(release, release.plan.smoke_test, observation, now)
        if test.kind == "failed":
            return end(test.release, ReleaseState.FAILED, f"{reason}, but {test.words}", now)
        if test.kind == "again":
            update = stay(replace(test.release, reason=test.words), now)
            wake_at = update.wake_at if test.rest is None else now + test.rest
            return ReleaseUpdate(replace(update.release, wake_at=wake_at), (), wake_at)
        release, reason = test.release, f"{reason} and {test.words}"
    if release.plan.batch and release.champion and not release.undo:
        return go_on(begin_comparing(release, reason, now), now)
    if release.plan.mirror and release.champion:
        return go_on(begin_shadowing(release, reason, now), now)
    return go_on(_shift(move(release, ReleaseState.CANARY, reason, now), 0, now), now)


def canary(release: Release, observation: Observation, now: datetime) -> ReleaseUpdate:
    """Move traffic to the challenger step by step; only a PASS moves it on."""
    if gone := lost(release, observation, now):
        return gone
    if release.phase == "baking":
        return _bake(release, observation, now)
    return _shift_on(release, observation, now)


def _shift(release: Release, step_index: int, now: datetime) -> Release:
    return replace(
        release,
        step_index=step_index,
        phase="shifting",
        traffic_since=None,
        judgement=None,
        deadline=now + SHIFT_WITHIN,
    )


def _shift_on(release: Release, observation: Observation, now: datetime) -> ReleaseUpdate:
    previous, target = release.traffic_at(release.step_index - 1), release.traffic_at(release.step_index)
    if observation.traffic == target and not observation.is_updating:
        return _reached(release, now)
    if is_late(release, now):
        reason = f"the traffic did not become {split(target)} within {duration(SHIFT_WITHIN)}"
        return go_back(release, observation, ReleaseState.FAILED, f"{reason}; it is {split(observation.traffic)}", now)
    if observation.is_updating:
        return stay(unheld(release), now)
    # An update that failed half-way leaves traffic that nobody asked for: it is written again.
    if observation.traffic not in (previous, target) and not observation.has_failed:
        return other_traffic(release, observation, target, now)
    if held := hold_reason(observation):
        return hold(release, held, now, about=HOLD)
    return stay(unheld(release), now, SetTraffic(release.endpoint, target))


def _reached(release: Release, now: datetime) -> ReleaseUpdate:
    share = release.traffic_at(release.step_index)[release.challenger.deployment]
    is_first = not release.traffic_steps
    release = replace(unheld(release), traffic_steps=(*release.traffic_steps, share), traffic_since=now)
    if release.step_index == len(release.steps) - 1:
        release, reason = replace(release, phase=None), promotion_words(release)
        return go_on(tell(move(release, ReleaseState.PROMOTED, reason, now), NoticeKind.PROMOTED, reason=reason), now)
    release = replace(release, phase="baking", deadline=now + release.plan.decide_within)
    if is_first:
        release = tell(release, NoticeKind.CANARY_STARTED, step=_step_text(release), **percent(release))
    return stay(release, now)


def _bake(release: Release, observation: Observation, now: datetime) -> ReleaseUpdate:
    judgement = observation.judgement or NOT_MEASURED
    if release.plan.ab:
        release, judgement = tested(release, observation, judgement, now)
    release = replace(release, judgement=judgement)
    baked = now - (release.traffic_since or release.entered_at)
    decision = decide_bake(
        judgement,
        is_over=baked >= release.plan.bake,
        held=hold_reason(observation),
        promote=promote_request(release, observation),
        undecided=undecided(release),
    )
    if decision.kind == "failed":
        return go_back(release, observation, ReleaseState.ROLLED_BACK, decision.reason, now)
    # Nothing but a failure is decided on traffic that is not this step's.
    if observation.traffic != release.traffic_at(release.step_index):
        update = other_traffic(release, observation, release.traffic_at(release.step_index), now)
        return _late_or(update, release, observation, now, changed_by_hand(observation))
    return _carry_out(decision, release, observation, baked, now)


def _carry_out(
    decision: BakeDecision, release: Release, observation: Observation, baked: timedelta, now: datetime
) -> ReleaseUpdate:
    match decision.kind:
        case "held":
            update = hold(release, decision.reason, now, about=HOLD)
        case "promoted":
            return go_on(_next_step(unheld(release), decision.reason, now), now)
        case "doubted":
            update = hold(release, decision.reason, now)
        case "passed":
            return go_on(_next_step(replace(unheld(release), has_passed=True), decision.reason, now), now)
        case "undecided":
            return go_back(release, observation, ReleaseState.ABORTED, decision.reason, now)
        case "no_data" if release.plan.judge.on_no_data == "abort":
            return go_back(release, observation, ReleaseState.ABORTED, decision.reason, now)
        case "no_data":
            update = hold_without_data(release, f"at {_step_text(release)}", decision.reason, now)
        case _:
            update = _bake_on(unheld(release), baked, now)
    return _late_or(update, release, observation, now, decision.reason)


def _next_step(release: Release, reason: str, now: datetime) -> Release:
    moved = move(release, ReleaseState.CANARY, reason, now, {"step": _step_text(release)})
    return _shift(moved, release.step_index + 1, now)


def _bake_on(release: Release, baked: timedelta, now: datetime) -> ReleaseUpdate:
    update = stay(release, now)
    rest = release.plan.bake - baked
    if timedelta(0) < rest < update.wake_at - now:
        wake_at = now + rest
        return ReleaseUpdate(replace(update.release, wake_at=wake_at), update.actions, wake_at)
    return update


def _late_or(
    otherwise: ReleaseUpdate, release: Release, observation: Observation, now: datetime, reason: str
) -> ReleaseUpdate:
    if not is_late(release, now):
        return otherwise
    decided = f"no verdict within {duration(release.plan.decide_within)} at {_step_text(release)}: {reason}"
    return go_back(release, observation, ReleaseState.ABORTED, decided, now)


def _step_text(release: Release) -> str:
    return f"{release.steps[release.step_index]} %"


def _deployment_request(release: Release) -> DeploymentRequest:
    plan = release.plan.deployment
    return DeploymentRequest(
        endpoint=release.endpoint,
        name=release.challenger.deployment,
        model=release.model,
        version=release.version,
        instance_type=plan.instance_type,
        instance_count=plan.instance_count,
        environment=plan.environment,
        code=plan.code,
        scoring_script=plan.scoring_script,
        batch=release.plan.batch.resources if release.plan.batch else None,
        kubernetes=release.plan.kubernetes,
    )
