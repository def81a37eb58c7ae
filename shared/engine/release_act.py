"""Does what a step of a release asks for; every action may be repeated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from shared.domain.ids import ReleaseId
from shared.domain.release import Release
from shared.ports.approvals import ApprovalStore
from shared.ports.workspace import Workspace
from shared.release.actions import (
    Action,
    AskApproval,
    ClaimEndpoint,
    CreateDeployment,
    CreateEndpoint,
    GiveBackEndpoint,
    SetTraffic,
    SubmitJob,
)
from shared.store.endpoints import EndpointStore
from shared.store.releases import ReleaseStore


@dataclass(frozen=True)
class Actor:
    workspace: Workspace
    approvals: ApprovalStore
    releases: ReleaseStore
    endpoints: EndpointStore

    def act(self, release: Release, action: Action) -> None:
        """Do it.

        Raises:
            RetryableError: not now; the next look asks for it again.
            WorkspaceError: Azure ML refuses it for good.
        """
        match action:
            case ClaimEndpoint(endpoint):
                self.endpoints.claim(endpoint, release.id, self._ended_owner(release))
            case SubmitJob(request):
                self.workspace.submit_job(request)
            case AskApproval(request):
                self.approvals.open(request)
            case CreateEndpoint(endpoint):
                self.workspace.create_endpoint(endpoint)
            case CreateDeployment(request):
                self.workspace.create_deployment(request)
            case SetTraffic():
                self._set_traffic(release.id, action)
            case GiveBackEndpoint(endpoint, champion, last_known_good):
                self.endpoints.give_back(endpoint, release.id, champion, last_known_good)
            case _:
                assert_never(action)

    def _set_traffic(self, release: ReleaseId, action: SetTraffic) -> None:
        # Recorded first: a release that lost the endpoint must not write to it any more.
        if self.endpoints.desire(action.endpoint, release, action.traffic):
            self.workspace.set_traffic(action.endpoint, action.traffic)

    def _ended_owner(self, release: Release) -> ReleaseId | None:
        """Return the owner whose release has ended without giving the endpoint back (its worker died)."""
        owner = self.endpoints.read(release.endpoint).owner
        if owner is None:
            return None
        stored = self.releases.load(owner)
        return owner if stored is None or stored.release.state.is_terminal else None
