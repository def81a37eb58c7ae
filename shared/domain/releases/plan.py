"""The release plan: the policy's rules for one release, frozen when it opens, whatever is edited since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from shared.domain.releases.batch import BatchPlan
from shared.domain.releases.outcome import AbPlan, QualityPlan

Strategy = Literal["canary", "blue-green", "shadow", "all-at-once", "ab", "batch"]


@dataclass(frozen=True, slots=True)
class EvaluationPlan:
    """The job that scores champion and challenger on the same labelled rows."""

    job: str
    data: str
    compute: str = "serverless"


@dataclass(frozen=True, slots=True)
class GatePlan:
    """One gate to pass. `settings` is what its policy section holds, as JSON values."""

    kind: str
    settings: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ApprovalPlan:
    """`production` asks when the release replaces something that serves; a first release is not asked about.

    Args:
        remind_after: when those who may decide are told again; None for never.
        escalate_after: when those who stand behind them are told; None for never.
        for_undo: whether an earlier version's return is asked about, too.
        unknown_submitter: what is done about a version whose submitter nobody could name.
    """

    when: Literal["always", "production", "never"]
    approvers: tuple[str, ...]
    quorum: int
    expires: timedelta
    submitter_may_approve: bool
    remind_after: timedelta | None = None
    escalate_after: timedelta | None = None
    for_undo: bool = False
    unknown_submitter: Literal["one-more", "refuse"] = "one-more"


@dataclass(frozen=True, slots=True)
class JudgePlan:
    """How the challenger is compared with the champion while both serve.

    Args:
        errors_worse_by_at_most: difference of error shares, 0 to 1; None to leave errors unjudged.
        latency_ratio_at_most: ratio of latencies, above 0; None to leave latency unjudged.
        false_rollbacks: chance, 0 to 1, of ever failing a challenger that is within the tolerances.
        errors_ratio_at_most: ratio of error shares, instead of their difference.
        latency_quantile: whose ratio is meant, 0 to 1; None for the geometric mean.
        score_shift_at_most: difference of mean predictions, either way; None to leave them unjudged.
        quality: of answers whose labels arrive; None to leave it unjudged.
        errors_at_most: share of errors, 0 to 1, that a version may have whatever the other one does.
        latency_warm_up: how long latency is left unjudged after each change of the traffic.
        log_delay: how late rows of the traffic log arrive as a rule.
    """

    errors_worse_by_at_most: float | None
    latency_ratio_at_most: float | None
    false_rollbacks: float
    on_no_data: Literal["hold", "abort"]
    interval: timedelta
    errors_ratio_at_most: float | None = None
    latency_quantile: float | None = None
    score_shift_at_most: float | None = None
    quality: QualityPlan | None = None
    errors_at_most: float | None = 0.1
    latency_warm_up: timedelta = timedelta(0)
    log_delay: timedelta = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class KubernetesPlan:
    """Where on an attached cluster a version runs; quantities are texts as Kubernetes writes them.

    Args:
        compute: the cluster that a new endpoint is made on; empty where the endpoint is there already.
        instance_type: one of the cluster's own kinds of nodes; empty for its default.
        requests, limits: of a container's cpu, memory and gpu; empty for those of the instance type.
    """

    compute: str = ""
    instance_type: str = ""
    requests: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeploymentPlan:
    """How the challenger is deployed; environment and code stay empty for MLflow models."""

    instance_type: str = "Standard_DS3_v2"
    instance_count: int = 1
    environment: str = ""
    code: str = ""
    scoring_script: str = ""


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """Recorded requests of a data asset, so many in all, and what may come of them.

    Args:
        errors_at_most, slow_at_most: share of them that may fail, and of the answers that may take longer than
            `slow_after`; None not to look.
        expected: the sample's column of right answers, which numbers may miss by `tolerance`; empty for none.
    """

    sample: str
    requests: int
    per_second: float
    errors_at_most: float
    slow_after: timedelta | None = None
    slow_at_most: float = 0.0
    expected: str = ""
    tolerance: float = 0.0


@dataclass(frozen=True, slots=True)
class SmokeTestPlan:
    """What the challenger must answer before it gets traffic: one request first, then a load.

    Args:
        request: the body, as text; empty for the first of the load.
        answers_within: the longest its answer may take; None not to look.
    """

    request: str
    answers_within: timedelta | None = None
    load: LoadPlan | None = None


@dataclass(frozen=True, slots=True)
class ProbePlan:
    """Recorded requests to send to both deployments while there is too little traffic to judge by.

    Args:
        sample: "azureml:NAME@latest" or "azureml:NAME:VERSION", the recorded requests.
        per_interval: requests that each deployment is to get per interval, probes included.
    """

    sample: str
    per_interval: int


@dataclass(frozen=True, slots=True)
class KeepPlan:
    """What becomes of deployments that serve nobody any more, after `champion_for`.

    Args:
        last_known_good_for: likewise of the last known good; None leaves it as it is until another one is.
    """

    champion_for: timedelta
    then: Literal["delete", "scale-down", "keep"]
    last_known_good_for: timedelta | None = None


FIRST_BUDGET = 2 / 3


def stage_budget(stages: int, is_first: bool) -> float:
    """Return the share of the false rollbacks that the first of so many stages may spend, or each of the others. It is
    most in the first, which bad versions should not outlast, and has the least traffic to find them by."""
    if stages == 1:
        return 1.0
    return FIRST_BUDGET if is_first else (1 - FIRST_BUDGET) / (stages - 1)


@dataclass(frozen=True, slots=True)
class ReleasePlan:
    """The policy as it was when the release opened; running work keeps it, whatever is edited since.

    What later versions added has a default that does what earlier ones did.

    Args:
        steps: percents of traffic for the challenger, ascending, ending in 100.
        bake: how long a step bakes at least.
        decide_within: how long a step may take to be judged; after that it is aborted.
        mirror: percent of requests, 1 to 50, that are copied to the challenger first; 0 for none.
        on_hand_edit: whether traffic that somebody changed stays so, and holds the release, or is put back.
        on_new_version: what this release does when an earlier version's holds the endpoint.
        keep: None leaves every deployment.
        ab: None for a release that is no A/B test; of one, the first step is held for `bake`.
        batch: None for a release on an online endpoint.
        probe: None sends no requests of our own.
        holdback: percent of the traffic that the champion keeps until the watch is over; 0 for none.
        kubernetes: None for an endpoint that Azure manages.
        package: the form that is released: versions that others were converted to; empty for those as trained.
        on_undecided: what becomes of a promoted version that nothing proved to be sound by the end of the watch. Only
            releases from before that was asked end as if it were.
    """

    policy_digest: str
    evaluation: EvaluationPlan | None
    gates: tuple[GatePlan, ...]
    approval: ApprovalPlan
    steps: tuple[int, ...]
    bake: timedelta
    decide_within: timedelta
    watch_for: timedelta
    judge: JudgePlan
    deployment: DeploymentPlan
    strategy: Strategy = "canary"
    mirror: int = 0
    smoke_test: SmokeTestPlan | None = None
    on_hand_edit: Literal["hold", "repair"] = "hold"
    on_new_version: Literal["queue", "replace", "refuse"] = "queue"
    keep: KeepPlan | None = None
    ab: AbPlan | None = None
    batch: BatchPlan | None = None
    probe: ProbePlan | None = None
    holdback: int = 0
    on_undecided: Literal["ask", "roll-back", "finish"] = "finish"
    kubernetes: KubernetesPlan | None = None
    package: Literal["", "onnx"] = ""

    @property
    def stages(self) -> int:
        """Return how often a release is judged from the start: in its shadow, at each step, and while it is watched."""
        return sum(step < 100 for step in self.steps) + bool(self.mirror) + 1

    def budget(self, is_first: bool) -> float:
        """Return the share of `judge.false_rollbacks` that one stage may spend."""
        return stage_budget(self.stages, is_first)

    @property
    def endpoint_type(self) -> Literal["online", "batch"]:
        return "batch" if self.batch else "online"
