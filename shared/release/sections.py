"""The policy's sections about releases, and the plan they make."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, PlainValidator, RootModel, ValidationInfo, WithJsonSchema, create_model

from shared.domain.release import (
    ApprovalPlan,
    DeploymentPlan,
    EvaluationPlan,
    GatePlan,
    JudgePlan,
    KeepPlan,
    ReleasePlan,
    SmokeTestPlan,
)
from shared.errors import PolicyError
from shared.policy.model import Policy
from shared.policy.quantities import AssetRef, ComponentRef, Duration, Percent, Rate, duration_text, parse_percent
from shared.policy.section import Section
from shared.release.gates.metric import MetricGate
from shared.release.gates.registry import gates

IMPLEMENTED = ("canary", "shadow", "blue-green", "all-at-once")
IN_STEPS = ("canary", "shadow")


def _whole_percent(value: object, info: ValidationInfo) -> int:
    # Files are read in JSON mode; code that builds a section itself gives the number.
    if info.mode == "python" and isinstance(value, int):
        return value
    percent = parse_percent(value)
    # Azure ML takes whole percents only.
    if percent != int(percent):
        raise ValueError(f"traffic is split in whole percents; write {round(percent)}%")
    return int(percent)


# Source: learn.microsoft.com, how-to-safely-rollout-online-endpoints, read 2026-11-20.
# Longer than a policy can wait.
MOST_HOURS = 24 * 365
MOST_MIRRORED = 50

WholePercent = Annotated[
    int,
    PlainValidator(_whole_percent),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]{1,3}%$", "examples": ["10%"]}),
]


class Evaluate(Section):
    """The registered component that scores champion and challenger, and the labelled data it scores."""

    job: ComponentRef
    data: AssetRef
    compute: str = "serverless"


def _any_gate() -> Any:
    """Return the union of what a list of gates may hold: each as `{kind: {...}}`, the metric gate without its kind."""
    members: Any = MetricGate
    for spec in gates().values():
        if spec.section is not MetricGate:
            fields: dict[str, Any] = {spec.kind: (spec.section, ...)}
            members = members | create_model(spec.kind, __base__=Section, **fields)
    return members


class Gates(RootModel[tuple[_any_gate(), ...]]):  # type: ignore[misc]
    """What a version must pass before it may serve."""

    def problems(self, policy: Policy) -> Iterator[tuple[str, str]]:
        if any(_gate(each)[2] == "evaluation" for each in self.root) and policy.section(Evaluate) is None:
            yield "", "these gates need scores; add a section evaluate: {job: …, data: …}"

    def plans(self) -> tuple[GatePlan, ...]:
        return tuple(GatePlan(kind, section.model_dump(mode="json")) for kind, section, _ in map(_gate, self.root))


def _gate(written: BaseModel) -> tuple[str, BaseModel, str]:
    """Return a written gate's kind, section, and what it needs."""
    if isinstance(written, MetricGate):
        return "metric", written, gates()["metric"].needs
    kind = next(iter(type(written).model_fields))
    return kind, getattr(written, kind), gates()[kind].needs


class Approval(Section):
    """Who must agree. `production` asks when the release replaces a version that serves; the first release of
    a model is not asked about."""

    when: Literal["always", "production", "never"] = "production"
    quorum: int = Field(default=1, ge=1)
    expires: Duration = timedelta(hours=24)
    not_by: Literal["submitter", "nobody"] = "submitter"

    def problems(self, policy: Policy) -> Iterator[tuple[str, str]]:
        if self.when == "never":
            return
        approvers = len(policy.people.approvers)
        if self.quorum > approvers:
            yield "quorum", f"{self.quorum} must agree but people.approvers names {approvers}; name more, or ask fewer"
        if self.expires <= timedelta(0):
            yield "expires", "nobody can decide in no time; write e.g. 24h"


class Errors(Section):
    """How many more requests may fail: in percentage points, or as a multiple of the champion's share of errors."""

    worse_by_at_most: Percent = 1.0
    ratio_at_most: float | None = Field(default=None, gt=0)


class Latency(Section):
    """How much slower the challenger may be: of one quantile, or of geometric means. Intervals with too few requests
    to tell the quantile are compared by their geometric means."""

    ratio_at_most: float = Field(default=1.25, gt=0)
    quantile: float | None = Field(default=None, gt=0, lt=1)


class Scores(Section):
    """How far the mean of the predictions on live traffic may move, up or down, in the predictions' own unit."""

    shift_at_most: float = Field(gt=0)


