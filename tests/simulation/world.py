"""The production code over simulated services: nothing but the stores outlives a worker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any, TypeVar

from shared.bootstrap import Workspaces
from shared.domain.ids import ReleaseId
from shared.domain.releases.release import ReleaseState
from shared.domain.state import ModelState
from shared.engine.facts.process import Processor
from shared.engine.notices.outbox import NoticeOutbox
from shared.engine.recovery.arrivals import Arrivals
from shared.policy.reading.people import Directory
from shared.policy.sections.model import Policy
from shared.ports.blobs import Blob
from shared.store.codec import decode, encode
from shared.store.facts.ledger import Claim, Claimed, Ledger
from shared.store.facts.quarantine import Quarantine
from shared.store.notices.outbox import OutboxStore
from shared.store.releases.models import ModelStates
from shared.store.releases.releases import ReleaseStore
from tests.fakes.app import MemoryApp
from tests.fakes.workspace import FakeWorkspace
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
from tests.unit.engine.fact_world import LEASE, POLICY, SETTINGS, a_policy

NOTIFY = "[drift-detected, training-started, training-failed, budget-crossed]"
EVERYTHING = (
    "[drift-detected, training-started, reaction-suppressed, retraining-frozen, event-quarantined, release-opened]"
)

_Part = TypeVar("_Part")


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


class World(MemoryApp):
    """The app that the queues' functions work with: its own wiring, but for the parts that a variant breaks."""

    def __init__(
        self, run: Run, parts: Parts, refused: frozenset[str], poison_every: timedelta, has_policy: bool = True
    ) -> None:
        self.sky = Sky()
        self.storage, self.queues, self.inbox = SometimesUnreadable(sky=self.sky), Queues(), Inbox()
        self.azureml = FakeWorkspace(job_outcome="Running", job_outcomes={failing_training(): "Failed"})
        for model, version in ((MODELS[0], "7"), (MODELS[0], "8"), (MODELS[1], "8")):
            self.azureml.register(model, version)
            self.azureml.serve(model, version)
        # Who was told that a version of a claim is theirs: (version, worker).
        self.holders: list[tuple[str, str]] = []
        self.releases_woken: set[str] = set()
        self.lifts = Counter[str]()
        self._run, self._looked_at, self._poison_every = run, run.now, poison_every
        super().__init__(
            SETTINGS,
            SimulatedClock(run),
            policies() if has_policy else policies()[1:],
            blobs=SimulatedBlobs(run, self.storage),
            dead_letter_blobs=SimulatedBlobs(run, Blobs()),
            queue=SimulatedQueue(run, self.queues),
            workspace=SimulatedWorkspace(run, self.azureml, refused, self.sky),
            people=Directory(),
        )
        self.has_sweep, self._processor = parts.has_sweep, parts.processor
        self.ledger = self._watched(parts.ledger(self.blobs, LEASE))
        self.models, self.releases = parts.models(self.blobs), parts.releases(self.blobs)
        self.quarantine, self.outbox_store = parts.quarantine(self.blobs), parts.outbox_store(self.blobs)
        outbox = _as(parts.outbox, self.outbox)
        self.outbox = replace(outbox, policies=policies(), channels={"teams": SimulatedChannel(run, self.inbox)})
        self.arrivals = _as(parts.arrivals, self.arrivals)
        self._decide_by(self.policies)

    def _decide_by(self, policies: tuple[Policy, ...]) -> None:
        self.policies = policies
        self.__dict__.pop("processor", None)
        # The stories' drift is of no look that the app has had: that it is asked for is another story.
        self.processor = replace(_as(self._processor, self.processor), looks=None)
        self.workspaces = Workspaces(self)

    def add_policy(self) -> None:
        """Have the workers that start from now on know the first model's policy."""
        self._decide_by(policies())

    def tick(self) -> None:
        """Do what the minute's timer does; poison, where a run is not about it, is looked at less often."""
        try:
            if self.has_sweep:
                self.sweep.run()
            else:
                self.outbox.requeue_overdue()
        finally:
            if self._run.now - self._looked_at >= self._poison_every:
                self._looked_at = self._run.now
                self.arrivals.look()

    def lift_freezes(self) -> bool:
        """Do what `vigia unfreeze` does, without trouble; False when nothing is frozen."""
        previous = self.lifts.total()
        for name, versions in self.storage.history.items():
            if name.startswith("models/") and (state := decode(ModelState, versions[-1].body)).freeze:
                self.storage.put(name, encode(replace(state, freeze=None)), None, self._run.now)
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


def _as(kind: Callable[..., _Part], own: Any) -> _Part:
    """Return the app's own part as an instance of another class of its kind."""
    return kind(**{field.name: getattr(own, field.name) for field in fields(own)})


def duplicates(came: Sequence[tuple[str, str]]) -> int:
    """Return how many messages were one too many."""
    return len(came) - len(set(came))
