"""Events lost on the way: Azure ML tells, Event Grid drops, the poll finds; the emulators through the real SDKs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from azure.ai.ml import load_component
from azure.ai.ml.entities import Environment, Model

from benchmarks.harness.storage import counted_requests
from local.demo.waiting import Waiting
from local.eventgrid import Faults, Subscription
from local.eventgrid.subscription import Retry
from shared.adapters.azure_ml.workspace import AzureWorkspace
from shared.domain.fact import ModelRegistered, RunEnded
from shared.domain.ids import DeploymentName, JobName, ModelName, ModelVersion
from shared.domain.state import Training
from shared.engine.facts.registry_poll import RegistryPoll
from shared.errors import WorkspaceBusyError
from shared.events.wire.own_workspace import Home
from shared.ports.endpoints import DeploymentRequest
from shared.ports.jobs import JobRequest
from shared.ports.queues import EVENTS
from shared.store.facts.polls import PollMarks
from tests.local.azureml.conftest import System, system, write_toy_model  # noqa: F401 (system is a fixture)
from tests.local.eventgrid.conftest import Grid, running_grid
from tests.settings import settings_for
from tests.unit.engine.fact_world import ENDPOINT, MODEL, World, data_arrived
from tests.unit.events.wire import WORKSPACE, fact_from

KINDS = ("ModelRegistered", "RunCompleted", "RunStatusChanged")
AZURE_ML = "Microsoft.MachineLearningServices."
# One attempt each: what is dropped is lost, as when the app was away for longer than Event Grid tries.
ONCE = [
    Subscription(kind, "workspace", kind.lower(), "event-grid", (f"{AZURE_ML}{kind}",), retry=Retry(max_attempts=1))
    for kind in KINDS
]
VERSIONS = 40
COMPONENT = """\
$schema: https://azuremlschemas.azureedge.net/latest/commandComponent.schema.json
type: command
name: train_nothing
environment: azureml:lost:1
outputs:
  model: {type: custom_model}
command: touch ${{outputs.model}}/model
"""


class Watched(World):
    """The fact path and the poll over a real workspace client."""

    def __init__(self, local: System) -> None:
        super().__init__()
        settings = settings_for(VIGIA_ARM_ENDPOINT=local.addresses.url("azureml"))
        self.real, self.real_id = AzureWorkspace(settings), settings.workspace_id
        self.poll = RegistryPoll(
            policies=self.policies,
            workspace=self.real,
            models=self.models,
            ledger=self.ledger,
            marks=PollMarks(self.memory),
            queue=self.queues,
            outbox=self.outbox,
            clock=self.clock,
            source=settings.workspace_id,
        )

    def take(self, body: str) -> None:
        home = Home(self.real_id, "", "", (WORKSPACE,))
        replace(self.processor, workspace=self.real, home=home).process(body)

    def poll_and_process(self) -> int:
        count = self.poll.run()
        while (body := self.queues.take(EVENTS)) is not None:
            self.take(body)
        return count

    def recorded(self, kind: type) -> set[str]:
        bodies = [entry.fact.body for entry in self.entries()]
        return {str(getattr(body, "version", getattr(body, "run", ""))) for body in bodies if isinstance(body, kind)}


def forward(local: System, grid: Grid, since: int) -> None:
    """Publish the workspace's new events, and wait until each event was taken or lost."""
    grid.publish("workspace", *local.events[since:])
    grid.settle()


def deliver(world: Watched, grid: Grid) -> int:
    """Hand the app what arrived, and return how much that was."""
    for received in grid.functions.received:
        world.take(json.dumps(received.event))
    return len(grid.functions.received)


def registered(local: System, version: int) -> dict[str, Any]:
    path = "azureml://datastores/workspaceblobstore/paths/lost/model"
    local.ml.models.create_or_update(Model(name=MODEL, version=str(version), path=path, type="custom_model"))
    (event,) = local.events_of("ModelRegistered", f"/{MODEL}:{version}")
    return event


