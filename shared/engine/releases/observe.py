"""Reads what one look at a release needs: each state its own part of Azure ML and of the stores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared.domain.assets import datastore_uri
from shared.domain.failure import UNKNOWN
from shared.domain.ids import ReleaseId
from shared.domain.releases.plan import SmokeTestPlan
from shared.domain.releases.release import Release, ReleaseState
from shared.domain.releases.verdict import GateResult, Judgement, Verdict
from shared.engine.releases.batch import BatchScorer
from shared.engine.releases.judge import judged
from shared.engine.releases.outcomes import outcome_of
from shared.errors import PermanentError, RetryableError
from shared.ports.approvals import ApprovalStore
from shared.ports.clock import Clock
from shared.ports.data import DataReader
from shared.ports.endpoints import EndpointRecord
from shared.ports.jobs import JobRecord
from shared.ports.telemetry import Telemetry
from shared.ports.workspace import ModelRecord, Workspace, endpoints_of
from shared.release.core.names import evaluation_job
from shared.release.core.observation import CompetingRelease, EndpointClaim, Observation
from shared.release.states.probes import is_due
from shared.release.states.smoke_test import PORTION, portion
from shared.store.releases.endpoints import EndpointStore
from shared.store.releases.releases import ReleaseStore

if TYPE_CHECKING:
    from shared.release.gates.spec import Lineage


@dataclass(frozen=True)
class Observer:
    workspace: Workspace
    telemetry: Telemetry
    data: DataReader
    approvals: ApprovalStore
    releases: ReleaseStore
    endpoints: EndpointStore
    clock: Clock
    scorer: BatchScorer

    def observe(self, release: Release) -> Observation:
        """Return what the release's state looks at.

        Raises:
            VigiaError: something cannot be read. Measurements that cannot be read are none instead.
        """
        if release.state.is_terminal:
            return Observation(claim=self.endpoints.read(release.endpoint))
        observation = Observation(request=self.releases.request(release.id), hold=self.releases.held(release.id))
        look = _LOOKS.get(release.state)
        return look(self, release, observation) if look else observation

    def _opened(self, release: Release, observation: Observation) -> Observation:
        claim = self.endpoints.read(release.endpoint)
        observation = self._with_endpoint(release, observation)
        return replace(
            observation,
            model=self.workspace.model(release.model, release.version),
            claim=claim,
            other_owner=self.other_owner(claim, release.id),
            competing=self._competing(release),
            champion_created_at=self._champion_created_at(release, observation.endpoint),
        )

    def _gating(self, release: Release, observation: Observation) -> Observation:
        from shared.release.gates.registry import judge_lineage, reads_lineage

        model = self.workspace.model(release.model, release.version)
        results = judge_lineage(release, self._lineage(release, model)) if reads_lineage(release) else ()
        return replace(observation, model=model, competing=self._competing(release), gate_results=results)

    def _lineage(self, release: Release, model: ModelRecord | None) -> Lineage:
        from shared.release.gates.registry import training_input
        from shared.release.gates.spec import Lineage

        job = self.workspace.job(model.job) if model and model.job else None
        if job:
            job = replace(job, metrics=self.workspace.job_metrics(job.name))
        input_name = training_input(release)
        if input_name is None:
            return Lineage(model, job)
        source = job.inputs.get(input_name) if job else None
        if source is None:
            problem = f"its job {job.name} has no input {input_name}" if job else "no training job is recorded"
            return Lineage(model, job, problem=problem)
        try:
            return Lineage(model, job, self.data.table(source))
        except PermanentError as exc:
            return Lineage(model, job, problem=exc.message)

    def _evaluating(self, release: Release, observation: Observation) -> Observation:
        job = self.workspace.job(evaluation_job(release.id))
        results = self._evaluated(release, job) if job and job.has_succeeded else None
        has_failed = job is not None and job.has_ended and not job.has_succeeded
        failure = self.workspace.job_failure(evaluation_job(release.id)) if has_failed else UNKNOWN
        return replace(observation, job=job, gate_results=results, competing=self._competing(release), failure=failure)

    def _awaiting_approval(self, release: Release, observation: Observation) -> Observation:
        decision = self.approvals.decision(release.id, release.approval_digest)
        return replace(observation, decision=decision, competing=self._competing(release))

    def _deploying(self, release: Release, observation: Observation) -> Observation:
        observation = self._with_endpoint(release, observation)
        challenger = observation.deployment(release.challenger.deployment)
        if challenger and challenger.state in {"Failed", "Canceled"}:
            endpoints = endpoints_of(self.workspace, release.plan.endpoint_type)
            return replace(observation, failure=endpoints.deployment_failure(release.endpoint, challenger.name))
        if release.plan.smoke_test is None or challenger is None or challenger.state != "Succeeded":
            return observation
        try:
            return self._tested(release, release.plan.smoke_test, observation)
        except RetryableError:
            return observation
        except PermanentError as exc:
            return replace(observation, problem=exc.message)

    def _tested(self, release: Release, test: SmokeTestPlan, observation: Observation) -> Observation:
        """Send the smoke test's first request, or a portion of its load."""
        endpoint, deployment, count = release.endpoint, release.challenger.deployment, portion(release)
        if release.load is not None and not count:
            return observation
        if test.load is None:
            return replace(observation, answer=self.workspace.score(endpoint, deployment, test.request))
        from shared.engine.releases.probe_sample import met, requests_of

        table, column = self.data.table(test.load.sample), test.load.expected
        bodies = requests_of(table, column)
        if release.load is None:
            return replace(observation, answer=self.workspace.score(endpoint, deployment, test.request or bodies[0]))
        places = [number % len(bodies) for number in range(release.load.sent, release.load.sent + count)]
        requests = [(deployment, bodies[place]) for place in places]
        answers = self.workspace.probe(endpoint, requests, PORTION, test.load.per_second)
        expected = table[column].iloc[places].tolist() if column else []
        return replace(observation, load=met(test.load, answers, expected))

    def _serving(self, release: Release, observation: Observation) -> Observation:
        judgement = None
        if release.phase == "baking" and release.traffic_since:
            judgement = self._judged(release, release.traffic_since, timedelta(0))
            observation = replace(observation, outcome=outcome_of(self.data, release, self.clock.now()))
        observation = self._with_traffic(release, observation)
        return self._with_probes(release, replace(observation, judgement=judgement))

    def _comparing(self, release: Release, observation: Observation) -> Observation:
        observation = self._with_traffic(release, observation)
        return self.scorer.compared(release, release.plan.batch, observation) if release.plan.batch else observation

    def _watching(self, release: Release, observation: Observation) -> Observation:
        if release.plan.batch:
            return self.scorer.watched(release, release.plan.batch, self._with_traffic(release, observation))
        judgement = None
        if release.traffic_since and release.phase != "ending":
            # Without what is held back, or probes, the champion's intervals from before the promotion are compared.
            is_beside = release.holdback > 0 or release.probed_at
            lag = timedelta(0) if is_beside else _whole(release.plan.watch_for, release)
            judgement = self._judged(release, release.traffic_since, lag)
        observation = self._with_traffic(release, observation)
        return self._with_probes(release, replace(observation, judgement=judgement))

    def _with_probes(self, release: Release, observation: Observation) -> Observation:
        """Add the recorded requests, when probes are due; that they cannot be read is part of the evidence."""
        judgement, plan = observation.judgement, release.plan.probe
        if judgement is None or plan is None or not is_due(release, self.clock.now()):
            return observation
        from shared.engine.releases.probe_sample import requests_of

        try:
            return replace(observation, probe_sample=requests_of(self.data.table(plan.sample)))
        except (PermanentError, RetryableError) as exc:
            reason = f"{judgement.reason}; probes cannot be sent: {exc.message}"
            return replace(observation, judgement=replace(judgement, reason=reason))

    def _rolling_back(self, release: Release, observation: Observation) -> Observation:
        return self._with_traffic(release, observation)

    def _with_traffic(self, release: Release, observation: Observation) -> Observation:
        """Add the endpoint and its desired state."""
        return replace(self._with_endpoint(release, observation), claim=self.endpoints.read(release.endpoint))

    def _with_endpoint(self, release: Release, observation: Observation) -> Observation:
        observed_at = self.clock.now()
        endpoint = endpoints_of(self.workspace, release.plan.endpoint_type).endpoint(release.endpoint)
        return replace(observation, endpoint=endpoint, observed_at=observed_at)

    def other_owner(self, claim: EndpointClaim, release: ReleaseId) -> ReleaseId | None:
        """Return the other release that owns the endpoint; one that has ended does not count."""
        if claim.owner in {None, release}:
            return None
        try:
            owner = self.releases.load(ReleaseId(claim.owner or ""))
        except PermanentError:
            # Nobody can tell whether it has ended: until its record is repaired the endpoint stays its own.
            return claim.owner
        return None if owner is None or owner.release.state.is_terminal else claim.owner

    def _competing(self, release: Release) -> tuple[CompetingRelease, ...]:
        competing = []
        for release_id in self.releases.open_ids(release.endpoint):
            stored = self.releases.readable(release_id) if release_id != release.id else None
            if stored and _is_competing(stored.release, release):
                other, is_held = stored.release, bool(stored.release.held_because)
                competing.append(
                    CompetingRelease(other.id, other.version, other.model_created_at, other.state, is_held)
                )
        return tuple(competing)

    def _champion_created_at(self, release: Release, endpoint: EndpointRecord | None) -> datetime | None:
        serving = {name for name, share in endpoint.traffic.items() if share} if endpoint else set()
        for deployment in endpoint.deployments if endpoint else ():
            if deployment.name in serving and deployment.version and not deployment.version.isdecimal():
                model = self.workspace.model(release.model, deployment.version)
                return model.created_at if model else None
        return None

    def _evaluated(self, release: Release, job: JobRecord) -> tuple[GateResult, ...]:
        from shared.metrics.aggregates import FILE, read_aggregates
        from shared.metrics.estimates import WrongEvidenceError
        from shared.metrics.rows import LISTS
        from shared.release.gates.own_tests import FILES
        from shared.release.gates.registry import judge, reads_aggregates, unreadable

        uri, tests = scores_uri(job), None
        try:
            if any(gate.kind == "tests" for gate in release.plan.gates):
                documents = (self.data.document(f"{uri.rstrip('/')}/{file}") for file in FILES)
                tests = next((results for results in documents if results is not None), None)
            document = self.data.document(f"{uri.rstrip('/')}/{FILE}") if reads_aggregates(release) else None
            aggregates = read_aggregates(document) if document is not None else ()
            scores = self.data.table(uri, LISTS)
        except WrongEvidenceError as exc:
            return unreadable(release, str(exc), Verdict.FAIL)
        except PermanentError as exc:
            if exc.code != "data.missing" or not (aggregates or tests):
                return unreadable(release, exc.message)
            scores = None
        return judge(release, "evaluation", scores, aggregates, tests)

    def _judged(self, release: Release, since: datetime, lag: timedelta) -> Judgement | None:
        return judged(self.telemetry, self.data, release, since, lag, self.clock.now())


_LOOKS: Mapping[ReleaseState, Callable[[Observer, Release, Observation], Observation]] = {
    ReleaseState.OPENED: Observer._opened,
    ReleaseState.GATING: Observer._gating,
    ReleaseState.EVALUATING: Observer._evaluating,
    ReleaseState.AWAITING_APPROVAL: Observer._awaiting_approval,
    ReleaseState.DEPLOYING: Observer._deploying,
    ReleaseState.SHADOWING: Observer._serving,
    ReleaseState.COMPARING: Observer._comparing,
    ReleaseState.CANARY: Observer._serving,
    ReleaseState.WATCHING: Observer._watching,
    ReleaseState.ROLLING_BACK: Observer._rolling_back,
}


def scores_uri(job: JobRecord) -> str:
    """Return where the evaluation's scores are; where Azure ML puts them when it does not say."""
    return job.outputs.get("scores") or datastore_uri(f"azureml/{job.name}/scores/")


def _is_competing(other: Release, release: Release) -> bool:
    return other.model == release.model and other.endpoint == release.endpoint and not other.state.is_terminal


def _whole(length: timedelta, release: Release) -> timedelta:
    """Return the length, rounded up to whole intervals."""
    interval = release.plan.judge.interval
    return -(-length // interval) * interval
