"""The fact path over memory: real stores, processor, sweep and outbox; a fake workspace; and ways to die on the way."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal

from shared.bootstrap import policy_sections
from shared.domain.ids import EndpointName, FactKey, JobName, ModelName, ModelVersion
from shared.domain.releases.release import ReleaseState
from shared.domain.state import ModelState, Training
from shared.engine.facts.process import Processor
from shared.engine.notices.outbox import NoticeOutbox
from shared.engine.recovery.sweep import Sweep
from shared.engine.releases.desk import ReleaseDesk
from shared.events.sent import outgoing
from shared.events.wire.own_workspace import Home
from shared.policy.reading.load import load_policy
from shared.policy.sections.model import Policy
from shared.ports.jobs import JobRecord
from shared.reactions.registry import reactions
from shared.store.facts.ledger import Entry, Ledger
from shared.store.facts.quarantine import Quarantine
from shared.store.monitors.monitors import MonitorRun, MonitorState, MonitorStates
from shared.store.notices.outbox import OutboxStore
from shared.store.releases.endpoints import EndpointStore
from shared.store.releases.models import ModelStates
from shared.store.releases.releases import ReleaseStore
from shared.store.retention import APP
from tests.fakes.app import MemoryApp
from tests.fakes.blobs import MemoryBlobStore
from tests.fakes.clock import FakeClock
from tests.fakes.data import FakeData
from tests.fakes.queues import FakeQueues
from tests.fakes.telemetry import FakeTelemetry
from tests.fakes.workspace import FakeWorkspace
from tests.settings import settings_for
from tests.unit.events.wire import WORKSPACE, cloud, grid

ROOT = Path(__file__).parents[3]
MODEL = ModelName("churn")
ENDPOINT = EndpointName("churn")
LEASE = timedelta(minutes=2)
STORAGE = WORKSPACE.partition("/Microsoft.")[0] + "/Microsoft.Storage/storageAccounts/stfake"
SETTINGS = settings_for(
    VIGIA_RESOURCE_GROUP="rg-fake",
    VIGIA_WORKSPACE="ws-fake",
    VIGIA_WORKSPACE_STORAGE="https://stfake.blob.core.windows.net",
    VIGIA_WORKSPACE_CONTAINER="azureml-blobstore-fake",
    VIGIA_LEASE_SECONDS=str(int(LEASE.total_seconds())),
    VIGIA_PUBLIC_URL="https://vigia.example",
    VIGIA_POLICIES=str(ROOT / "policies"),  # their people
)
HOME = Home(WORKSPACE, "https://stfake.blob.core.windows.net/azureml-blobstore-fake")
THEN = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)

POLICY = """\
model: churn
kind: tabular
endpoint: {name: churn, type: online}
people: {owner: ana@example.com, approvers: [ben@example.com]}
retrain:
  job: azureml:train_churn@latest
  inputs: {training_data: "azureml:customers@latest"}
  on: [drift, performance, new-data]
  cooldown: 6h
  at_most: 4 per day
evaluate: {job: "azureml:evaluate_churn@latest", data: "azureml:customers-labelled@latest"}
gates: [{metric: roc_auc, at_least: 0.7}]
approval: {when: production, quorum: 1, expires: 24h, not_by: submitter}
rollout:
  strategy: canary
  steps: [10%, 100%]
  bake: 15m
  watch_for: 1h
  judge: {errors: {worse_by_at_most: 1%}, latency: {ratio_at_most: 1.25}, false_rollbacks: 1%, on_no_data: hold}
budget:
  - {at: 80%, do: [notify]}
  - {at: 100%, do: [notify, freeze-retraining, stop-compute]}
notify:
  - {on: [drift-detected, training-started, training-failed, budget-crossed], to: [owner], by: [teams]}
