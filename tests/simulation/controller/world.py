"""The controller over simulated services, and the people around it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, cast

from shared.domain.ids import EndpointName, ReleaseId
from shared.domain.releases.release import Release
from shared.engine.recovery.sweep import LateResumption, Sweep
from shared.engine.releases.approvals import Approvals
from shared.engine.releases.cards import Cards
from shared.engine.releases.desk import ReleaseDesk
from shared.engine.releases.endpoint_keeper import EndpointKeeper
from shared.engine.releases.reconcile import Reconciler
from shared.engine.releases.retry import Retrier
from shared.engine.releases.undo import Undoer
from shared.errors import VigiaError
from shared.ports.workspace import Workspace
from shared.store.codec import decode
from shared.store.facts.ledger import Ledger
from shared.store.monitors.profiles import Profiles
from shared.store.releases.approvals import ApprovalRecords
from shared.store.releases.endpoints import EndpointStore
from shared.store.releases.releases import ReleaseStore
from tests.fakes.workspace import FakeWorkspace
from tests.simulation.controller.azureml import AzureMl
from tests.simulation.controller.evidence import SimulatedData
from tests.simulation.controller.ports import (
    ControllerWorkspace,
    Notices,
    ServiceTime,
    SimulatedTelemetry,
    WatchedBlobs,
)
from tests.simulation.controller.sky import Sky
from tests.simulation.controller.story import VERSIONS, Damage, Story
from tests.simulation.ports import SimulatedBlobs, SimulatedQueue
from tests.simulation.run import Run
from tests.simulation.services import Blobs, Queues, Version
from tests.unit.engine.fact_world import LEASE


@dataclass(frozen=True)
class Parts:
    """The classes that a world is made of; a broken variant puts its own in place of one."""

    reconciler: Callable[..., Reconciler] = Reconciler
    keeper: Callable[..., EndpointKeeper] = EndpointKeeper
    releases: Callable[..., ReleaseStore] = ReleaseStore
    endpoints: Callable[..., EndpointStore] = EndpointStore
    approvals: Callable[..., Approvals] = Approvals
    desk: Callable[..., ReleaseDesk] = ReleaseDesk


class NoNotices:
    """The notices' own outbox has a simulator of its own."""

    def requeue_overdue(self) -> None: ...


class World:
    def __init__(self, run: Run, parts: Parts, story: Story) -> None:
        self.run, self.sky = run, Sky()
        self.blobs, self.queues = WatchedBlobs(sky=self.sky, run=run), Queues()
        self.azureml = AzureMl(
            takes=story.traffic_takes, outcome=dict(story.outcomes), is_batch=story.plan.batch is not None
        )
        self.notices = Notices(run, self.sky)
        # Which release a worker looks at.
        self.looking: dict[str, ReleaseId] = {}
        self._whole: dict[str, tuple[str, Version]] = {}
        fake = FakeWorkspace()
        for model in story.models:
            for version in VERSIONS:
                fake.register(model, version)
            if story.has_champion:
                self.azureml.serve(EndpointName(model), model, "1", run.now)
        blobs, clock, queue = (
            SimulatedBlobs(run, cast(Any, self.blobs)),
            ServiceTime(run),
            SimulatedQueue(run, self.queues),
        )
        workspace = cast(Workspace, ControllerWorkspace(run, self.azureml, fake, self.sky, story.truth))
        releases, endpoints = parts.releases(blobs), parts.endpoints(blobs)
        self.releases, self.endpoints = releases, endpoints
        self.records = ApprovalRecords(blobs)
        self.approvals = parts.approvals(self.records, queue, clock)
        telemetry = SimulatedTelemetry(run, self.azureml, self.sky, Random(0), dict(story.error_share))
        data = cast(Any, SimulatedData(run, self.sky, self.azureml, story.truth))
        cards = Cards(workspace, data, self.approvals, releases, Profiles(blobs), clock)
        self.reconciler = parts.reconciler(
            workspace, telemetry, data, self.approvals, self.notices, releases, endpoints, queue, clock, cards
        )
        self.keeper = parts.keeper(workspace, endpoints, releases, self.notices, clock)
        self.desk = parts.desk(releases, endpoints, queue, clock)
        self.undoer = Undoer(workspace, releases, endpoints, queue, clock)
        self.retrier = Retrier(workspace, releases, endpoints, queue, clock)
        nobody = LateResumption(lambda: cast(Any, None))
        self._sweep = Sweep(Ledger(blobs, LEASE), releases, nobody, cast(Any, NoNotices()), queue, clock)

    def sweep(self) -> None:
        """Do what the minute's timer does."""
        for part in (self._sweep.run, self.keeper.run):
            try:
                part()
            except VigiaError as exc:
                self.run.note(f"the timer's work ends early: {exc}")

    def is_overdue(self) -> bool:
        """Return whether a look at the timer would find work: releases that nobody woke, or an endpoint to keep."""
        now = self.run.now.isoformat()
        return any(
            name.startswith("releases/")
            and versions[-1].metadata.get("settled") != "yes"
            and versions[-1].metadata.get("wake", "") <= now
            for name, versions in self.blobs.history.items()
        )

    def damage(self, damage: Damage) -> bool:
        """Damage the newest blob whose name begins and ends like the damage's; False when there is none yet."""
        start, _, end = damage.blob.partition("*")
        names = [name for name in self.blobs.history if name.startswith(start) and name.endswith(end)]
        if not names:
            return False
        name = max(names, key=lambda blob: self.blobs.history[blob][-1].at)
        whole = self.blobs.history[name][-1]
        body, metadata = (b'{"damaged": ', whole.metadata) if damage.how == "body" else (whole.body, {})
        written = Blobs.put(self.blobs, name, body, metadata, self.run.now)
        self._whole[name] = (written.etag, whole)
        return True

    def repair(self) -> None:
        """Do what people do who were told of a damaged record: restore what it was, unless it was written since."""
        for name, (etag, whole) in self._whole.items():
            if self.blobs.history[name][-1].etag == etag:
                Blobs.put(self.blobs, name, whole.body, whole.metadata, self.run.now)
        for endpoint in self.azureml.endpoints.values():
            for deployment in endpoint.deployments.values():
                deployment.down_since = None

    def releases_stored(self) -> list[tuple[str, list[Version]]]:
        return [(name, v) for name, v in self.blobs.history.items() if name.startswith("releases/")]

    def is_settled(self) -> bool:
        return all(versions[-1].metadata.get("settled") == "yes" for _, versions in self.releases_stored())

    def held(self) -> list[Release]:
        """Return the releases that wait for a person."""
        newest = [decode(Release, versions[-1].body) for _, versions in self.releases_stored()]
        return [release for release in newest if release.held_because and not release.is_settled]

    def states(self) -> Counter[str]:
        return Counter(decode(Release, versions[-1].body).state.value for _, versions in self.releases_stored())
