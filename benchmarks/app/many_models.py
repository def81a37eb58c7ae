"""Many models: whether every look is taken within its hour, every release looked at on time, and ARM's quota kept.

Hours of a busy workspace pass in simulated time: timers run as their schedules say, several instances of the app take
the messages as the host hands them out, and each call to Azure Resource Manager takes its time and its part of a quota
that all instances share. What is beyond it is answered 429. All else is the app's own: its functions, over its wiring.
"""

from __future__ import annotations

import heapq
import itertools
import math
import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any
from unittest.mock import patch

import azure.functions as func
import pandas as pd

from benchmarks.harness.spec import Figure, Goal, Run
from shared.adapters.azure_ml.quota import _IS_BACKGROUND, LIMITS, Bucket, Quota
from shared.bootstrap import App, Workspaces, policy_sections
from shared.domain.ids import DeploymentName, EndpointName, JobName, ModelName, ModelVersion, ReleaseId
from shared.domain.messages import WakeRelease
from shared.domain.releases.release import Release, ReleaseState, Serving
from shared.errors import RetryableError
from shared.policy.reading.load import load_policy
from shared.policy.sections.model import Policy
from shared.ports.endpoints import DeploymentRecord, EndpointRecord, ListedEndpoint
from shared.ports.jobs import JobRecord
from shared.ports.queues import EVENTS, LOOKS, NOTICES, RELEASES
from shared.ports.workspace import ModelRecord
from shared.reactions.registry import reactions
from shared.settings import Settings, WorkspaceSettings
from tests.fakes.app import MemoryApp
from tests.fakes.blobs import MemoryBlobStore
from tests.fakes.data import FakeData
from tests.fakes.queues import FakeQueues
from tests.fakes.workspace import FakeWorkspace
from tests.settings import settings_for
from tests.unit.engine.release_world import World as ReleaseWorld

START = datetime(2026, 11, 20, 9, 0).astimezone()
HOUR = 3600.0
# As host.json has it: a listener takes up to batchSize + newBatchThreshold messages beside each other.
AT_ONCE, TRIES = 12, 5
INSTANCES = 3
# What a call takes is not known from an Azure of ours: a read a fifth of a second, a storage call 5 ms.
READ_SECONDS, WRITE_SECONDS = 0.2, 1.0
# How many endpoints a page of the listing has is not established; this is on the low side.
LISTING_PAGE, JOBS_PAGE = 30, 30
# Reading a window's rows takes so long; of one model in fifty, some minutes.
ROWS_SECONDS, SLOW_SECONDS, SLOW_SHARE = 6.0, 240.0, 0.02
JOBS = 300
POLICY = """\
model: {model}
kind: tabular
endpoint: {{name: {model}, type: online}}
people: {{owner: ana@example.com, approvers: [ben@example.com]}}
monitor: {{every: 1h, data_drift: {{minimum_rows: 500}}}}
"""


@dataclass(frozen=True)
class Size:
    """How much there is, over all workspaces together; `is_old` looks as before there was queue `looks`."""

    models: int
    releases: int
    workspaces: int = 1
    hours: float = 2.0
    is_old: bool = False

    @property
    def name(self) -> str:
        return "before" if self.is_old else "looks"