"""


def a_policy(text: str = POLICY, **replaced: str) -> Policy:
    """Return the policy; each argument replaces a word of it."""
    for old, new in replaced.items():
        assert old in text
        text = text.replace(old, new)
    return _read(text)


@cache
def _read(text: str) -> Policy:
    return load_policy(text, "churn.yaml", policy_sections(), tuple(reactions().values()))


_RUN = re.compile(r'"runId": "([^"]+)", "runStatus": "(\w+)"')


_LOOK = re.compile(r'"model": "([^"]+)", "monitor": "m", "signal": "([^"]+)", "run": "(\w+)@(\w+)"')


class Killed(BaseException):
    """The process died; nothing may catch it."""


class Fuse:
    """Kills the process at one call through a port: before it takes effect or, when `is_late`, after.

    `burns_at` is the number of the call; `burns_on` is how it begins, e.g. "create ledger/". It burns once.
    """

    def __init__(self) -> None:
        self.calls = 0
        self.burns_at = 0
        self.burns_on = ""
        self.is_late = False

    def guard(self, label: str, call: Callable[[], Any]) -> Any:
        self.calls += 1
        if self.calls != self.burns_at and not (self.burns_on and label.startswith(self.burns_on)):
            return call()
        self.burns_at, self.burns_on = 0, ""
        if self.is_late:
            call()
        raise Killed


class Fused:
    """A port whose every call goes through the fuse."""

    def __init__(self, target: object, fuse: Fuse) -> None:
        self._target = target
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._target, name)

        def guarded(*args: Any) -> Any:
            return self._fuse.guard(f"{name} {args[0] if args else ''}", lambda: method(*args))

        return guarded


class World:
    def __init__(self, *policies: Policy) -> None:
        self.policies = policies or (a_policy(),)
        self.clock = FakeClock()
        self.fuse = Fuse()
        self.memory = MemoryBlobStore(self.clock.now)
        self.memory.container = APP
        self.queues = FakeQueues(self.clock)
        self.files = MemoryBlobStore(self.clock.now)
        self.data, self.telemetry = FakeData(), FakeTelemetry()
        self.azureml = FakeWorkspace(job_outcome="Running")
        self.azureml.register("churn", "7")
        self.azureml.serve("churn", "7")
        self.azureml.compute_instances = ["ci-ana"]
        self.blobs: Any = Fused(self.memory, self.fuse)
        self.queue: Any = Fused(self.queues, self.fuse)
        self.workspace: Any = Fused(self.azureml, self.fuse)

    def trainings_end(self) -> None:
        """Have every training noted as completed, as their runs' ends would."""

        def end(state: ModelState) -> ModelState:
            return replace(
                state, trainings=tuple(replace(training, outcome="completed") for training in state.trainings)
            )

        self.models.update(MODEL, end)

    # Read without the fuse, so that looking is never what kills.
    @property
    def ledger(self) -> Ledger:
        return Ledger(self.memory, LEASE)

    @property
    def models(self) -> ModelStates:
        return ModelStates(self.memory)

    @property
    def quarantine(self) -> Quarantine:
        return Quarantine(self.memory)

    @property
    def releases(self) -> ReleaseStore:
        return ReleaseStore(self.memory)

    @property
    def desk(self) -> ReleaseDesk:
        return ReleaseDesk(self.releases, EndpointStore(self.memory), self.queues, self.clock)

    @property
    def app(self) -> MemoryApp:
        """Return the app of a new worker: nothing but what is behind the ports outlives a process."""
        return MemoryApp(SETTINGS, self.clock, self.policies, **self.ports())

    def ports(self) -> dict[str, Any]:
        return {
            "blobs": self.blobs,
            "queue": self.queue,
            "workspace": self.workspace,
            "workspace_files": self.files,
            "data": self.data,
            "telemetry": self.telemetry,
        }

    @property
    def outbox(self) -> NoticeOutbox:
        return self.app.outbox

    @property
    def processor(self) -> Processor:
        return self.app.processor

    @property
    def sweep(self) -> Sweep:
        return self.app.sweep

    def process(self, body: str) -> None:
        """Take a message, and what it tells is so."""
        self.processor.process(self.make_true(body))

    def make_true(self, body: str) -> str:
        """Have runs that were started, and have not ended, be as the message tells, and our own looks be noted."""
        for run, status in _RUN.findall(body):
            is_started = run in {training.job for training in self.models.read(MODEL).trainings}
            job = self.azureml.jobs.get(run) or (JobRecord(run, "Running", {}, "vigia") if is_started else None)
            if job and not job.has_ended:
                self.azureml.jobs[run] = replace(job, status=status.capitalize())
        for model, signal, version, look in _LOOK.findall(body):
            self.note_look(ModelName(model), signal, ModelVersion(version), look)
        return body

    def note_look(
        self, model: ModelName = MODEL, signal: str = "data-drift", version: str = "7", look: str = "1"
    ) -> None:
        """Have our monitor's look be among its newest runs, without which no event about it is believed."""
        states, now = MonitorStates(self.memory), self.clock.now()
        run = MonitorRun(ModelVersion(version), signal, THEN, THEN, 1_000, "drift", "it drifted", evidence=look)
        state, tag = states.read(model)
        runs = (*(noted for noted in (state.runs if state else ()) if noted.name != run.name), run)[-20:]
        states.save(MonitorState(model, ModelVersion(version), now, now, runs), tag)

    def sweep_after_the_lease(self) -> None:
        self.clock.advance(LEASE + timedelta(seconds=1))
        self.sweep.run()

    def entry(self) -> Entry:
        """Return the record of the only fact."""
        (key,) = self.ledger.keys()
        return self.entry_of(key)

    def entry_of(self, key: FactKey) -> Entry:
        entry = self.ledger.entry(key)
        assert entry is not None
        return entry

    def entries(self) -> list[Entry]:
        return [self.entry_of(key) for key in self.ledger.keys()]  # noqa: SIM118 (a ledger is no mapping)

    @property
    def notices(self) -> list[str]:
        """Return the keys of the notices that people get, each once, sorted."""
        return sorted(record.notice.key for record in OutboxStore(self.memory).records())

    @property
    def kinds(self) -> list[str]:
        return sorted(record.notice.kind.value for record in OutboxStore(self.memory).records())

    def note_training(self, job: str = "job-1") -> None:
        """Have started a training, so long ago that it holds no other back."""
        training = Training(JobName(job), FactKey("0" * 64), "request", self.clock.now() - timedelta(days=30))
        ModelStates(self.memory).update(MODEL, lambda state: replace(state, trainings=(*state.trainings, training)))

    def open_release(self, version: str = "7", state: ReleaseState = ReleaseState.OPENED) -> None:
        """Have a release own the endpoint, in that state."""
        self.process(registered(version))
        (item,) = self.releases.items()
        assert EndpointStore(self.memory).claim(ENDPOINT, item.id)
        stored = self.releases.load(item.id)
        assert stored
        self.releases.save(stored, replace(stored.release, state=state))

    def effects(self) -> Mapping[str, object]:
        """Return everything that was done, without the moments at which it was done."""
        state = self.models.read(MODEL)
        aborts = [self.releases.request(item.id) for item in self.releases.items()]
        return {
            "calls": list(self.azureml.calls),
            "instances": list(self.azureml.compute_instances),
            "trainings": [(training.job, training.cause, training.chain) for training in state.trainings],
            "frozen": state.freeze.reason if state.freeze else None,
            "releases": [item.id for item in self.releases.items()],
            "aborts": [(request.kind, request.by) for request in aborts if request],
            "notices": self.notices,
            "outcomes": [
                (entry.state, [(o.reaction, o.status, o.effect) for o in entry.outcomes]) for entry in self.entries()
            ],
            "quarantine": [identifier for identifier, _ in self.quarantine.items()],
        }


