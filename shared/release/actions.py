"""What a step wants done; each is harmless to repeat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.domain.approval import ApprovalRequest
from shared.domain.ids import DeploymentName, EndpointName
from shared.domain.release import Serving
from shared.ports.workspace import DeploymentRequest, JobRequest


@dataclass(frozen=True, slots=True)
class ClaimEndpoint:
    """Become the one release that may change the endpoint's traffic."""

    endpoint: EndpointName


@dataclass(frozen=True, slots=True)
class SubmitJob:
    request: JobRequest


@dataclass(frozen=True, slots=True)
class AskApproval:
    request: ApprovalRequest


@dataclass(frozen=True, slots=True)
class CreateEndpoint:
    endpoint: EndpointName


@dataclass(frozen=True, slots=True)
class CreateDeployment:
    request: DeploymentRequest


@dataclass(frozen=True, slots=True)
class SetTraffic:
    """`traffic` sums to 100 and has no zeros."""

    endpoint: EndpointName
    traffic: Mapping[DeploymentName, int]


@dataclass(frozen=True, slots=True)
class GiveBackEndpoint:
    """Record what serves now and what served before it, and let the next release in."""

    endpoint: EndpointName
    champion: Serving | None
    last_known_good: Serving | None


Action = ClaimEndpoint | SubmitJob | AskApproval | CreateEndpoint | CreateDeployment | SetTraffic | GiveBackEndpoint
