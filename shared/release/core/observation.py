"""What one look at a release reads; only what its state needs is filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from shared.domain.failure import UNKNOWN, Failure
from shared.domain.ids import DeploymentName, EndpointName, ModelVersion, ReleaseId
from shared.domain.releases.approval import Decision
from shared.domain.releases.measurement import LoadCount
from shared.domain.releases.release import ReleaseRequest, ReleaseState, Serving
from shared.domain.releases.verdict import GateResult, Judgement
from shared.ports.batch_endpoints import BatchRequest
from shared.ports.endpoints import DeploymentRecord, EndpointRecord
from shared.ports.jobs import JobRecord
from shared.ports.workspace import Answer, ModelRecord


@dataclass(frozen=True, slots=True)
class CompetingRelease:
    """Another open release of the same model. One that `is_held` may not move for long."""

    id: ReleaseId
    version: ModelVersion
    created_at: datetime | None
    state: ReleaseState = ReleaseState.OPENED
    is_held: bool = False


@dataclass(frozen=True, slots=True)
class EndpointClaim:
    """An endpoint's desired state, and the release that may change it.

    Args:
        owner: the release that may change its traffic.
        generation: grows with every change; never goes back.
        desired: the split that was last asked for, without zeros; empty before the first.
        last_known_good: what served before the champion; never to be deleted.
        mirror: the copies of requests that were last asked for; empty for none.
        earlier: splits that the owner, or the last one, asked for before `desired`; one of them may land late.
        asked_at: when `desired` was first asked for, or a late write was noted since.
        late: splits that were written after another one was wanted; their writer noted so.
        last_owner: the release that gave the endpoint back last.
        idle: deployments of ours that serve nobody, and since when.
        told: the split that people were told of because it was not the desired one.
    """

    endpoint: EndpointName
    owner: ReleaseId | None = None
    generation: int = 0
    desired: Mapping[DeploymentName, int] = field(default_factory=dict)
    champion: Serving | None = None
    last_known_good: Serving | None = None
    mirror: Mapping[DeploymentName, int] = field(default_factory=dict)
    earlier: tuple[Mapping[DeploymentName, int], ...] = ()
    asked_at: datetime | None = None
    last_owner: ReleaseId | None = None
    idle: Mapping[DeploymentName, datetime] = field(default_factory=dict)
    told: Mapping[DeploymentName, int] | None = None
    late: tuple[Mapping[DeploymentName, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Observation:
    """None means that it does not exist (or that the state does not look at it).

    Args:
        hold: the last person's hold, or its end (kind `resume`): no other request takes it back.
        other_owner: the open release that owns the endpoint, when it is another one.
        champion_created_at: when the model version that serves was registered.
        gate_results: None while the evidence is not there to be judged.
        answer: what the challenger answered to the smoke test.
        load: what came of the part of its load that this look has sent; None when it sent none.
        outcome: of an A/B test that is due; None when none is, or it cannot be read now.
        sample: the batch to score, with its version; empty when it cannot be looked up, with the `problem`.
        problem: why that is so, or why the load cannot be sent.
        scored: the jobs in which deployments score the batch; a deployment without one has not begun.
        probe_sample: recorded requests, when this look may send some.
        trials: inputs of jobs that failed, for the champion to score before the challenger is blamed.
        is_tried: such a trial has not ended.
        seen_at: when the endpoint was read.
        failure: why the job or the deployment that the state waits for has failed.
        unseen: why nothing could be seen, but the request perhaps; empty when everything could.
    """

    request: ReleaseRequest | None = None
    hold: ReleaseRequest | None = None
    model: ModelRecord | None = None
    endpoint: EndpointRecord | None = None
    claim: EndpointClaim | None = None
    other_owner: ReleaseId | None = None
    competing: tuple[CompetingRelease, ...] = ()
    champion_created_at: datetime | None = None
    job: JobRecord | None = None
    gate_results: tuple[GateResult, ...] | None = None
    decision: Decision | None = None
    judgement: Judgement | None = None
    answer: Answer | None = None
    load: LoadCount | None = None
    outcome: Judgement | None = None
    sample: str = ""
    problem: str = ""
    scored: Mapping[DeploymentName, JobRecord] = field(default_factory=dict)
    probe_sample: tuple[str, ...] = ()
    trials: tuple[BatchRequest, ...] = ()
    is_tried: bool = False
    observed_at: datetime | None = None
    failure: Failure = UNKNOWN
    unseen: str = ""

    def deployment(self, name: DeploymentName) -> DeploymentRecord | None:
        if self.endpoint is None:
            return None
        return next((deployment for deployment in self.endpoint.deployments if deployment.name == name), None)

    def serves(self, serving: Serving | None) -> bool:
        """Return whether the deployment is there and answers."""
        deployment = self.deployment(serving.deployment) if serving else None
        return deployment is not None and deployment.state == "Succeeded"

    @property
    def traffic(self) -> dict[DeploymentName, int]:
        """Return the actual split, without zeros."""
        return {name: share for name, share in self.endpoint.traffic.items() if share} if self.endpoint else {}

    @property
    def mirror(self) -> dict[DeploymentName, int]:
        """Return which copies of requests are made, without zeros."""
        return {name: share for name, share in self.endpoint.mirror_traffic.items() if share} if self.endpoint else {}

    @property
    def has_failed(self) -> bool:
        """Return whether the last write failed, perhaps half-way: its traffic is nobody's wish."""
        return self.endpoint is not None and self.endpoint.state == "Failed"

    @property
    def is_updating(self) -> bool:
        """Return whether a write to the endpoint is still under way, so that its traffic may yet change."""
        return self.endpoint is not None and self.endpoint.state not in {"Succeeded", "Failed", "Canceled"}