def drift(run: str = "7@1", model: ModelName = MODEL, signal: str = "data-drift", report: str = "") -> str:
    detail = f"{signal}: age drifted"
    return cloud(
        outgoing.drift_detected(
            WORKSPACE, THEN, model=model, monitor="m", signal=signal, run=run, detail=detail, report=report
        )
    )


def registered(version: str = "7", model: str = "churn", **changes: object) -> str:
    data = {"ModelName": model, "ModelVersion": version, "ModelTags": {}, "ModelProperties": {}}
    return json.dumps(grid("ModelRegistered", data, **changes))


def run_ended(kind: str, status: str, run: str = "job-1", model: str | None = "churn") -> str:
    tags = {"vigia.model": model, "vigia.cause": "drift"} if model else {}
    data = {"runId": run, "runStatus": status, "experimentName": "x", "runTags": tags, "runProperties": {}}
    return json.dumps(grid(kind, data, id=f"{kind}-{run}", subject=f"experiments/x/runs/{run}"))


def budget(percent: float = 100, basis: Literal["actual", "forecasted"] = "actual", spent: float | None = None) -> str:
    return cloud(
        outgoing.budget_alert(
            WORKSPACE,
            THEN,
            budget_name="ml-team",
            basis=basis,
            percent=percent,
            amount=1000,
            spent=10 * percent + 1 if spent is None else spent,
            currency="EUR",
            period_start=date(2026, 11, 1),
        )
    )


def endpoint_alert(condition: Literal["fired", "resolved"] = "fired", deployment: str | None = None) -> str:
    return cloud(
        outgoing.endpoint_alert(
            WORKSPACE,
            THEN,
            endpoint=ENDPOINT,
            deployment=deployment,
            rule="slow",
            condition=condition,
            fired_at=THEN,
            detail="p95 is 900 ms",
        )
    )


def policy_state(compliance: str, resource: str = f"{WORKSPACE}/onlineEndpoints/churn") -> str:
    data = {
        "timestamp": THEN.isoformat(),
        "policyAssignmentId": "/subscriptions/1/providers/Microsoft.Authorization/policyAssignments/no-public-access",
        "policyDefinitionId": "/providers/Microsoft.Authorization/policyDefinitions/d-1",
        "complianceState": compliance,
    }
    kind = "Microsoft.PolicyInsights.PolicyStateChanged"
    return json.dumps(grid("", data, id="p-1", topic="/subscriptions/1", subject=resource, eventType=kind))


def blob_created(path: str, etag: str = "0x1", **data: object) -> str:
    url = f"https://stfake.blob.core.windows.net/azureml-blobstore-fake/{path}"
    event = {"api": "PutBlob", "url": url, "eTag": etag, "contentLength": 10, **data}
    kind = "Microsoft.Storage.BlobCreated"
    return json.dumps(grid("", event, id=f"b-{path}", topic=STORAGE, subject=f"/blobServices/{path}", eventType=kind))


def data_arrived(name: str = "customers", version: str = "2") -> str:
    return cloud(outgoing.data_arrived(WORKSPACE, THEN, data_name=name, version=version))


def requested(request: str = "r-1", by: str = "ana@example.com", **pipeline: str) -> str:
    return cloud(
        outgoing.retraining_requested(
            WORKSPACE, THEN, model=MODEL, request=request, reason="a new region", requested_by=by, **pipeline
        )
    )