class Simulation:
    """Runs functions beside each other in simulated time: one thread at a time, each until it sleeps or ends."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._due: list[tuple[float, int, Callable[[], object]]] = []
        self._order = itertools.count()
        self._idle = threading.Semaphore(0)

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def later(self, seconds: float, work: Callable[[], None]) -> None:
        self._push(seconds, lambda: threading.Thread(target=self._do, args=(work,), daemon=True).start())

    def later_at_once(self, seconds: float, work: Callable[[], None]) -> None:
        """Run what never sleeps."""
        self._push(seconds, lambda: self._do(work))

    def _push(self, seconds: float, resume: Callable[[], object]) -> None:
        heapq.heappush(self._due, (self.seconds + seconds, next(self._order), resume))

    def sleep(self, seconds: float) -> None:
        if not self._due or self._due[0][0] > self.seconds + seconds:
            self.seconds += seconds  # nobody else has anything to do meanwhile
            return
        mine = threading.Semaphore(0)
        self._push(seconds, mine.release)
        self._idle.release()
        mine.acquire()

    def run(self, until: float) -> None:
        while self._due and self._due[0][0] <= until:
            self.seconds, _, resume = heapq.heappop(self._due)
            resume()
            self._idle.acquire()

    def _do(self, work: Callable[[], None]) -> None:
        try:
            work()
        finally:
            self._idle.release()


class Arm:
    """What all instances share: the quota that is there, and a record of every call to it."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        size, rate = LIMITS["reads"]
        self._bucket = Bucket(size, rate, 0.0)
        self.by_minute: Counter[int] = Counter()
        self.refused = 0

    def read(self, quota: Quota, *, yields: bool) -> None:
        """Take a read's time, in its turn.

        Raises:
            RetryableError: 429, or the instance's own quota would let it wait too long.
        """
        if wait_seconds := quota.take("reads", is_background=yields and _IS_BACKGROUND.get()):
            self.simulation.sleep(wait_seconds)
        self._bucket.fill(self.simulation.seconds)
        self.by_minute[int(self.simulation.seconds // 60)] += 1
        if self._bucket.calls < 1:
            self.refused += 1
            quota.note("reads", 0)
            raise RetryableError("azure.throttled", "429", retry_after=timedelta(seconds=10))
        self._bucket.calls -= 1
        self.simulation.sleep(READ_SECONDS)
        quota.note("reads", math.floor(self._bucket.calls))


@dataclass
class ArmWorkspace(FakeWorkspace):
    """A workspace as one instance reaches it: each read costs what the SDK sends for it."""

    arm: Arm = field(default=None)  # type: ignore[assignment]
    quota: Quota = field(default_factory=Quota)
    is_old: bool = False

    def _reads(self, count: int) -> None:
        for _ in range(count):
            self.arm.read(self.quota, yields=not self.is_old)

    def listing(self) -> tuple[ListedEndpoint, ...]:
        self._reads(-(-len(self.endpoints) // LISTING_PAGE))
        return super().listing()

    def endpoint(self, name: EndpointName) -> EndpointRecord | None:
        self._reads(3 if self.is_old else 2)
        return super().endpoint(name)

    def deployments(self, endpoint: EndpointName) -> tuple[DeploymentRecord, ...]:
        self._reads(1)
        return super().deployments(endpoint)

    def model(self, name: ModelName, version: ModelVersion) -> ModelRecord | None:
        self._reads(1)
        return super().model(name, version)

    def models_after(self, name: ModelName, since: datetime, most: int) -> tuple[ModelRecord, ...]:
        self._reads(1)
        return super().models_after(name, since, most)

    def job(self, name: JobName) -> JobRecord | None:
        self._reads(1)
        return super().job(name)

    def recent_jobs(self, since: datetime, most: int) -> tuple[JobRecord, ...]:
        self._reads(JOBS // JOBS_PAGE)
        return super().recent_jobs(since, most)


class SlowData(FakeData):
    """Windows of a few rows, which take their time to be read."""

    def __init__(self, simulation: Simulation) -> None:
        super().__init__()
        self._simulation, self._random = simulation, Random(7)

    def collected_inputs(self, endpoint: EndpointName, *window: Any) -> pd.DataFrame:  # noqa: ARG002 (the port's)
        is_slow = int(endpoint.rpartition("-")[2]) % round(1 / SLOW_SHARE) == 0
        self._simulation.sleep(SLOW_SECONDS if is_slow else self._random.uniform(0.5, 1.5) * ROWS_SECONDS)
        return pd.DataFrame({"age": range(600)})

    def table(self, uri: str, lists: Collection[str] = ()) -> pd.DataFrame:  # noqa: ARG002 (the port's)
        self._simulation.sleep(2 * ROWS_SECONDS)
        return pd.DataFrame({"age": range(600)})


class Place:
    """One workspace and the app's records of it, which outlive every instance."""

    def __init__(self, name: str, models: Sequence[str], releases: int, simulation: Simulation) -> None:
        self.name, self.models = name, models
        self.blobs, *others = (MemoryBlobStore(simulation.now) for _ in range(4))
        self.containers = dict(zip(("workspace_files", "decision_blobs", "dead_letter_blobs"), others, strict=True))
        self.truth = FakeWorkspace()
        self.data = SlowData(simulation)
        self.policies = tuple(_policy(model) for model in models)
        template = _baking_release()
        for number, model in enumerate(models):
            self.truth.register(model, "1", job=f"job-{model}")
            self.truth.jobs[f"job-{model}"] = JobRecord(
                JobName(f"job-{model}"), "Completed", {}, "ana", {"training_data": f"azureml:{model}:1"}
            )
            self.truth.serve(model, "1")
            self._release(model, template if number < releases else None, simulation)

    def _release(self, model: str, template: Release | None, simulation: Simulation) -> None:
        app, name, release = (
            self.app(settings_for(), simulation, self.truth, FakeQueues(simulation)),
            EndpointName(model),
            ReleaseId(f"{model}-2"),
        )
        serving = self.truth.endpoints[model].deployments[0]
        assert serving.version
        assert app.endpoints.claim(name, release)
        if template is None:
            finished = replace(_baking_release(), state=ReleaseState.FINISHED, is_settled=True)
            app.releases.create(replace(finished, id=release, model=ModelName(model), endpoint=name))
            app.endpoints.desire(name, release, {serving.name: 100})
            app.endpoints.give_back(name, release, Serving(serving.name, serving.version), None)
            return
        challenger = replace(serving, name=DeploymentName("v-2"), version=ModelVersion("2"))
        record = self.truth.endpoints[model]
        split = {serving.name: 90, challenger.name: 10}
        self.truth.endpoints[model] = replace(record, traffic=split, deployments=(serving, challenger))
        app.endpoints.desire(name, release, split, simulation.now())
        opened = replace(template, id=release, model=ModelName(model), endpoint=name)
        app.releases.create(replace(opened, traffic_since=simulation.now(), wake_at=simulation.now()))

    def app(self, settings: Settings, simulation: Simulation, workspace: FakeWorkspace, queue: Any) -> MemoryApp:
        clock: Any = simulation
        records = {"blobs": self.blobs, **self.containers}
        return MemoryApp(settings, clock, self.policies, workspace=workspace, queue=queue, data=self.data, **records)


def _policy(model: str) -> Policy:
    text = POLICY.format(model=model)
    return load_policy(text, f"{model}.yaml", policy_sections(), tuple(reactions().values()))


_TEMPLATE: list[Release] = []


def _baking_release() -> Release:
    """Return a release that bakes its first step for days."""
    if not _TEMPLATE:
        world = ReleaseWorld()
        days = timedelta(days=5)
        release = world.open(bake=days, decide_within=2 * days)
        world.run(until=lambda: world.release(release).phase == "baking")
        _TEMPLATE.append(replace(world.release(release), deadline=START + 9 * days))
    return _TEMPLATE[0]


class Instance:
    """One process of the app: its own clients and its own estimate of the quota."""

    def __init__(self, places: Sequence[Place], arm: Arm, queues: FakeQueues, size: Size) -> None:
        from functions.look import LOOKS_AT_ONCE

        self.room = threading.BoundedSemaphore(LOOKS_AT_ONCE)
        self.running: Counter[str] = Counter()
        quota = Quota(lambda: arm.simulation.seconds)
        first, *others = places

        def workspace(place: Place) -> ArmWorkspace:
            records = {"models": place.truth.models, "jobs": place.truth.jobs, "endpoints": place.truth.endpoints}
            return ArmWorkspace(**records, arm=arm, quota=quota, is_old=size.is_old)  # type: ignore[arg-type]

        def make(settings: Settings, app: App) -> App:
            from shared.adapters.storage.queues import WorkspaceQueue

            place = next(place for place in others if place.name == settings.workspace_name)
            queue = WorkspaceQueue(app.queue, place.name)
            return place.app(settings, arm.simulation, workspace(place), queue)

        self.workspaces = Workspaces(first.app(settings_for(), arm.simulation, workspace(first), queues), make)
        self.workspaces.__dict__["listed"] = tuple(_settings_of(place.name) for place in others)


def _settings_of(name: str) -> WorkspaceSettings:
    own = settings_for()
    return WorkspaceSettings(
        name=name,
        environment="",
        subscription_id=own.subscription_id,
        resource_group=own.resource_group,
        workspace=f"ws-{name}",
        storage=own.workspace_storage,
        container=own.workspace_container,
        logs_workspace_id=own.logs_workspace_id,
        identity_client_id="",
    )


class Town:
    """The instances, the host that gives them messages and runs the timers, and what is measured."""

    def __init__(self, size: Size) -> None:
        self.size, self.simulation = size, Simulation()
        self.arm = Arm(self.simulation)
        self.queues = FakeQueues(self.simulation)
        models = [f"model-{number:04}" for number in range(size.models)]
        self.places = [
            Place(
                "" if not n else f"ws{n}",
                models[n :: size.workspaces],
                len(range(n, size.releases, size.workspaces)),
                self.simulation,
            )
            for n in range(size.workspaces)
        ]
        count = 1 if size.is_old else INSTANCES
        self.instances = [Instance(self.places, self.arm, self.queues, size) for _ in range(count)]
        self.here = threading.local()
        self.looked: dict[str, list[float]] = {}
        self.release_delays: list[float] = []

    def run(self) -> None:
        from functions import look, timers
        from shared.engine.monitors.run_due import Monitors
        from shared.engine.releases import endpoint_keeper
        from shared.engine.releases.reconcile import Reconciler

        town = self
        take, reconcile = Monitors._run_recorded, Reconciler.reconcile

        def recorded(monitors: Monitors, policy: Policy, *args: Any, **options: Any) -> None:
            town.looked.setdefault(policy.model, []).append(town.simulation.seconds)
            take(monitors, policy, *args, **options)

        def timed(reconciler: Reconciler, release: ReleaseId, at: datetime | None = None) -> None:
            if at is not None:
                town.release_delays.append((town.simulation.now() - at).total_seconds())
            reconcile(reconciler, release, at)

        with ExitStack() as patches:
            patches.enter_context(patch("shared.bootstrap.get_workspaces", lambda: town.here.instance.workspaces))
            patches.enter_context(patch("shared.bootstrap.get_app", lambda: town.here.instance.workspaces.first))
            patches.enter_context(patch.object(look, "_room", _RoomHere(self.here)))
            patches.enter_context(patch.object(Monitors, "_run_recorded", recorded))
            patches.enter_context(patch.object(Reconciler, "reconcile", timed))
            if self.size.is_old:
                patches.enter_context(patch.object(endpoint_keeper, "PASSES_PER_ROUND", 1))
            for timer, every in ((timers.sweep, 60), (timers.monitors, 300), (timers.registry_poll, 900)):
                self._every(every, timer.build().get_user_function())
            self._hand_out()
            for place in self.places:
                app = self.instances[0].workspaces.app(place.name)
                for release, wake_at in app.releases.overdue(self.simulation.now() + timedelta(seconds=1)):
                    app.queue.send(RELEASES, WakeRelease(release, wake_at).to_body())
            self.simulation.run(self.size.hours * HOUR)

    def _every(self, seconds: int, timer: Callable[[None], None]) -> None:
        def tick() -> None:
            self.simulation.later(seconds, tick)
            self.here.instance = self.instances[0]
            timer(None)

        self.simulation.later(seconds - self.simulation.seconds % seconds, tick)

    def _hand_out(self) -> None:
        """Give each instance the messages that it has room for, once a second."""
        self.simulation.later_at_once(1, self._hand_out)
        for queue in (RELEASES, LOOKS, EVENTS, NOTICES):
            due = self.queues.next_at(queue)
            while due is not None and due <= self.simulation.now():
                instance = min(self.instances, key=lambda instance: instance.running[queue])
                most = 1 if self.size.is_old and queue == LOOKS else AT_ONCE
                if instance.running[queue] >= most:
                    break
                body = self.queues.take(queue)
                assert body is not None
                instance.running[queue] += 1
                self.simulation.later(0, _Delivery(self, instance, queue, body))
                due = self.queues.next_at(queue)


class _RoomHere:
    """The room of the instance that the thread belongs to."""

    def __init__(self, here: threading.local) -> None:
        self._here = here

    def acquire(self, *, blocking: bool) -> bool:
        return bool(self._here.instance.room.acquire(blocking=blocking))

    def release(self) -> None:
        self._here.instance.room.release()


@dataclass(frozen=True)
class _Delivery:
    town: Town
    instance: Instance
    queue: str
    body: str

    def __call__(self) -> None:
        from functions.look import look
        from functions.reconcile import reconcile

        self.town.here.instance = self.instance
        takers: Mapping[str, Any] = {RELEASES: reconcile, LOOKS: look}
        try:
            if self.queue in takers:
                function = takers[self.queue].build().get_user_function()
                function(func.QueueMessage(id="1", body=self.body.encode()))
        except RetryableError:
            self.town.queues.send(self.queue, self.body, timedelta(seconds=5))
        finally:
            self.instance.running[self.queue] -= 1


# As `--NAME NUMBER`; what is not given is a fifth of the goal's size, or with --long that size.
OPTIONS = {"models": "models with hourly monitors", "releases": "releases under way", "workspaces": "workspaces"}


def figures(run: Run) -> list[Figure]:
    models, releases = (500, 100) if run.is_long else (100, 20)
    size = Size(
        run.requested.get("models", models),
        run.requested.get("releases", releases),
        run.requested.get("workspaces", 1),
        hours=2.2 if run.is_long else 1.2,
    )
    run.progress(f"{size.hours:g} hours of {size.models} models and {size.releases} releases under way")
    made = measure(size)
    run.progress("an hour of them as before there was queue looks")
    return [*made, *measure(replace(size, hours=1.0, is_old=True))]


def measure(size: Size) -> list[Figure]:
    """Return what hours of that size come to."""
    town = Town(size)
    town.run()
    end = size.hours * HOUR
    policies = [policy for place in town.places for policy in place.policies]
    gaps = [
        later - earlier
        for policy in policies
        for earlier, later in itertools.pairwise([0.0, *town.looked.get(policy.model, []), end])
    ]
    minutes = [town.arm.by_minute[minute] / 60 for minute in range(1, int(size.hours * 60))]
    share = 100 * max(minutes) / LIMITS["reads"][1]
    what = f"{size.models} models and endpoints, {size.releases} releases, {size.workspaces} workspaces"

    def figure(name: str, value: float, unit: str, words: str, goal: Goal | None = None) -> Figure:
        return Figure(f"scale.{size.name}_{name}", value, unit, words, None if size.is_old else goal)

    return [
        figure("longest_gap_min", max(gaps) / 60, "min", f"between a model's looks: {what}", Goal("<=", 2 * 60)),
        figure(
            "release_delay_s",
            max(town.release_delays, default=0.0),
            "s",
            "a release looked at after its time",
            Goal("<=", 60),
        ),
        figure("reads_mean", sum(minutes) / len(minutes), "/s", f"reads of ARM in {size.hours:g} h, mean"),
        figure("reads_peak", max(minutes), "/s", "the same, in the busiest minute"),
        figure("quota_share", share, "%", "of the quota, in the busiest minute", Goal("<=", 50)),
        figure("refused", town.arm.refused, "", "reads that ARM answered 429", Goal("=", 0)),
    ]
