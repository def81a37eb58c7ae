"""The part of a release that touches no traffic: the endpoint's turn, gates, evaluation, approval."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from shared.domain.assets import asset_reference
from shared.domain.ids import JobName, ModelVersion, ReleaseId
from shared.domain.notice import NoticeKind
from shared.domain.releases.approval import ApprovalRequest
from shared.domain.releases.plan import EvaluationPlan
from shared.domain.releases.release import Release, ReleaseState, Serving
from shared.domain.releases.verdict import GateResult, Verdict
from shared.ports.jobs import JobRequest
from shared.release.core.actions import AskApproval, ClaimEndpoint, ReplaceOwner, SubmitJob
from shared.release.core.names import evaluation_job
from shared.release.core.observation import CompetingRelease, Observation
from shared.release.core.transitions import UNCLEAR_WITHIN, ReleaseUpdate, go_on, hold, is_late, move, soon, stay, tell
from shared.release.core.versions import is_newer
from shared.release.core.words import duration, gates, split
from shared.release.states.approval import STEP, call_to_decide, reminded, without_four_eyes
from shared.release.states.ending import end

# The tag of a version that another one, of that number, was converted to.
CONVERTED_FROM = "converted_from"


def opened(release: Release, observation: Observation, now: datetime) -> ReleaseUpdate:
    """Wait for the endpoint, claim it, and note what serves there."""
    if observation.model is None:
        return end(release, ReleaseState.REJECTED, _no_model(release), now)
    original = observation.model.tags.get(CONVERTED_FROM, "")
    release = replace(release, model_created_at=observation.model.created_at, converted_from=original)
    if release.plan.package and not original:
        reason = f"version {release.version} is released in another form: the version with tag {CONVERTED_FROM}: "
        return end(release, ReleaseState.SUPERSEDED, f"{reason}{release.version}", now)
    if newer := superseded(release, observation):
        return end(release, ReleaseState.SUPERSEDED, newer, now)
    if is_late(release, now):
        reason = f"endpoint {release.endpoint} was not free for {duration(now - release.entered_at)}"
        return end(release, ReleaseState.FAILED, reason, now)
    if observation.other_owner:
        return _behind(release, observation.other_owner, observation, now)
    if observation.claim is None or observation.claim.owner != release.id:
        if first := _newest_waiting(release, observation):
            # The newest goes first: once it passed its gates, the others are not needed.
            return stay(replace(release, reason=f"waiting for version {first.version}, which goes first"), now)
        return soon(release, now, ClaimEndpoint(release.endpoint))
    return _note_champion(replace(release, generation=observation.claim.generation), observation, now)


def _behind(release: Release, owner: ReleaseId, observation: Observation, now: datetime) -> ReleaseUpdate:
    """Do what the policy says about an endpoint that another release holds."""
    waiting = replace(release, reason=f"waiting for endpoint {release.endpoint}, held by {owner}")
    if release.plan.on_new_version == "refuse":
        reason = f"endpoint {release.endpoint} is held by {owner}, and the policy refuses to wait"
        return end(release, ReleaseState.REJECTED, reason, now)
    older = next((other for other in observation.competing if other.id == owner), None)
    if release.plan.on_new_version == "replace" and older and older.state in _REPLACEABLE:
        return stay(waiting, now, ReplaceOwner(owner, f"version {release.version} is to take its place"))
    if waiting.reason != release.reason:
        # Nothing is wrong with waiting for one's turn, so it is no hold that needs a person; but it is told, once.
        waiting = tell(waiting, NoticeKind.RELEASE_HELD, reason=waiting.reason, step=waiting.state)
    return stay(waiting, now)


# What was promoted goes on: giving it up would roll back a version that nothing was found against.
_REPLACEABLE = frozenset({ReleaseState.DEPLOYING, ReleaseState.SHADOWING, ReleaseState.COMPARING, ReleaseState.CANARY})


def _note_champion(release: Release, observation: Observation, now: datetime) -> ReleaseUpdate:
    if len(observation.traffic) > 1:
        reason = f"the traffic of endpoint {release.endpoint} is split by hand: {split(observation.traffic)}"
        return hold(release, f"{reason}; give one deployment 100 %", now, about=reason)
    for name in observation.traffic:
        deployment = observation.deployment(name)
        if deployment and deployment.model is not None and deployment.model != release.model:
            reason = f"endpoint {release.endpoint} serves another model, {deployment.model}"
            return end(release, ReleaseState.FAILED, reason, now)
        version = deployment.version if deployment else None
        if name == release.challenger.deployment and version not in {None, release.version}:
            reason = (
                f"deployment {name} serves already, with version {version}; release {release.version} needs that name"
            )
            return end(release, ReleaseState.FAILED, reason, now)
        if name == release.challenger.deployment:
            reason = f"version {release.version} serves already"
            return end(release, ReleaseState.SUPERSEDED, reason, now)
        release = replace(
            release, champion=Serving(name, version), champion_instances=deployment.instances if deployment else None
        )
    if newer := superseded(release, observation):
        return end(release, ReleaseState.SUPERSEDED, newer, now)
    return go_on(move(release, ReleaseState.GATING, f"endpoint {release.endpoint} is ours", now), now)


def gating(release: Release, observation: Observation, now: datetime) -> ReleaseUpdate:
    """Judge what needs no evaluation."""
    if newer := superseded(release, observation):
        return end(release, ReleaseState.SUPERSEDED, newer, now)
    if observation.model is None:
        return end(release, ReleaseState.REJECTED, _no_model(release), now)
    if release.undo:
        reason = f"{release.undo.by} wants version {release.version} back: {release.undo.reason}"
        if release.plan.approval.for_undo:
            return _ask(release, reason, now)
        return go_on(move(release, ReleaseState.DEPLOYING, reason, now), now)
    if observation.gate_results is None:
        return _wait_for_gates(release, "the gates could not be looked at", now)
    return _answer_gates(release, observation.gate_results, now)


def evaluating(release: Release, observation: Observation, now: datetime) -> ReleaseUpdate:
    """Have both versions score the same rows, then judge the scores."""
    if newer := superseded(release, observation):
        return end(release, ReleaseState.SUPERSEDED, newer, now)
    plan = release.plan.evaluation
    if plan is None:
        return end(release, ReleaseState.FAILED, "the release plan has no evaluation to wait for", now)
    job = evaluation_job(release.id)
    if observation.job is None:
        if is_late(release, now):
            return end(release, ReleaseState.FAILED, f"evaluation job {job} could not be submitted", now)
        submit = SubmitJob(evaluation_request(release, plan, job))
        return stay(replace(release, evaluation=job), now, submit)
    if not observation.job.has_ended:
        if is_late(release, now):
            return end(release, ReleaseState.FAILED, f"evaluation job {job} is still {observation.job.status}", now)
        return stay(release, now)
    if not observation.job.has_succeeded:
        reason = observation.failure.added_to(f"evaluation job {job} ended as {observation.job.status}")
        return end(release, ReleaseState.FAILED, reason, now, **observation.failure.parameters)
    if observation.gate_results is None:
        return _wait_for_gates(release, f"the scores of job {job} could not be read", now)
    return _answer_gates(release, observation.gate_results, now)


def awaiting_approval(release: Release, observation: Observation, now: datetime) -> ReleaseUpdate:
    """Wait for people, and for no longer than the release plan allows."""
    if newer := superseded(release, observation) or _overtaken(release, observation):
        return end(release, ReleaseState.SUPERSEDED, newer, now)
    if decision := observation.decision:
        by = ", ".join(decision.by)
        if decision.choice == "approved":
            return go_on(move(release, ReleaseState.DEPLOYING, f"approved by {by}", now), now)
        if decision.choice == "rejected":
            reason = f"rejected by {by}" + (f": {decision.reason}" if decision.reason else "")
            return end(release, ReleaseState.REJECTED, reason, now)
        return end(release, ReleaseState.EXPIRED, _unanswered(release), now)
    if is_late(release, now):
        return end(release, ReleaseState.EXPIRED, _unanswered(release), now)
    return stay(reminded(release, now), now, AskApproval(approval_request(release)))


# What is given up or goes back was not good enough to make another version pointless.
_GATES_PASSED = frozenset(
    {
        ReleaseState.AWAITING_APPROVAL,
        ReleaseState.DEPLOYING,
        ReleaseState.SHADOWING,
        ReleaseState.COMPARING,
        ReleaseState.CANARY,
        ReleaseState.PROMOTED,
        ReleaseState.WATCHING,
    }
)


def superseded(release: Release, observation: Observation) -> str:
    """Return why a newer version makes this release pointless; empty when none does.

    A version that has yet to pass its gates supersedes nothing: it may be rejected, and then nothing would be released.
    """
    serving = release.champion.version if release.champion else None
    if serving == release.version:
        return f"version {release.version} serves already"
    if release.undo:
        return ""
    for other in observation.competing:
        if other.state in _GATES_PASSED and is_newer(
            other.version, other.created_at, release.version, release.model_created_at
        ):
            return f"version {other.version} is on its way, which is newer than {release.version}"
    if serving and is_newer(serving, observation.champion_created_at, release.version, release.model_created_at):
        return f"version {serving} serves already, which is newer than {release.version}"
    return ""


def _overtaken(release: Release, observation: Observation) -> str:
    """Return why people need not be asked any longer: a newer version waits for the endpoint, and would wait for them.

    It may fail its gates, so the way back is named.
    """
    newer = _newest_waiting(release, observation)
    if newer is None:
        return ""
    hint = f"`vigia releases retry {release.id}` asks again if that one is not released"
    return f"version {newer.version} is on its way, which is newer than {release.version}; {hint}"


def _newest_waiting(release: Release, observation: Observation) -> CompetingRelease | None:
    """Return a version that waits for the endpoint, too, and is newer, or was not looked at and may be; none that a
    person or its own trouble holds."""
    if release.undo:
        return None
    waiting = (other for other in observation.competing if other.state is ReleaseState.OPENED and not other.is_held)
    return next((other for other in waiting if _may_be_newer(other, release)), None)


def _may_be_newer(other: CompetingRelease, release: Release) -> bool:
    are_numbers = other.version.isdecimal() and release.version.isdecimal()
    if other.created_at is None and not are_numbers:
        return True
    return is_newer(other.version, other.created_at, release.version, release.model_created_at)


def evaluation_request(release: Release, plan: EvaluationPlan, job: JobName) -> JobRequest:
    """Return the job. Without a champion the challenger is scored twice: the component needs both inputs."""
    challenger = asset_reference(release.model, release.version)
    champion = release.champion.version if release.champion else None
    inputs = {
        "champion": asset_reference(release.model, champion) if champion else challenger,
        "challenger": challenger,
        "data": plan.data,
    }
    if release.plan.package:
        inputs["original"] = asset_reference(release.model, ModelVersion(release.converted_from))
    return JobRequest(
        name=job,
        component=plan.job,
        inputs=inputs,
        experiment=f"{release.model}-evaluation",
        display_name=f"evaluate {release.model} {release.version}",
        tags={"vigia.release": release.id, "vigia.model": release.model},
        compute=plan.compute,
    )


def approval_request(release: Release) -> ApprovalRequest:
    plan = release.plan.approval
    champion = release.champion
    return ApprovalRequest(
        release=release.id,
        model=release.model,
        version=release.version,
        step=STEP,
        digest=release.approval_digest,
        requested_at=release.entered_at,
        expires_at=release.entered_at + plan.expires,
        approvers=plan.approvers,
        quorum=release.approvals_needed,
        submitter=release.submitter,
        submitter_is_unknown=release.submitter_is_unknown,
        submitter_may_approve=plan.submitter_may_approve,
        evidence=(
            ("champion", champion.version or champion.deployment if champion else "none"),
            ("cause", release.cause),
            _course(release),
            *((result.gate, f"{result.verdict}: {result.reason}") for result in release.gate_results),
        ),
    )


def _course(release: Release) -> tuple[str, str]:
    """Return what is to happen, as evidence."""
    if release.plan.batch:
        return "comparison", f"predictions on {release.plan.batch.sample}, then the default deployment is swapped"
    return "traffic", " → ".join(f"{share} %" for share in release.steps)


def _answer_gates(release: Release, results: tuple[GateResult, ...], now: datetime) -> ReleaseUpdate:
    by_gate = {result.gate: result for result in (*release.gate_results, *results)}
    release = replace(release, gate_results=tuple(by_gate.values()))
    failed = [result for result in results if result.verdict is Verdict.FAIL]
    if failed:
        return end(release, ReleaseState.REJECTED, gates(failed), now)
    unclear = [result for result in results if result.verdict is not Verdict.PASS]
    if unclear:
        return _wait_for_gates(release, gates(unclear), now)
    return _after_gates(release, gates(results) or "nothing stands in the way", now)


def _wait_for_gates(release: Release, reason: str, now: datetime) -> ReleaseUpdate:
    """Hold: what is unclear may become clear; at the deadline it is no good news."""
    if is_late(release, now):
        return end(release, ReleaseState.REJECTED, f"the evidence stayed inconclusive: {reason}", now)
    if not release.held_because and release.deadline:
        release = replace(release, deadline=min(release.deadline, now + UNCLEAR_WITHIN))
    return hold(release, reason, now)


def _after_gates(release: Release, reason: str, now: datetime) -> ReleaseUpdate:
    evidence = {result.gate: f"{result.verdict}: {result.reason}" for result in release.gate_results}
    if release.state is ReleaseState.GATING and release.plan.evaluation:
        return go_on(move(release, ReleaseState.EVALUATING, reason, now, evidence), now)
    if not _needs_approval(release):
        return go_on(move(release, ReleaseState.DEPLOYING, reason, now, evidence), now)
    return _ask(release, reason, now, evidence)


def _ask(release: Release, reason: str, now: datetime, evidence: Mapping[str, str] | None = None) -> ReleaseUpdate:
    if refusal := without_four_eyes(release):
        return end(release, ReleaseState.REJECTED, refusal, now)
    asking = move(release, ReleaseState.AWAITING_APPROVAL, reason, now, evidence)
    asking = replace(asking, approval_digest=_evidence_digest(asking))
    return go_on(call_to_decide(asking, NoticeKind.APPROVAL_NEEDED), now)


def _needs_approval(release: Release) -> bool:
    match release.plan.approval.when:
        case "always":
            return True
        case "never":
            return False
        case "production":
            return release.champion is not None


def _evidence_digest(release: Release) -> str:
    """Return what binds an answer to what was seen: release, versions, step, policy and every gate's result."""
    evidence = [
        release.id,
        release.champion.version if release.champion else None,
        STEP,
        release.plan.policy_digest,
        [[r.gate, r.verdict, r.reason, dict(r.numbers)] for r in release.gate_results],
    ]
    return hashlib.sha256(json.dumps(evidence, sort_keys=True).encode()).hexdigest()


def _no_model(release: Release) -> str:
    return f"{release.model} version {release.version} is not in the workspace's registry"


def _unanswered(release: Release) -> str:
    return f"nobody decided within {duration(release.plan.approval.expires)}"
