"""A release: one version of a model on its way to (or away from) an endpoint's traffic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from shared.domain.ids import DeploymentName, EndpointName, FactKey, JobName, ModelName, ModelVersion, ReleaseId
from shared.domain.notice import Notice
from shared.domain.releases.measurement import Interval, LoadCount
from shared.domain.releases.plan import ReleasePlan
from shared.domain.releases.verdict import GateResult, Judgement


class ReleaseState(StrEnum):
    """Where a release is.

    `shadowing`: the challenger gets copies of requests, and answers nobody. `comparing`: both versions score a batch.
    """

    OPENED = "opened"
    GATING = "gating"
    EVALUATING = "evaluating"
    AWAITING_APPROVAL = "awaiting_approval"
    DEPLOYING = "deploying"
    SHADOWING = "shadowing"
    COMPARING = "comparing"
    CANARY = "canary"
    PROMOTED = "promoted"
    WATCHING = "watching"
    ROLLING_BACK = "rolling_back"
    FINISHED = "finished"
    REJECTED = "rejected"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    ROLLED_BACK = "rolled_back"
    ABORTED = "aborted"
    FAILED = "failed"
    LOST = "lost"

    @property
    def is_terminal(self) -> bool:
        return self in _TERMINAL

    @property
    def is_before_serving(self) -> bool:
        """Return whether giving up is enough: neither traffic nor copies of requests were asked for yet."""
        return self in _BEFORE_DEPLOYING or self in {ReleaseState.DEPLOYING, ReleaseState.COMPARING}


_BEFORE_DEPLOYING = frozenset(
    {ReleaseState.OPENED, ReleaseState.GATING, ReleaseState.EVALUATING, ReleaseState.AWAITING_APPROVAL}
)
_TERMINAL = frozenset(
    {
        ReleaseState.FINISHED,
        ReleaseState.REJECTED,
        ReleaseState.EXPIRED,
        ReleaseState.SUPERSEDED,
        ReleaseState.ROLLED_BACK,
        ReleaseState.ABORTED,
        ReleaseState.FAILED,
        ReleaseState.LOST,
    }
)

Ending = Literal[ReleaseState.ROLLED_BACK, ReleaseState.ABORTED, ReleaseState.FAILED, ReleaseState.LOST]
Phase = Literal["shifting", "baking", "clearing", "asking", "ending"]


@dataclass(frozen=True, slots=True)
class Serving:
    """A deployment and the model version in it; the version is None when Azure ML did not say."""

    deployment: DeploymentName
    version: ModelVersion | None


@dataclass(frozen=True, slots=True)
class Transition:
    """One move, with why and on what evidence (name and value, as text)."""

    at: datetime
    left: ReleaseState
    entered: ReleaseState
    reason: str
    evidence: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """What a person asked of a running release.

    `abort` always wins, `hold` stops it from moving forward, `promote` ends the bake of one step.

    Args:
        step: which step `promote` is for: -1 while shadowing, else the step's index. It counts for no other.
        is_automatic: an alert or another release asks for it, not a person.
    """

    kind: Literal["abort", "hold", "resume", "promote"]
    by: str
    reason: str
    at: datetime
    step: int | None = None
    is_automatic: bool = False


@dataclass(frozen=True, slots=True)
class Undo:
    """A person's wish to have an earlier version back, which needs no gates: it passed them when it was new."""

    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Release:
    """The whole memory of one release.

    Args:
        opened_by: the fact that opened it.
        submitter: the e-mail address of the human behind it, None when no human is, or nobody could name them.
        submitter_is_unknown: a human may be behind it whose address is not known.
        chain: how many automatic retrainings led here in a row.
        model_created_at: orders versions that are not numbers; None until the registry was read.
        generation: of the endpoint's desired state when this release claimed it; 0 before.
        traffic_since: when the present step's traffic was read back.
        phase: of a state that has several. While watching: `asking` when people are asked whether an unproven version
            stays, `ending` when the champion's last share is taken away.
        traffic_steps: percents that were really reached (read back), in order.
        ends_as: how a roll back will end once the champion's traffic was read back.
        held_because: why it does not move although it could; empty when it is not held.
        notices: everything people are to be told, in order; the first `posted` are handed over.
        is_settled: a terminal release that has given the endpoint back and told everything.
        undo: who wants this earlier version back; None for a new version.
        smoke_failures: how often in a row the smoke test failed.
        repaired_at: when people were last told that traffic changed by hand is put back; `edit` says to which split.
        held_about: what the hold is about that people were told of last; another one is told, too.
        outcomes: the tests that an A/B test has taken, in order.
        sample: the batch that both versions score, with its version; empty before it was looked up.
        probed_at: when probes were last asked for; None when there was traffic enough.
        deployed_at: when the challenger's deployment was asked for or seen first: it is made once.
        closed_at: when, after its end, its question was closed or its jobs were canceled.
        unseen_since: when it could be looked after, or measured, no more; None while it can.
        unseen_told: people were told so.
        has_passed: the judge passed it while it was compared: no person moved it past its last step instead.
        person_hold: a person's hold as it was last seen, or its end (kind `resume`).
        converted_from: the version of the model that this one is another form of; empty for none.
        load: what the smoke test's load has come to; None while its first request is not answered.
        probe_answers: on Kubernetes, where nothing else measures, what probes met since this traffic, oldest first.
        champion_instances: how many the champion served with when this release claimed the endpoint; None if unknown.
    """

    id: ReleaseId
    model: ModelName
    version: ModelVersion
    endpoint: EndpointName
    plan: ReleasePlan
    opened_at: datetime
    opened_by: FactKey
    submitter: str | None
    cause: str
    chain: int
    challenger: Serving
    state: ReleaseState
    entered_at: datetime
    deadline: datetime | None
    wake_at: datetime
    champion: Serving | None = None
    model_created_at: datetime | None = None
    generation: int = 0
    step_index: int = 0
    phase: Phase | None = None
    traffic_since: datetime | None = None
    traffic_steps: tuple[int, ...] = ()
    evaluation: JobName | None = None
    gate_results: tuple[GateResult, ...] = ()
    approval_digest: str = ""
    judgement: Judgement | None = None
    ends_as: Ending | None = None
    reason: str = ""
    held_because: str = ""
    history: tuple[Transition, ...] = ()
    notices: tuple[Notice, ...] = ()
    posted: int = 0
    is_settled: bool = False
    undo: Undo | None = None
    smoke_failures: int = 0
    repaired_at: datetime | None = None
    outcomes: tuple[Judgement, ...] = ()
    sample: str = ""
    probed_at: datetime | None = None
    submitter_is_unknown: bool = False
    has_passed: bool = False
    champion_instances: int | None = None
    edit: str = ""
    held_about: str = ""
    deployed_at: datetime | None = None
    unseen_since: datetime | None = None
    unseen_told: bool = False
    person_hold: ReleaseRequest | None = None
    closed_at: datetime | None = None
    probe_answers: tuple[Interval, ...] = ()
    load: LoadCount | None = None
    converted_from: str = ""

    @property
    def budget(self) -> float:
        """Return the share of the release plan's false rollbacks that the present judgement may spend."""
        is_first_step = self.state is ReleaseState.CANARY and self.step_index == 0 and not self.plan.mirror
        return self.plan.budget(is_first_step or self.state is ReleaseState.SHADOWING)

    @property
    def steps(self) -> tuple[int, ...]:
        """Return the percents to go through: with nothing serving there is nothing to compare with or to protect."""
        return self.plan.steps if self.champion else (100,)

    @property
    def approvals_needed(self) -> int:
        """Return how many must agree: of two people one is not the submitter, whoever that is."""
        plan = self.plan.approval
        return max(plan.quorum, 1) + (self.submitter_is_unknown and not plan.submitter_may_approve)

    @property
    def holdback(self) -> int:
        """Return the champion's percent of the traffic from the promotion to the end of the watch; never more than the
        last step left it."""
        if self.champion is None or self.plan.batch:
            return 0
        return min(self.plan.holdback, 100 - max(self.steps[:-1], default=0))

    @property
    def was_promoted(self) -> bool:
        return 100 in self.traffic_steps or any(
            transition.entered is ReleaseState.PROMOTED for transition in self.history
        )

    @property
    def has_moved_traffic(self) -> bool:
        """Return whether it may have asked for other traffic than there was: not while it was only shadowed, or
        compared."""
        entered = {transition.entered for transition in self.history}
        return ReleaseState.CANARY in entered or not entered & {ReleaseState.SHADOWING, ReleaseState.COMPARING}

    @property
    def mirror(self) -> dict[DeploymentName, int]:
        """Return which copies of requests are wanted now; none when the challenger is to serve or to go."""
        is_shadow = self.state is ReleaseState.SHADOWING and self.phase != "clearing"
        return {self.challenger.deployment: self.plan.mirror} if is_shadow else {}

    @property
    def confirmed_splits(self) -> tuple[dict[DeploymentName, int], ...]:
        """Return the splits that were read back, the one from before the first step among them: whoever finds one of
        them again later finds no write of ours that landed late."""
        reached = [index for index in range(len(self.steps)) if self._share_at(index) in self.traffic_steps]
        return tuple(self.traffic_at(index) for index in (-1, *reached))

    def _share_at(self, step_index: int) -> int:
        return self.traffic_at(step_index).get(self.challenger.deployment, 0)

    def traffic_at(self, step_index: int) -> dict[DeploymentName, int]:
        """Return the split that belongs to a step, without zeros, summing to 100; before the first step (-1) the
        champion has everything, or there is none. The last step leaves the champion what is held back for it."""
        percent = min(self.steps[step_index], 100 - self.holdback) if step_index >= 0 else 0
        split = {self.challenger.deployment: percent}
        if self.champion:
            split[self.champion.deployment] = 100 - percent
        return {deployment: share for deployment, share in split.items() if share}
