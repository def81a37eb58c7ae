"""Finds what no event announced: versions of models and data, ended jobs, drift that monitors found, deployments.

An event can be lost before it reaches us. What it would have said is read from the workspace, written as that event,
and sent the event's own way: it becomes the same fact with the same key, and the event a duplicate should it come after
all.

A look costs one listing of the jobs and, for each policy, one of its model's newest versions and one of its endpoint's
deployments, however much there is in the workspace; and for each training on new data a read of what it would run on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
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
K = TypeVar("K", bound=str)
V = TypeVar("V")

# A version may show up in the listing later than one that was created after it.
OVERLAP = timedelta(hours=1)
# Of a model that got more versions since the last look only the newest are published: they supersede the others.
MOST_VERSIONS = 100
# Jobs that were created so long before the last look are not listed. Ours are asked for by name beyond that.
JOBS_LISTED_FOR = timedelta(days=1)
MOST_JOBS = 5000
# The end of a training that runs for longer is no news to anyone.
TRAINING_FORGOTTEN_AFTER = timedelta(days=30)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Jobs:
    """A look at the jobs: the next mark, those that were listed, and the names of those whose end was published.

    Args:
        missed: how many events the ledger lacked.
    """

    mark: JobsMark | None
    listed: Mapping[JobName, JobRecord]
    published: Collection[JobName]
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
        """Send the events whose facts the ledger lacks to queue `events`, and return how many those were.

        When one listing fails, the others go on; the next run looks from where the failed one stands.
        """
        previous, etag = self.marks.read()
        jobs = self._or("jobs", partial(self._jobs, previous.jobs), _Jobs(previous.jobs, {}, (), 0))
        models = dict.fromkeys(policy.model for policy in self.policies)
        missed = jobs.missed + sum(self._or(model, partial(self._ended_trainings, model, jobs), 0) for model in models)
        versions, missed_versions = self._look_at_all(models, previous.of, self._new_versions)
        deployments, missed_deployments = self._look_at_all(
            _online_endpoints(self.policies), previous.deployments, self._new_deployments
        )
        data, missed_data = self._look_at_all(
            {policy.model: policy for policy in self.policies}, previous.data, self._new_data
        )
        data = {model: assets for model, assets in data.items() if assets}
        # The marks last: after a crash the same things are looked at again, and the ledger knows what was sent.
        if (updated := Marks(versions, jobs.mark, deployments, data)) != previous:
            self.marks.save(updated, etag)
        return missed + missed_versions + missed_deployments + missed_data

    def _look_at_all(
        self, subjects: Iterable[K], marks: Mapping[K, V], look: Callable[[K, V | None], tuple[V | None, int]]
    ) -> tuple[dict[K, V], int]:
        """Look at each subject from its mark on; return the next marks, and how many events the ledger lacked."""
        updated: dict[K, V] = {}
        total = 0
        for subject in subjects:
            mark = marks.get(subject)
            mark, missed = self._or(str(subject), partial(look, subject, mark), (mark, 0))
            total += missed
            if mark is not None:
                updated[subject] = mark
        return updated, total

    def _or(self, subject: str, look: Callable[[], T], otherwise: T) -> T:
        """Return what the look comes to; `otherwise` when Azure ML or the storage keeps it from ending."""
        try:
            return look()
        except VigiaError as exc:
            log.warning("poll.delayed", extra=fields(subject=subject, code=exc.code, reason=exc.message))
            notify_refusal(exc, self.outbox, self.clock.now())
            return otherwise

    def _new_versions(self, model: ModelName, mark: Mark | None) -> tuple[Mark | None, int]:
        """Publish what was registered since the mark; return the next mark and how many events the ledger lacked.

        The first look at a model publishes nothing: what was registered before anyone watched is not to be released.
        """
        if mark is None:
            newest = self.workspace.models_after(model, _BEGINNING, 1)
            created_at = newest[0].created_at if newest else _BEGINNING
            return Mark(created_at, created_at), 0
        versions = self.workspace.models_after(model, max(mark.first, mark.newest - OVERLAP), MOST_VERSIONS)
        if not versions:
            return mark, 0
        if len(versions) == MOST_VERSIONS:
            log.warning("poll.truncated", extra=fields(model=model, limit=MOST_VERSIONS))
        # Oldest first, as their events would have come: a higher version supersedes a lower one.
        missed = sum(self._publish(model_registered(self.source, version)) for version in reversed(versions))
        return Mark(mark.first, max(mark.newest, versions[0].created_at)), missed

    def _jobs(self, mark: JobsMark | None) -> _Jobs:
        """Publish which jobs have ended since the mark and which monitors found drift, no matter who submitted them.

        The first look publishes nothing: what ended before anyone watched is no news.
        """
        now = self.clock.now()
        looked_at = max(mark.looked_at, now) if mark else now
        jobs = self.workspace.recent_jobs((mark.looked_at if mark else now) - JOBS_LISTED_FOR, MOST_JOBS)
        if len(jobs) == MOST_JOBS:
            log.warning("poll.truncated", extra=fields(subject="jobs", limit=MOST_JOBS))
        traces = {_trace(job): job for job in reversed(jobs) if job.has_ended or BREACH_TAG in job.tags}
        new = [job for trace, job in traces.items() if mark and trace not in mark.seen]
        missed = sum(self._publish(body) for job in new for body in self._bodies(job, now))
        listed = {job.name: job for job in jobs}
        return _Jobs(JobsMark(looked_at, tuple(sorted(traces))), listed, {job.name for job in new}, missed)

    def _bodies(self, job: JobRecord, now: datetime) -> Iterator[str]:
        yield run_status_changed(self.source, job, now)
        if BREACH_TAG in job.tags and job.has_succeeded:
            # The tag makes a change of status the news of a breach; the end of the run is another event.
            yield run_completed(self.source, job, now)

    def _ended_trainings(self, model: ModelName, jobs: _Jobs) -> int:
        """Publish the ends of the model's trainings that the listing does not reach back to."""
        missed, now = 0, self.clock.now()
        for training in self.models.read(model).trainings:
            is_forgotten = now - training.started_at > TRAINING_FORGOTTEN_AFTER
            if training.outcome is not None or is_forgotten or training.job in jobs.published:
                continue
            job = jobs.listed.get(training.job) or self.workspace.job(training.job)
            if job and job.has_ended:
                missed += self._publish(run_status_changed(self.source, job, now))
        return missed

    def _new_deployments(
        self, endpoint: EndpointName, mark: tuple[str, ...] | None
    ) -> tuple[tuple[str, ...] | None, int]:
        """Publish which deployments came up, or serve another model, since the last look; return what is up, and how
        many events the ledger lacked. The first look at an endpoint publishes nothing."""
        deployments = self.workspace.deployments(endpoint)
        up = {_served(deployment): deployment for deployment in deployments if _is_up(deployment)}
        new = [up[served] for served in up if mark is not None and served not in mark and up[served].operation]
        now = self.clock.now()
        missed = sum(self._publish(model_deployed(self.source, endpoint, deployment, now)) for deployment in new)
        # What is being changed for the moment is not new when it is up again as it was.
        changing = {_served(deployment) for deployment in deployments if deployment.state != "Succeeded"}
        return tuple(sorted({*up, *(changing & set(mark or ()))})), missed

    def _new_data(self, model: ModelName, mark: tuple[str, ...] | None) -> tuple[tuple[str, ...] | None, int]:
        """Publish which data assets of the training have another version than at the last look; return what they are
        now, and how many events the ledger lacked. No event exists for that. The first look at an asset publishes
        nothing."""
        policy = next(policy for policy in self.policies if policy.model == model)
        retrain = policy.section(Retrain)
        if retrain is None or "new-data" not in retrain.on or not any(map(_is_latest, retrain.inputs.values())):
            return (), 0
        latest = {name: value for name, value in retrain.inputs.items() if _is_latest(value)}
        inputs = self.workspace.recipe(retrain.source(policy), latest).inputs.values()
        assets = tuple(sorted({value for value in inputs if is_data_version(value)}))
        watched = {_asset_name(asset) for asset in mark or ()}
        new = [asset for asset in assets if asset not in (mark or ()) and _asset_name(asset) in watched]
        read = self._last_read(model) if new else ()
        return assets, sum(self._publish(self._data_arrived(asset)) for asset in new if asset not in read)

    def _data_arrived(self, asset: str) -> str:
        _, name, version = asset.split(":")
        return data_arrived(self.source, name, version, self.clock.now())

    def _last_read(self, model: ModelName) -> Collection[str]:
        """Return what the model's last training read: somebody's own event may have announced the version before."""
        trainings = self.models.read(model).trainings
        job = self.workspace.job(trainings[-1].job) if trainings else None
        return job.recipe.inputs.values() if job and job.recipe else ()

    def _publish(self, body: str) -> bool:
        """Send the event unless the ledger has its fact; return whether it was sent."""
        (envelope,) = read_events(body)
        fact = parse_fact(envelope)
        if not isinstance(fact, Fact) or self.ledger.entry(fact.key) is not None:
            return False
        self.queue.send(EVENTS, body)
        log.warning("poll.missing_event_found", extra=fields(kind=fact.kind, subject=fact.subject, fact=fact.key[:16]))
        return True


def _online_endpoints(policies: Collection[Policy]) -> tuple[EndpointName, ...]:
    return tuple(dict.fromkeys(policy.endpoint.name for policy in policies if policy.endpoint.type == "online"))


def _is_latest(value: str) -> bool:
    return value.startswith("azureml:") and value.endswith("@latest")


def _asset_name(asset: str) -> str:
    return asset.split(":")[1]


def _trace(job: JobRecord) -> str:
    """Return what there is to be published about a job: its end, and the breach it is tagged with."""
    end = job.status if job.has_ended else ""
    breach = text_digest(job.tags[BREACH_TAG])[:16] if BREACH_TAG in job.tags else ""
    return f"{job.name} {end} {breach}".rstrip()


def _is_up(deployment: DeploymentRecord) -> bool:
    return deployment.state == "Succeeded" and bool(deployment.model)


def _served(deployment: DeploymentRecord) -> str:
    return f"{deployment.name} {deployment.model}:{deployment.version}"
