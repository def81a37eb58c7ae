"""The production code over simulated services: nothing but the stores outlives a worker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any, cast

from shared.domain.ids import ReleaseId
from shared.domain.messages import address_of
from shared.domain.releases.release import ReleaseState
from shared.domain.state import ModelState
from shared.engine.facts.alerts import Alerts
from shared.engine.facts.process import Processor
from shared.engine.facts.route import Place, Router
from shared.engine.notices.bursts import Bursts
from shared.engine.notices.outbox import NoticeOutbox
from shared.engine.recovery.arrivals import Arrivals
from shared.engine.recovery.sweep import LateResumption, Sweep
from shared.engine.releases.desk import ReleaseDesk
from shared.policy.deciding.book import PolicyBook
from shared.policy.reading.people import Directory
from shared.policy.sections.model import Policy
from shared.ports.blobs import Blob
from shared.ports.workspace import Workspace
from shared.store.codec import decode, encode
from shared.store.facts.arrivals import ArrivalStore
from shared.store.facts.dead_letters import GivenUpEvents
from shared.store.facts.large_events import LargeEvents
from shared.store.facts.ledger import Claim, Claimed, Ledger
from shared.store.facts.posted_results import PostedResults
from shared.store.facts.quarantine import Quarantine
from shared.store.facts.queue_errors import QueueErrors
from shared.store.notices.bursts import BurstStore
from shared.store.notices.outbox import OutboxStore
from shared.store.releases.endpoints import EndpointStore
from shared.store.releases.models import ModelStates
from shared.store.releases.releases import ReleaseStore
from tests.fakes.workspace import FakeWorkspace
from tests.settings import settings_for
from tests.simulation.controller.sky import Sky
from tests.simulation.ports import (
    SimulatedBlobs,
    SimulatedChannel,
    SimulatedClock,
    SimulatedQueue,
    SimulatedWorkspace,
    release_of,
)
from tests.simulation.run import Run
from tests.simulation.services import Blobs, Inbox, Queues
from tests.simulation.stories import MODELS, failing_training
from tests.unit.engine.fact_world import LEASE, POLICY, a_policy

NOTIFY = "[drift-detected, training-started, training-failed, budget-crossed]"
EVERYTHING = (
    "[drift-detected, training-started, reaction-suppressed, retraining-frozen, event-quarantined, release-opened]"
)


@dataclass(frozen=True)
class Parts:
    """The classes that a world is made of; a broken variant puts its own in place of one."""

    ledger: Callable[..., Ledger] = Ledger
    models: Callable[..., ModelStates] = ModelStates
    releases: Callable[..., ReleaseStore] = ReleaseStore
    outbox_store: Callable[..., OutboxStore] = OutboxStore
    outbox: Callable[..., NoticeOutbox] = NoticeOutbox
    processor: Callable[..., Processor] = Processor
    quarantine: Callable[..., Quarantine] = Quarantine
    arrivals: Callable[..., Arrivals] = Arrivals
    has_sweep: bool = True


@cache
def policies() -> tuple[Policy, ...]:
    churn = POLICY.replace(NOTIFY, EVERYTHING)
    fraud = churn.replace("churn", MODELS[1])
    return a_policy(churn), a_policy(fraud)


@dataclass
class SometimesUnreadable(Blobs):
    """The blob service, with areas that cannot be read for a while."""

    sky: Sky = field(default_factory=Sky)

    def get(self, name: str, now: datetime) -> Blob | None:
        self.sky.check(f"{name.partition('/')[0]} r", now)
        return super().get(name, now)


class World:
    """It is the app, too, that the queues' functions work with, and the workspaces of which it is the only one."""

    def __init__(
        self, run: Run, parts: Parts, refused: frozenset[str], poison_every: timedelta, has_policy: bool = True
    ) -> None:
        self.sky = Sky()
        self.blobs, self.queues, self.inbox = SometimesUnreadable(sky=self.sky), Queues(), Inbox()
        self.azureml = FakeWorkspace(job_outcome="Running", job_outcomes={failing_training(): "Failed"})
        for model, version in ((MODELS[0], "7"), (MODELS[0], "8"), (MODELS[1], "8")):
            self.azureml.register(model, version)
            self.azureml.serve(model, version)
        # Who was told that a version of a claim is theirs: (version, worker).
        self.holders: list[tuple[str, str]] = []
        self.releases_woken: set[str] = set()
        self.lifts = Counter[str]()
        self._run, self._looked_at, self._poison_every = run, run.now, poison_every
        blobs, clock, queue = SimulatedBlobs(run, self.blobs), SimulatedClock(run), SimulatedQueue(run, self.queues)
        self.clock, self.queue = clock, queue
        self.queue_errors, self.large_events = QueueErrors(blobs, clock), LargeEvents(blobs)
        self.ledger = self._watched(parts.ledger(blobs, LEASE))
        self.releases = parts.releases(blobs)
        self.outbox = parts.outbox(
            store=parts.outbox_store(blobs),
            queue=queue,
            clock=clock,
            policies=policies(),
            people=Directory(),
            channels={"teams": SimulatedChannel(run, self.inbox)},
            public_url="https://vigia.example",
            bursts=Bursts(parts.outbox_store(blobs), BurstStore(blobs), queue, clock),
        )
        self.processor = parts.processor(
            policies=policies() if has_policy else policies()[1:],
            ledger=self.ledger,
            models=parts.models(blobs),
            workspace=cast(Workspace, SimulatedWorkspace(run, self.azureml, refused, self.sky)),
            releases=ReleaseDesk(self.releases, EndpointStore(blobs), queue, clock),
            outbox=self.outbox,
            quarantine=parts.quarantine(blobs),
            clock=clock,
        )
        self.alerts = Alerts(parts.quarantine(blobs), self.outbox, PostedResults(blobs))
        self.settings, self.first = settings_for(), self
        self.alerts = Alerts(parts.quarantine(blobs), self.outbox, PostedResults(blobs))
        self.arrivals = parts.arrivals(
            ArrivalStore(blobs),
            GivenUpEvents(SimulatedBlobs(run, Blobs())),
            queue,
            Quarantine(blobs),
            self.outbox,
            clock,
            self.large_events,
        )
        self.has_sweep = parts.has_sweep
        late = LateResumption(lambda: self.processor)
        self._sweep = Sweep(self.ledger, self.releases, late, self.outbox, queue, clock)

    @property
    def router(self) -> Router:
        return Router((Place("", cast(Any, None), PolicyBook(()), self.processor),))

    def addressed(self, text: str) -> tuple[World, str]:
        return self, address_of(text)[1]

    def add_policy(self) -> None:
        """Have the workers that start from now on know the first model's policy."""
        self.processor = replace(self.processor, policies=policies())

    def sweep(self) -> None:
        """Do what the minute's timer does; poison, where a run is not about it, is looked at less often."""
        try:
            if self.has_sweep:
                self._sweep.run()
            else:
                self.outbox.requeue_overdue()
        finally:
            if self._run.now - self._looked_at >= self._poison_every:
                self._looked_at = self._run.now
                self.arrivals.look()

    def lift_freezes(self) -> bool:
        """Do what `vigia unfreeze` does, without trouble; False when nothing is frozen."""
        previous = self.lifts.total()
        for name, versions in self.blobs.history.items():
            if name.startswith("models/") and (state := decode(ModelState, versions[-1].body)).freeze:
                self.blobs.put(name, encode(replace(state, freeze=None)), None, self._run.now)
                self.lifts[name] += 1
        return self.lifts.total() > previous

    def settle(self, text: str) -> None:
        """End a release at its first look: how it goes on from there is another story."""
        release = ReleaseId(release_of(text))
        stored = self.releases.load(release)
        if stored is None or stored.release.is_settled:
            return
        self.releases_woken.add(release)
        notices = stored.release.notices
        self.outbox.post(notices[stored.release.posted :])
        ended = replace(stored.release, state=ReleaseState.FINISHED, is_settled=True, posted=len(notices))
        self.releases.save(stored, ended)

    def _watched(self, ledger: Ledger) -> Ledger:
        claim, take_over = ledger.claim, ledger.take_over

        def noted(made: Claim | None) -> Any:
            if isinstance(made, Claimed) and self._run.active:
                self.holders.append((made.etag, self._run.active.name))
            return made

        watched: Any = ledger
        watched.claim = lambda *args, **named: noted(claim(*args, **named))
        watched.take_over = lambda key: noted(take_over(key))
        return ledger


def duplicates(came: Sequence[tuple[str, str]]) -> int:
    """Return how many messages were one too many."""
    return len(came) - len(set(came))
