"""The release vertical over memory: real stores and reconciler, a fake workspace, and traffic for each minute."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from shared.domain.ids import DeploymentName, EndpointName, ModelName, ModelVersion, ReleaseId
from shared.domain.releases.measurement import Interval
from shared.domain.releases.release import Release, Undo
from shared.engine.releases.desk import ReleaseDesk
from shared.engine.releases.endpoint_keeper import EndpointKeeper
from shared.engine.releases.reconcile import Reconciler
from shared.engine.releases.undo import Undoer
from shared.ports.endpoints import DeploymentRecord, EndpointRecord
from shared.ports.queues import RELEASES
from shared.store.releases.endpoints import EndpointStore
from shared.store.releases.releases import ReleaseStore
from tests.fakes.app import MemoryApp
from tests.fakes.approvals import FakeApprovals
from tests.fakes.blobs import MemoryBlobStore
from tests.fakes.clock import FakeClock
from tests.fakes.data import FakeData
from tests.fakes.outbox import FakeOutbox
from tests.fakes.queues import FakeQueues
from tests.fakes.releases import a_plan, a_release
from tests.fakes.telemetry import FakeTelemetry
from tests.fakes.workspace import FakeWorkspace
from tests.settings import settings_for

ENDPOINT = EndpointName("flight-delay")
SETTINGS = settings_for(VIGIA_POLICIES=str(Path(__file__).parents[3] / "policies"))  # their people
NO_APPROVAL = replace(a_plan().approval, when="never")
MINUTE = timedelta(minutes=1)


class Killed(BaseException):
    """The process died; nothing may catch it."""


class World:
    """Everything around the reconciler; a minute of measurements is made up whenever the clock passes it."""

    def __init__(self, champion: bool = True) -> None:
        self.clock = FakeClock()
        self.hides_submitters = False
        self.blobs = MemoryBlobStore(self.clock.now)
        self.queue = FakeQueues(self.clock)
        self.workspace = FakeWorkspace()
        self.telemetry, self.data = FakeTelemetry(), FakeData()
        self.approvals, self.outbox = FakeApprovals(), FakeOutbox()
        self.releases, self.endpoints = ReleaseStore(self.blobs), EndpointStore(self.blobs)
        self.slowdown, self.error_share = {"v-1": 1.0}, {"v-1": 0.0}
        self.auc_gain = 1.0
        self.random = np.random.default_rng(7)
        for version in ("1", "2", "3"):
            self.workspace.register("flight-delay", version)
        if champion:
            serving = DeploymentRecord(DeploymentName("v-1"), ModelName("flight-delay"), ModelVersion("1"), "Succeeded")
            self.workspace.endpoints[ENDPOINT] = EndpointRecord(
                ENDPOINT, "Succeeded", {serving.name: 100}, {}, (serving,), "https://flight-delay.example.com/score"
            )

    def app(self, **parts: Any) -> MemoryApp:
        """Return the app of a new worker: nothing but what is behind the ports outlives a process."""
        return MemoryApp(
            SETTINGS,
            self.clock,
            (),
            blobs=self.blobs,
            decision_blobs=self.blobs,
            queue=self.queue,
            workspace=self.workspace,
            telemetry=self.telemetry,
            data=self.data,
            releases=self.releases,
            endpoints=self.endpoints,
            **parts,
        )

    @property
    def desk(self) -> ReleaseDesk:
        return self.app().release_desk

    @property
    def reconciler(self) -> Reconciler:
        return self.app(approvals=self.approvals, outbox=self.outbox).reconciler

    def sweep(self) -> None:
        self.app().sweep.run()

    def open(self, version: str = "2", **plan: Any) -> ReleaseId:
        release = a_release(version, a_plan(**{"approval": NO_APPROVAL, **plan}), self.clock.now())
        if self.hides_submitters:
            release = replace(release, submitter=None, submitter_is_unknown=True)
        self.offer_scores(release.id)
        assert self.desk.open(release)
        return release.id

    def undoable(self, version: str) -> ReleaseId:
        """Open a release that a person wants although it is not the newest."""
        wish = Undo("ana@example.com", "because", self.clock.now())
        release = replace(a_release(version, a_plan(approval=NO_APPROVAL), self.clock.now()), undo=wish)
        assert self.desk.open(release)
        return release.id

    def memory_of(self, release: Release, body: bytes) -> None:
        """Have a release in the storage exactly as some version of the code wrote it, owning the endpoint."""
        self.releases.create(release)
        stored = self.blobs.get(f"releases/{release.id}.json")
        assert stored is not None
        metadata = {"state": release.state, "wake": release.wake_at.isoformat(), "settled": "no"}
        self.blobs.put(f"releases/{release.id}.json", body, metadata)
        if not release.state.is_terminal:
            self.endpoints.claim(ENDPOINT, release.id)

    def offer_scores(self, release: str, champion_gain: float = 1.0, challenger_gain: float = 2.0) -> None:
        labels = self.random.integers(0, 2, 600)
        noise = self.random.normal(size=600)
        self.data.tables[f"azureml://datastores/workspaceblobstore/paths/azureml/eval-{release}/scores/"] = (
            pd.DataFrame(
                {
                    "row_id": range(600),
                    "label": labels,
                    "champion_score": labels * champion_gain + noise,
                    "challenger_score": labels * challenger_gain + noise,
                }
            )
        )

    def release(self, release: ReleaseId) -> Release:
        stored = self.releases.load(release)
        assert stored is not None
        return stored.release

    @property
    def keeper(self) -> EndpointKeeper:
        return self.app(outbox=self.outbox).keeper

    @property
    def undoer(self) -> Undoer:
        return self.app().undoer

    @property
    def deployments(self) -> set[str]:
        return {str(deployment.name) for deployment in self.workspace.endpoints[ENDPOINT].deployments}

    @property
    def traffic(self) -> dict[str, int]:
        return {str(name): share for name, share in self.workspace.endpoints[ENDPOINT].traffic.items()}

    def run(self, until: Callable[[], bool] = lambda: False, longest: timedelta = timedelta(days=2)) -> None:
        """Deliver messages as they fall due to one worker, until there are none, or `until` holds."""
        end, reconciler = self.clock.now() + longest, self.reconciler
        while not until():
            due = self.queue.next_at(RELEASES)
            if due is None or due > end:
                return
            self.pass_time(due)
            message = self.queue.take(RELEASES)
            assert message is not None
            reconciler.handle(message)

    def pass_time(self, to: Any) -> None:
        while self.clock.now() < to:
            self._measure()
            self.clock.advance(min(to - self.clock.now(), MINUTE - self._into_minute()))

    def _into_minute(self) -> timedelta:
        now = self.clock.now()
        return timedelta(seconds=now.second, microseconds=now.microsecond)

    def _measure(self) -> None:
        if ENDPOINT not in self.workspace.endpoints or self._into_minute():
            return
        mirrored = {str(name): share for name, share in self.workspace.endpoints[ENDPOINT].mirror_traffic.items()}
        for name, share in {**self.traffic, **mirrored}.items():
            requests = 10 * share
            errors = int(self.random.binomial(requests, self.error_share.get(name, 0.0)))
            latency = math.log(80 * self.slowdown.get(name, 1.0)) + float(self.random.normal(0, 0.03))
            self.telemetry.record(ENDPOINT, Interval(DeploymentName(name), self.clock.now(), requests, errors, latency))
