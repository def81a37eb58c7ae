"""The plan that a policy makes for a release."""

from __future__ import annotations

from shared.domain.releases.plan import (
    ApprovalPlan,
    DeploymentPlan,
    EvaluationPlan,
    KeepPlan,
    ProbePlan,
    ReleasePlan,
    SmokeTestPlan,
)
from shared.errors import PolicyError
from shared.policy.sections.model import Policy
from shared.release.sections.ab_test import ab_plan
from shared.release.sections.batch import batch_plan
from shared.release.sections.gates_and_approval import Approval, Evaluate, Gates
from shared.release.sections.judge import judge_plan
from shared.release.sections.rollout import Rollout
from shared.release.sections.rollout_keys import KEEP_FOR, Keep, SmokeTest


def plan_from(policy: Policy) -> ReleasePlan:
    """Return the plan of a release under the policy; sections that the file leaves out have their defaults, but
    a policy without `rollout` releases nothing.

    Raises:
        PolicyError: there is no section `rollout`.
    """
    rollout = policy.section(Rollout)
    if rollout is None:
        raise PolicyError(
            code="policy.no_rollout",
            message=f"{policy.path}: the policy of {policy.model} does not say how to release it",
            hint="add a section rollout: {strategy: canary, steps: [10%, 50%, 100%], bake: 15m}",
        )
    evaluate, gate_list = policy.section(Evaluate), policy.section(Gates)
    return ReleasePlan(
        policy_digest=policy.digest,
        evaluation=EvaluationPlan(evaluate.job, evaluate.data, evaluate.compute) if evaluate else None,
        gates=gate_list.plans() if gate_list else (),
        approval=_approval_plan(policy),
        steps=rollout.traffic,
        bake=rollout.held,
        ab=ab_plan(rollout),
        decide_within=rollout.deadline,
        watch_for=rollout.watch_for,
        judge=judge_plan(rollout.judge, rollout.shortest_stage),
        deployment=DeploymentPlan(**rollout.deployment.model_dump()),
        strategy=rollout.strategy,
        mirror=rollout.mirror if rollout.strategy == "shadow" else 0,
        smoke_test=_smoke_test_plan(rollout.smoke_test),
        on_hand_edit=rollout.on_hand_edit,
        on_new_version=rollout.on_new_version,
        keep=_keep_plan(rollout.keep),
        probe=ProbePlan(rollout.probe.sample, rollout.probe.per_interval) if rollout.probe else None,
        batch=batch_plan(rollout.batch) if rollout.strategy == "batch" and rollout.batch else None,
        holdback=rollout.held_back,
        on_undecided=rollout.on_undecided,
        kubernetes=policy.endpoint.kubernetes,
        package=rollout.package.form if rollout.package else "",
    )


def _smoke_test_plan(smoke_test: SmokeTest | None) -> SmokeTestPlan | None:
    return SmokeTestPlan(smoke_test.request, smoke_test.answers_within, smoke_test.load) if smoke_test else None


def _keep_plan(keep: Keep) -> KeepPlan:
    unused_for = KEEP_FOR if keep.champion_for is None else keep.champion_for
    return KeepPlan(unused_for, keep.then, last_known_good_for=keep.champion_for)


def _approval_plan(policy: Policy) -> ApprovalPlan:
    # Without the section nobody is asked: the policy's owner did not ask to be.
    approval = policy.section(Approval) or Approval(when="never")
    return ApprovalPlan(
        when=approval.when,
        approvers=tuple(dict.fromkeys((*policy.people.approvers, *approval.escalate_to))),
        quorum=approval.quorum,
        expires=approval.expires,
        submitter_may_approve=approval.not_by == "nobody",
        remind_after=approval.reminds_after,
        escalate_after=approval.escalates_after,
        for_undo=approval.for_undo == "always",
        unknown_submitter=approval.unknown_submitter,
    )
