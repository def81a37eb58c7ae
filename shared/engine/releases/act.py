"""Performs the actions of a release's update; every action may be repeated."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import assert_never

from shared.domain.ids import DeploymentName, EndpointName, ReleaseId
from shared.domain.releases.release import Release, ReleaseRequest
from shared.engine.releases.batch import BatchScorer
from shared.errors import PermanentError, WorkspaceError
from shared.logs import fields
from shared.ports.approvals import ApprovalStore
from shared.ports.clock import Clock, Deadline
from shared.ports.endpoints import DeploymentRequest, Endpoints
from shared.ports.workspace import Answer, Workspace, endpoints_of
from shared.release.core.actions import (
    Action,
    AskApproval,
    CancelJobs,
    ClaimEndpoint,
    CloseApproval,
    CreateDeployment,
    CreateEndpoint,
    GiveBackEndpoint,
    ReplaceOwner,
    ScaleDeployment,
    ScoreBatch,
    SendProbes,
    SetMirror,
    SetTraffic,
    SubmitJob,
)
from shared.store.releases.endpoints import EndpointStore
from shared.store.releases.releases import ReleaseStore

PRODUCT = "Vigia"
# Traffic and deployments have no compare-and-set: what was decided by an older look is not written any more.
OBSERVATION_COUNTS_FOR = timedelta(minutes=2)
log = logging.getLogger("vigia.releases")


@dataclass(frozen=True)
class Actor:
    workspace: Workspace
    approvals: ApprovalStore
    releases: ReleaseStore
    endpoints: EndpointStore
    clock: Clock
    scorer: BatchScorer

    def act(self, release: Release, action: Action, observed_at: datetime | None = None) -> Sequence[Answer | None]:
        """Do it; return what probes were answered, of all else nothing.

        Args:
            observed_at: when the endpoint was read that the action answers; what was read too long ago is not acted on.

        Raises:
            RetryableError: not now; the next look asks for it again.
            WorkspaceError: Azure ML refuses it for good.
        """
        deadline = Deadline(self.clock, (observed_at or self.clock.now()) + OBSERVATION_COUNTS_FOR)
        match action:
            case ClaimEndpoint() | ScaleDeployment() | SetTraffic() | SetMirror() | GiveBackEndpoint():
                self._direct(release, action, deadline)
            case SubmitJob() | CancelJobs() | ScoreBatch():
                self._run(release, action, deadline)
            case AskApproval(request):
                self.approvals.open(request)
            case CloseApproval(closed, digest, reason):
                self._close(release, closed, digest, reason)
            case CreateEndpoint(endpoint, ""):
                self._endpoints(release).create_endpoint(endpoint)
            case CreateEndpoint(endpoint, cluster):
                self.workspace.create_endpoint(endpoint, cluster)
            case CreateDeployment(request):
                self._make(release, request, deadline)
            case ReplaceOwner(owner, reason):
                abort = ReleaseRequest("abort", PRODUCT, reason, self.clock.now(), is_automatic=True)
                self.releases.ask(owner, abort)
            case SendProbes():
                return self._probe(release, action)
            case _:
                assert_never(action)
        return ()

    def _close(self, release: Release, closed: ReleaseId, digest: str, reason: str) -> None:
        try:
            self.approvals.close(closed, digest, reason)
        except PermanentError as exc:
            # A question that nobody can read is not answered any more; the endpoint must not wait for that.
            log.warning("release.question_unreadable", extra=fields(release=release.id, reason=exc.message))

    def _make(self, release: Release, request: DeploymentRequest, deadline: Deadline) -> None:
        """Make the deployment, unless the release has moved on: a worker that was stopped must not make again what was
        made, rejected and deleted meanwhile."""
        stored = self.releases.load(release.id)
        if stored is not None and stored.release == release:
            self._endpoints(release).create_deployment(request, deadline)

    def _direct(
        self,
        release: Release,
        action: ClaimEndpoint | ScaleDeployment | SetTraffic | SetMirror | GiveBackEndpoint,
        deadline: Deadline,
    ) -> None:
        """Change the endpoint's desired state, then the endpoint.

        Recorded first: a release that lost the endpoint must not write to it any more.
        """
        match action:
            case ClaimEndpoint(endpoint):
                self.endpoints.claim(endpoint, release.id, self._ended_owner(release))
            case ScaleDeployment():
                self._scale(release, action, deadline)
            case SetTraffic(endpoint, traffic):
                if self.endpoints.desire(endpoint, release.id, traffic, self.clock.now()):
                    self._write_traffic(self._endpoints(release), endpoint, traffic, deadline)
            case SetMirror(endpoint, mirror):
                if self.endpoints.desire_mirror(endpoint, release.id, mirror):
                    self.workspace.set_mirror(endpoint, mirror, deadline)
            case GiveBackEndpoint(endpoint, champion, last_known_good, idle):
                self.endpoints.give_back(endpoint, release.id, champion, last_known_good, idle)

    def _scale(self, release: Release, action: ScaleDeployment, deadline: Deadline) -> None:
        """Make it larger, unless somebody else has it now, or did so since it was looked at."""
        if self.endpoints.read(action.endpoint).owner != release.id:
            return
        sizes = {deployment.name: deployment.instances for deployment in self.workspace.deployments(action.endpoint)}
        if (sizes.get(action.deployment) or action.instances) < action.instances:
            self.workspace.scale_deployment(action.endpoint, action.deployment, action.instances, deadline)
            about = fields(release=release.id, deployment=action.deployment, instances=action.instances)
            log.info("release.scaled", extra=about)

    def _run(self, release: Release, action: SubmitJob | CancelJobs | ScoreBatch, deadline: Deadline) -> None:
        match action:
            case SubmitJob(request):
                self.workspace.submit_job(request, deadline)
            case ScoreBatch(request):
                self.scorer.score(request, deadline)
            case CancelJobs():
                self._cancel_jobs(release)

    def _cancel_jobs(self, release: Release) -> None:
        """Cancel what still runs: a refusal keeps nothing from going on.

        Raises:
            RetryableError: a job that was asked for may still come; the next look cancels it.
        """
        for job in chain((release.evaluation,) if release.evaluation else (), self.scorer.jobs(release)):
            try:
                self.workspace.cancel_job(job)
            except WorkspaceError as exc:
                about = fields(release=release.id, job=job, code=exc.code, reason=exc.message)
                log.warning("release.job_not_canceled", extra=about)

    def _endpoints(self, release: Release) -> Endpoints:
        return endpoints_of(self.workspace, release.plan.endpoint_type)

    def _write_traffic(
        self, endpoints: Endpoints, endpoint: EndpointName, traffic: Mapping[DeploymentName, int], deadline: Deadline
    ) -> None:
        """Write it, and see afterwards whether it is still wanted: a worker that was frozen in between may have
        written what a later release had changed, and nobody else could tell that from a change by hand."""
        try:
            endpoints.set_traffic(endpoint, traffic, deadline)
        finally:
            self.endpoints.note_late(endpoint, traffic, self.clock.now())

    def _probe(self, release: Release, action: SendProbes) -> Sequence[Answer | None]:
        """Send what can be sent: probes that are refused are no reason to take a version back."""
        try:
            answers = self.workspace.probe(action.endpoint, action.requests, action.within)
        except WorkspaceError as exc:
            log.warning("release.probes_refused", extra=fields(release=release.id, code=exc.code, reason=exc.message))
            return ()
        about = fields(release=release.id, sent=len(answers), answered=sum(answer is not None for answer in answers))
        log.info("release.probed", extra=about)
        return answers

    def _ended_owner(self, release: Release) -> ReleaseId | None:
        """Return the owner whose release has ended without giving the endpoint back (its worker crashed)."""
        owner = self.endpoints.read(release.endpoint).owner
        if owner is None:
            return None
        try:
            stored = self.releases.load(owner)
        except PermanentError:
            return None
        return owner if stored is None or stored.release.state.is_terminal else None
