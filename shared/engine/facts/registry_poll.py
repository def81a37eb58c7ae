"""Looks for what no event told: versions of models and data, jobs that ended, drift that monitors found, deployments.

An event can be lost before it reaches us. What it would have told is read from the workspace, put into the words of
that event, and sent the event's own way, so that it becomes the same fact with the same key, and the event a duplicate
should it come after all.

A look costs one listing of the jobs and, for each policy, one of its model's newest versions and one of its endpoint's
deployments, however much there is in the workspace; and for each training on new data a read of what it would run on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from shared.domain.fact import Fact
from shared.domain.ids import EndpointName, JobName, ModelName
from shared.domain.training import is_data_version
from shared.engine.notices.access import notify_refusal
from shared.errors import VigiaError
from shared.events.monitor_breach import BREACH_TAG
from shared.events.registry import parse_fact
from shared.events.sent.polled import data_arrived, model_deployed, model_registered, run_completed, run_status_changed
from shared.events.wire.envelope import read_events
from shared.logs import fields
from shared.policy.sections.model import Policy
from shared.ports.clock import Clock
from shared.ports.endpoints import DeploymentRecord
from shared.ports.jobs import JobRecord
from shared.ports.outbox import Outbox
from shared.ports.queues import EVENTS, MessageQueue, text_digest
from shared.ports.workspace import Workspace
from shared.reactions.retrain_section import Retrain
from shared.reactions.spec import ModelMemory
from shared.store.facts.ledger import Ledger
from shared.store.facts.polls import JobsMark, Mark, Marks, PollMarks

log = logging.getLogger("vigia.poll")
T = TypeVar("T")

# A version may show up in the listing later than one that was created after it.
OVERLAP = timedelta(hours=1)
# Of a model that got more versions since the last look only the newest are told: they supersede the others.
MOST_VERSIONS = 100
# Jobs that were created so long before the last look are not listed. Ours are asked for by name beyond that.
JOBS_LISTED_FOR = timedelta(days=1)
MOST_JOBS = 5000
# The end of a training that runs for longer is no news to anyone.
TRAINING_FORGOTTEN_AFTER = timedelta(days=30)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Jobs:
    """A look at the jobs: the next mark, those that were listed, and the names of those whose end was told."""

    mark: JobsMark | None
    listed: Mapping[JobName, JobRecord]
    told: Collection[JobName]
    missed: int


@dataclass(frozen=True)
class RegistryPoll:
    """Asks for what is newer than the last look, and for each training whose end is unknown."""

    policies: tuple[Policy, ...]
    workspace: Workspace
    models: ModelMemory
    ledger: Ledger
    marks: PollMarks
    queue: MessageQueue
    outbox: Outbox
    clock: Clock
    source: str

    def run(self) -> int:
        """Send what the ledger does not know to queue `events`, and return how much that was.

        One listing's trouble does not keep the others waiting; it is looked at again from where it was left.
        """
        before, etag = self.marks.read()
        jobs = self._or("jobs", lambda: self._jobs(before.jobs), _Jobs(before.jobs, {}, (), 0))
        missed = jobs.missed
        versions: dict[ModelName, Mark] = {}
        for model in dict.fromkeys(policy.model for policy in self.policies):
            missed += self._or(model, lambda of=model: self._ended_trainings(of, jobs), 0)  # type: ignore[misc]
            known = before.of.get(model)
            mark, found = self._or(model, lambda of=model, at=known: self._new_versions(of, at), (known, 0))  # type: ignore[misc]
            missed += found
            if mark:
                versions[model] = mark
        deployments: dict[EndpointName, tuple[str, ...]] = {}
        for endpoint in _online_endpoints(self.policies):
            seen = before.deployments.get(endpoint)
            up, found = self._or(endpoint, lambda of=endpoint, at=seen: self._deployments(of, at), (seen, 0))  # type: ignore[misc]
            missed += found
            if up is not None:
                deployments[endpoint] = up
        data: dict[ModelName, tuple[str, ...]] = {}
        for policy in self.policies:
            read = before.data.get(policy.model)
            assets, found = self._or(policy.model, lambda of=policy, at=read: self._new_data(of, at), (read, 0))  # type: ignore[misc]
            missed += found
            if assets:
                data[policy.model] = assets
        # Only now: after a crash the same things are looked at again, which is harmless.
        if (after := Marks(versions, jobs.mark, deployments, data)) != before:
            self.marks.save(after, etag)
        return missed

    def _or(self, what: str, look: Callable[[], T], otherwise: T) -> T:
        """Return what the look comes to; `otherwise` when something is in its way."""
        try:
            return look()
        except VigiaError as exc:
            log.warning("poll.delayed", extra=fields(subject=what, code=exc.code, reason=exc.message))
            notify_refusal(exc, self.outbox, self.clock.now())
            return otherwise

    def _new_versions(self, model: ModelName, mark: Mark | None) -> tuple[Mark | None, int]:
        """Tell what was registered since the mark; return the next mark and how much was told.

        The first look at a model tells nothing: what was registered before anyone watched is not to be released.
        """
        if mark is None:
            there = self.workspace.models_after(model, _BEGINNING, 1)
            newest = there[0].created_at if there else _BEGINNING
            return Mark(newest, newest), 0
        found = self.workspace.models_after(model, max(mark.first, mark.newest - OVERLAP), MOST_VERSIONS)
        if not found:
            return mark, 0
        if len(found) == MOST_VERSIONS:
            log.warning("poll.cut", extra=fields(model=model, told=MOST_VERSIONS))
        told = sum(self._tell(model_registered(self.source, version)) for version in reversed(found))
        return Mark(mark.first, max(mark.newest, found[0].created_at)), told

    def _jobs(self, mark: JobsMark | None) -> _Jobs:
        """Tell which jobs have ended since the mark and which monitors found drift, whoever submitted them.

        The first look tells nothing: what ended before anyone watched is no news.
        """
        now = self.clock.now()
        looked_at = max(mark.looked_at, now) if mark else now
        found = self.workspace.recent_jobs((mark.looked_at if mark else now) - JOBS_LISTED_FOR, MOST_JOBS)
        if len(found) == MOST_JOBS:
            log.warning("poll.cut", extra=fields(subject="jobs", told=MOST_JOBS))
        traces = {_trace(job): job for job in reversed(found) if job.has_ended or BREACH_TAG in job.tags}
        new = [job for trace, job in traces.items() if mark and trace not in mark.seen]
        missed = sum(self._tell(body) for job in new for body in self._bodies(job, now))
        listed = {job.name: job for job in found}
        return _Jobs(JobsMark(looked_at, tuple(sorted(traces))), listed, {job.name for job in new}, missed)

    def _bodies(self, job: JobRecord, now: datetime) -> Iterator[str]:
        yield run_status_changed(self.source, job, now)
        if BREACH_TAG in job.tags and job.has_succeeded:
            # The tag makes a change of status the news of a breach; the end of the run is another event.
            yield run_completed(self.source, job, now)

    def _ended_trainings(self, model: ModelName, jobs: _Jobs) -> int:
        told, now = 0, self.clock.now()
        for training in self.models.read(model).trainings:
            is_forgotten = now - training.started_at > TRAINING_FORGOTTEN_AFTER
            if training.outcome is not None or is_forgotten or training.job in jobs.told:
                continue
            job = jobs.listed.get(training.job) or self.workspace.job(training.job)
            if job and job.has_ended:
                told += self._tell(run_status_changed(self.source, job, now))
        return told

    def _deployments(self, endpoint: EndpointName, seen: tuple[str, ...] | None) -> tuple[tuple[str, ...] | None, int]:
        """Tell which deployments came up, or serve another model, since the last look; return what is up, and how much
        was told. The first look at an endpoint tells nothing."""
        found = self.workspace.deployments(endpoint)
        up = {_served(each): each for each in found if each.state == "Succeeded" and each.model}
        new = [each for served, each in up.items() if seen is not None and served not in seen and each.operation]
        told = sum(self._tell(model_deployed(self.source, endpoint, each, self.clock.now())) for each in new)
        # What is being changed for the moment is not new when it is up again as it was.
        changing = {_served(each) for each in found if each.state != "Succeeded"} & set(seen or ())
        return tuple(sorted({*up, *changing})), told

    def _new_data(self, policy: Policy, seen: tuple[str, ...] | None) -> tuple[tuple[str, ...], int]:
        """Tell which data assets of the training have another version than at the last look; return what they are now,
        and how much was told. No event exists for that. The first look at an asset tells nothing."""
        retrain = policy.section(Retrain)
        if retrain is None or "new-data" not in retrain.on or not any(map(_is_latest, retrain.inputs.values())):
            return (), 0
        latest = {name: value for name, value in retrain.inputs.items() if _is_latest(value)}
        now = self.workspace.recipe(retrain.job, latest).inputs.values()
        assets = tuple(sorted({value for value in now if is_data_version(value)}))
        known = {_name_of(each) for each in seen or ()}
        new = [each for each in assets if seen is not None and each not in seen and _name_of(each) in known]
        read = self._last_read(policy.model) if new else ()
        return assets, sum(self._tell(self._data_arrived(each)) for each in new if each not in read)

    def _data_arrived(self, asset: str) -> str:
        _, name, version = asset.split(":")
        return data_arrived(self.source, name, version, self.clock.now())

    def _last_read(self, model: ModelName) -> Collection[str]:
        """Return what the model's last training read: somebody's own event may have told of the version before."""
        trainings = self.models.read(model).trainings
        job = self.workspace.job(trainings[-1].job) if trainings else None
        return job.recipe.inputs.values() if job and job.recipe else ()

    def _tell(self, body: str) -> bool:
        """Send the event unless the ledger knows its fact; return whether it did not."""
        (envelope,) = read_events(body)
        fact = parse_fact(envelope)
        if not isinstance(fact, Fact) or self.ledger.entry(fact.key) is not None:
            return False
        self.queue.send(EVENTS, body)
        log.warning("poll.missed", extra=fields(kind=fact.kind, subject=fact.subject, fact=fact.key[:16]))
        return True


def _online_endpoints(policies: Collection[Policy]) -> tuple[EndpointName, ...]:
    return tuple(dict.fromkeys(policy.endpoint.name for policy in policies if policy.endpoint.type == "online"))


def _is_latest(value: str) -> bool:
    return value.startswith("azureml:") and value.endswith("@latest")


def _name_of(asset: str) -> str:
    return asset.split(":")[1]


def _trace(job: JobRecord) -> str:
    """Return what there is to be told of a job: its end, and the breach it is tagged with."""
    end = job.status if job.has_ended else ""
    breach = text_digest(job.tags[BREACH_TAG])[:16] if BREACH_TAG in job.tags else ""
    return f"{job.name} {end} {breach}".rstrip()


def _served(deployment: DeploymentRecord) -> str:
    return f"{deployment.name} {deployment.model}:{deployment.version}"