def tried(call: Callable[[], object]) -> bool:
    """Return whether the call was accepted: the endpoint may still be busy."""
    try:
        call()
    except WorkspaceBusyError:
        return False
    return True


def is_up(world: Watched, name: DeploymentName) -> bool:
    return name in {
        deployment.name for deployment in world.real.deployments(ENDPOINT) if deployment.state == "Succeeded"
    }


def until(is_so: Callable[[], bool]) -> None:
    Waiting(lambda: None, lambda: None).until("Azure ML is done", is_so)


def test_of_ten_percent_lost_registrations_none_is_missed(system: System) -> None:  # noqa: F811
    world = Watched(system)
    world.poll.run()
    since = len(system.events)
    events = [registered(system, version) for version in range(1, VERSIONS + 1)]

    with running_grid(*ONCE, faults=Faults(drop=0.1, seed=7)) as grid:
        forward(system, grid, since)
        arrived = deliver(world, grid)
    assert 0 < VERSIONS - arrived < VERSIONS / 3

    assert world.poll_and_process() == VERSIONS - arrived

    assert world.recorded(ModelRegistered) == {str(version) for version in range(1, VERSIONS + 1)}
    assert {entry.fact.key for entry in world.entries()} == {fact_from(event).key for event in events}
    assert len(list(world.releases.items())) == VERSIONS
    with counted_requests() as sent:
        assert world.poll_and_process() == 0
    # The training's component, and a page each of versions, jobs and deployments, however much there is.
    assert sent() == 4


def test_a_lost_end_of_a_training_is_found_and_the_event_that_comes_late_changes_nothing(
    system: System,  # noqa: F811
    tmp_path: Any,
) -> None:
    (tmp_path / "component.yaml").write_text(COMPONENT)
    system.ml.environments.create_or_update(Environment(name="lost", version="1", image="python:3.11"))
    system.ml.components.create_or_update(load_component(tmp_path / "component.yaml"))
    world, job = Watched(system), JobName("job-lost-0")
    world.poll.run()
    key = fact_from(data_arrived()).key
    training = Training(job, key, "new-data", world.clock.now() - timedelta(minutes=1))
    world.models.update(MODEL, lambda state: replace(state, trainings=(training,)))
    tags = {"vigia.model": MODEL, "vigia.cause": "new-data"}
    world.real.submit_job(JobRequest(job, "azureml:train_nothing@latest", {}, "churn-training", "Train", tags))
    assert system.wait_for_job(job) == "Completed"
    (event,) = system.events_of("RunCompleted", f"/{job}")

    assert world.poll_and_process() == 1

    assert world.recorded(RunEnded) == {job}
    assert [training.outcome for training in world.models.read(MODEL).trainings] == ["completed"]
    previous = world.effects()
    world.take(json.dumps(event))
    assert world.effects() == previous
    assert world.poll_and_process() == 0


def test_a_lost_deployment_is_found_and_the_event_that_comes_late_changes_nothing(
    system: System,  # noqa: F811
    tmp_path: Any,
) -> None:
    world = Watched(system)
    uri = system.upload(write_toy_model(tmp_path / "toy"), "lost/toy")
    system.ml.models.create_or_update(Model(name=MODEL, version="900", type="mlflow_model", path=uri))
    world.real.create_endpoint(ENDPOINT)
    world.poll.run()  # from now on it is watched
    for number in (1, 2):
        name = DeploymentName(f"blue-{number}")
        request = DeploymentRequest(ENDPOINT, name, ModelName(MODEL), ModelVersion("900"))
        until(partial(tried, partial(world.real.create_deployment, request)))
        until(partial(is_up, world, name))

    assert world.poll_and_process() == 2

    keys = {entry.fact.key for entry in world.entries()}
    events = system.events_of("ModelDeployed", f"endpoints/{ENDPOINT}")
    assert keys == {fact_from(event).key for event in events}
    assert len(keys) == len(events) == 2  # of the same model
    assert world.poll_and_process() == 0