class Judge(Section):
    """How the challenger is compared while both serve."""

    errors: Errors | None = Errors()
    latency: Latency | None = Latency()
    scores: Scores | None = None
    false_rollbacks: Percent = 1.0
    on_no_data: Literal["hold", "abort"] = "hold"
    interval: Duration = timedelta(minutes=1)


class Deployment(Section):
    """How the challenger is deployed; MLflow models need no environment and no code."""

    instance_type: str = "Standard_DS3_v2"
    instance_count: int = Field(default=1, ge=1)
    environment: str = ""
    code: str = ""
    scoring_script: str = ""


class SmokeTest(Section):
    """One request that the new version must answer, before it gets traffic."""

    request: str = Field(min_length=1)
    answers_within: Duration | None = None


class Keep(Section):
    """What becomes of deployments that serve nobody any more. The last known good one always stays as it is."""

    champion_for: Duration = timedelta(hours=24)
    then: Literal["delete", "scale-down", "keep"] = "delete"


class Rollout(Section):
    """How traffic moves to a new version."""

    strategy: Literal["canary", "blue-green", "shadow", "all-at-once", "batch"] = "canary"
    steps: tuple[WholePercent, ...] = (10, 50, 100)
    mirror: WholePercent = 50
    smoke_test: SmokeTest | None = None
    on_hand_edit: Literal["hold", "repair"] = "hold"
    on_new_version: Literal["queue", "replace", "refuse"] = "queue"
    keep: Keep = Keep()
    bake: Duration = timedelta(minutes=15)
    decide_within: Duration | None = None
    watch_for: Duration = timedelta(hours=2)
    expected_traffic: Rate | None = None
    judge: Judge = Judge()
    deployment: Deployment = Deployment()

    @property
    def traffic(self) -> tuple[int, ...]:
        return self.steps if self.strategy in IN_STEPS else (100,)

    @property
    def deadline(self) -> timedelta:
        """Return how long a step may take to be decided."""
        return self.decide_within if self.decide_within is not None else 4 * self.bake

    def problems(self, policy: Policy) -> Iterator[tuple[str, str]]:
        if policy.endpoint.type != "online":
            yield "", "traffic can be moved on online endpoints only; write endpoint: {…, type: online}"
        if self.strategy not in IMPLEMENTED:
            yield "strategy", f"{self.strategy} is not available yet; write {' or '.join(IMPLEMENTED)}"
        elif self.strategy not in IN_STEPS and "steps" in self.model_fields_set:
            yield "steps", f"{self.strategy} has no steps; leave them out, or write strategy: canary"
        if self.strategy != "shadow" and "mirror" in self.model_fields_set:
            yield "mirror", f"{self.strategy} copies no requests; leave it out, or write strategy: shadow"
        if not 1 <= self.mirror <= MOST_MIRRORED:
            yield "mirror", f"Azure ML copies 1% to {MOST_MIRRORED}% of the requests; write e.g. {MOST_MIRRORED}%"
        yield from self._keep_problems()
        yield from _step_problems(self.steps)
        yield from self._time_problems()
        yield from _judge_problems(self.judge)
        if self.expected_traffic is not None and self.strategy in IN_STEPS:
            yield from _traffic_problems(self, self.expected_traffic)

    def _keep_problems(self) -> Iterator[tuple[str, str]]:
        if self.keep.champion_for < timedelta(0):
            yield "keep.champion_for", "is in the past; write e.g. 24h"
        within = self.smoke_test.answers_within if self.smoke_test else None
        if within is not None and within <= timedelta(0):
            yield "smoke_test.answers_within", "nothing answers in no time; write e.g. 2s"

    def _time_problems(self) -> Iterator[tuple[str, str]]:
        interval = self.judge.interval
        fewest = 5 * interval
        if interval < timedelta(seconds=1):
            yield "judge.interval", "measurements are at least a second apart; write 1s or more, e.g. 1m"
        elif self.strategy in IN_STEPS and self.bake < fewest:
            yield (
                "bake",
                f"a step needs 5 intervals of {duration_text(interval)} to be judged; "
                f"write {duration_text(fewest)} or more",
            )
        if self.decide_within is not None and self.decide_within < self.bake:
            yield "decide_within", f"is shorter than the bake; write {duration_text(4 * self.bake)}, or leave it out"
        if self.watch_for < interval:
            yield "watch_for", f"is shorter than one interval; write {duration_text(fewest)} or more"


def _step_problems(steps: tuple[int, ...]) -> Iterator[tuple[str, str]]:
    if not steps or steps[-1] != 100:
        yield "steps", "a rollout ends with all the traffic; end the steps with 100%"
    if any(later <= earlier for earlier, later in pairwise(steps)) or (steps and steps[0] < 1):
        yield "steps", "each step must be above the one before, from 1% on; write e.g. [10%, 50%, 100%]"


