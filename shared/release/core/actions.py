"""The actions that an update of a release asks for; each is harmless to repeat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.ids import DeploymentName, EndpointName, ReleaseId
from shared.domain.releases.approval import ApprovalRequest
from shared.domain.releases.release import Serving
from shared.ports.batch_endpoints import BatchRequest
from shared.ports.endpoints import DeploymentRequest
from shared.ports.jobs import JobRequest


@dataclass(frozen=True, slots=True)
class ClaimEndpoint:
    """Become the one release that may change the endpoint's traffic."""

    endpoint: EndpointName


@dataclass(frozen=True, slots=True)
class SubmitJob:
    request: JobRequest


@dataclass(frozen=True, slots=True)
class CancelJobs:
    """Have the release's evaluation and scoring jobs end, which cost money and tell nobody anything any more."""

    release: ReleaseId


@dataclass(frozen=True, slots=True)
class AskApproval:
    request: ApprovalRequest


@dataclass(frozen=True, slots=True)
class CloseApproval:
    """Close a question that is still open although its release has ended."""

    release: ReleaseId
    digest: str
    reason: str


@dataclass(frozen=True, slots=True)
class CreateEndpoint:
    """`cluster` is the Kubernetes cluster to make it on; empty for one that Azure manages."""

    endpoint: EndpointName
    cluster: str = ""


@dataclass(frozen=True, slots=True)
class CreateDeployment:
    request: DeploymentRequest


@dataclass(frozen=True, slots=True)
class ScaleDeployment:
    """Give a deployment as many instances, at least; it is never made smaller."""

    endpoint: EndpointName
    deployment: DeploymentName
    instances: int


@dataclass(frozen=True, slots=True)
class SetTraffic:
    """`traffic` sums to 100 and has no zeros."""

    endpoint: EndpointName
    traffic: Mapping[DeploymentName, int]


@dataclass(frozen=True, slots=True)
class SetMirror:
    """Have requests copied to a deployment that answers nobody; `mirror` sums to at most 50, empty for none."""

    endpoint: EndpointName
    mirror: Mapping[DeploymentName, int]


@dataclass(frozen=True, slots=True)
class SendProbes:
    """Send recorded requests, each to its deployment, one after the other, and stop after `within`."""

    endpoint: EndpointName
    requests: tuple[tuple[DeploymentName, str], ...]
    within: timedelta


@dataclass(frozen=True, slots=True)
class ScoreBatch:
    request: BatchRequest


@dataclass(frozen=True, slots=True)
class ReplaceOwner:
    """Ask the earlier version's release that holds the endpoint to give up."""

    owner: ReleaseId
    reason: str


@dataclass(frozen=True, slots=True)
class GiveBackEndpoint:
    """Record what serves now and what served before it, and let the next release in.

    Args:
        idle: deployments of the release that may serve nobody from now on, and when that was.
    """

    endpoint: EndpointName
    champion: Serving | None
    last_known_good: Serving | None
    idle: Mapping[DeploymentName, datetime]


Action = (
    ClaimEndpoint
    | SubmitJob
    | CancelJobs
    | AskApproval
    | CloseApproval
    | CreateEndpoint
    | CreateDeployment
    | ScaleDeployment
    | SetTraffic
    | SetMirror
    | SendProbes
    | ScoreBatch
    | ReplaceOwner
    | GiveBackEndpoint
)