def _judge_problems(judge: Judge) -> Iterator[tuple[str, str]]:
    if judge.errors is None and judge.latency is None and judge.scores is None:
        yield "judge", "nothing is left to judge; write errors: {worse_by_at_most: 1%}, latency: {ratio_at_most: 1.25}"
    if not 0 < judge.false_rollbacks < 50:
        yield "judge.false_rollbacks", "must be above 0% and below 50%; write e.g. 1%"
    if judge.errors and judge.errors.worse_by_at_most >= 100:
        yield "judge.errors.worse_by_at_most", "allows every request to fail; write e.g. 1%"
    if judge.errors and {"worse_by_at_most", "ratio_at_most"} <= judge.errors.model_fields_set:
        yield "judge.errors", "has two tolerances; write either worse_by_at_most or ratio_at_most"


def _traffic_problems(rollout: Rollout, traffic: Rate) -> Iterator[tuple[str, str]]:
    """Yield that the first step cannot be decided in time, even of a version as good as the champion."""
    from shared.judge.evidence import tolerances_of
    from shared.judge.need import Expected, intervals_to_pass

    interval, share = rollout.judge.interval, rollout.steps[0] / 100 if rollout.steps else 1.0
    if not timedelta(0) < interval or not 0 < share < 1 or not 0 < rollout.judge.false_rollbacks < 100:
        return
    requests = traffic.count * (interval / traffic.per)
    tolerances = tolerances_of(_judge_plan(rollout.judge), max(1, round(rollout.deadline / interval)))
    hours = intervals_to_pass(tolerances, Expected(requests * share, requests * (1 - share))) * (
        interval / timedelta(hours=1)
    )
    if hours <= rollout.deadline / timedelta(hours=1):
        return
    needs = f"needs about {_hours(hours)}" if hours < MOST_HOURS else "is never enough"
    remedy = f"decide_within: {math.ceil(1.5 * hours)}h, " if hours < MOST_HOURS else ""
    yield (
        "expected_traffic",
        f"{rollout.steps[0]} % of {traffic} {needs} to decide; the step bakes {duration_text(rollout.bake)} and is "
        f"given up after {duration_text(rollout.deadline)}; write {remedy}a larger first step or a looser tolerance",
    )


def _hours(hours: float) -> str:
    return f"{60 * hours:.0f} min" if hours < 2 else f"{hours:.0f} h"


SECTIONS: dict[str, type[BaseModel]] = {
    "evaluate": Evaluate,
    "gates": Gates,
    "approval": Approval,
    "rollout": Rollout,
}


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
        bake=rollout.bake,
        decide_within=rollout.deadline,
        watch_for=rollout.watch_for,
        judge=_judge_plan(rollout.judge),
        deployment=DeploymentPlan(**rollout.deployment.model_dump()),
        strategy=rollout.strategy if rollout.strategy != "batch" else "all-at-once",
        mirror=rollout.mirror if rollout.strategy == "shadow" else 0,
        smoke_test=_smoke_test_plan(rollout.smoke_test),
        on_hand_edit=rollout.on_hand_edit,
        on_new_version=rollout.on_new_version,
        keep=KeepPlan(rollout.keep.champion_for, rollout.keep.then),
    )


def _smoke_test_plan(smoke_test: SmokeTest | None) -> SmokeTestPlan | None:
    return SmokeTestPlan(smoke_test.request, smoke_test.answers_within) if smoke_test else None


def _approval_plan(policy: Policy) -> ApprovalPlan:
    # Without the section nobody is asked: the policy's owner did not ask to be.
    approval = policy.section(Approval) or Approval(when="never")
    return ApprovalPlan(
        when=approval.when,
        approvers=policy.people.approvers,
        quorum=approval.quorum,
        expires=approval.expires,
        submitter_may_approve=approval.not_by == "nobody",
    )


def _judge_plan(judge: Judge) -> JudgePlan:
    errors = judge.errors
    return JudgePlan(
        errors_worse_by_at_most=errors.worse_by_at_most / 100 if errors and errors.ratio_at_most is None else None,
        errors_ratio_at_most=errors.ratio_at_most if errors else None,
        latency_ratio_at_most=judge.latency.ratio_at_most if judge.latency else None,
        latency_quantile=judge.latency.quantile if judge.latency else None,
        score_shift_at_most=judge.scores.shift_at_most if judge.scores else None,
        false_rollbacks=judge.false_rollbacks / 100,
        on_no_data=judge.on_no_data,
        interval=judge.interval,
    )
