"""An event never arrives: registry poll, same fact key.

What the events did not tell, one poll does: 10 % of the events dropped, 0 facts missed. What they did tell is not done
again, and nothing that was there before anyone watched is released.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.domain.arm_ids import OPERATION_PROPERTY
from shared.domain.fact import DriftDetected, Fact, ModelDeployed, ModelRegistered, RunEnded
from shared.domain.ids import DeploymentName, EndpointName, JobName, ModelName, ModelVersion
from shared.engine.facts.registry_poll import MOST_VERSIONS, OVERLAP, RegistryPoll
from shared.errors import RetryableError
from shared.events.monitor_breach import BREACH_TAG
from shared.events.registry import parse_fact
from shared.events.wire.envelope import read_events
from shared.policy.sections.model import Policy
from shared.ports.endpoints import DeploymentRecord, EndpointRecord
from shared.ports.jobs import JobRecord
from shared.ports.queues import EVENTS
from tests.unit.engine.fact_world import MODEL, POLICY, Killed, World, a_policy, data_arrived, registered, run_ended
from tests.unit.events.wire import WORKSPACE, fact_from, grid

GOLDEN = Path(__file__).parents[1] / "golden" / "events"
QUARTER = timedelta(minutes=15)
OTHERS = [ModelName(f"model-{number}") for number in range(9)]


def policies() -> list[Policy]:
    """Return churn's policy, and nine like it."""
    base = a_policy()
    endpoints = [replace(base.endpoint, name=EndpointName(name)) for name in OTHERS]
    return [base, *(replace(base, model=m, endpoint=e) for m, e in zip(OTHERS, endpoints, strict=True))]


class Watched(World):
    """A workspace that is polled every quarter of an hour, and tells of itself by events that may be lost."""

    def __init__(self, *policies: Policy) -> None:
        super().__init__(*policies)
        self.azureml.models.clear()
        self.born = self.clock.now()

    @property
    def poll(self) -> RegistryPoll:
        return self.app.registry_poll

    def register(self, version: str, model: str = MODEL, created_at: datetime | None = None) -> str:
        """Register a version, a second after the last one, and return the event that tells of it."""
        self.born += timedelta(seconds=1)
        self.azureml.register(model, version, created_at or self.born)
        return registered(version, model, id=f"{model}-{version}", subject=f"models/{model}:{version}")

    def poll_and_process(self) -> int:
        report = self.poll.run()
        self.deliver()
        return report

    def deliver(self) -> None:
        while (body := self.queues.take(EVENTS)) is not None:
            self.process(body)

    def recorded(self) -> set[str]:
        """Return the versions that the ledger knows, as "model:version"."""
        bodies = [entry.fact.body for entry in self.entries()]
        return {f"{body.model}:{body.version}" for body in bodies if isinstance(body, ModelRegistered)}


@pytest.fixture
def world() -> Watched:
    world = Watched()
    world.poll.run()  # from now on it is watched
    return world


@pytest.mark.parametrize("seed", range(20))
def test_of_ten_percent_lost_events_none_is_missed_after_one_poll(seed: int) -> None:
    chance = random.Random(seed)
    world = Watched(*policies())
    world.poll.run()
    events = [world.register(str(number), model) for number in range(1, 7) for model in (MODEL, *OTHERS)]
    arriving = [event for event in events if chance.random() >= 0.1]
    chance.shuffle(arriving)
    for event in arriving:
        world.process(event)

    missed = world.poll_and_process()

    assert missed == len(events) - len(arriving)
    assert world.recorded() == {f"{model}:{number}" for number in range(1, 7) for model in (MODEL, *OTHERS)}
    assert len(list(world.releases.items())) == len(events)
    assert Counter(outcome.status for entry in world.entries() for outcome in entry.outcomes) == {"done": len(events)}


def test_the_event_that_comes_after_all_is_a_duplicate(world: Watched) -> None:
    event = world.register("7")
    world.poll_and_process()
    effects = world.effects()

    world.process(event)

    assert world.effects() == effects


def test_what_was_told_is_not_told_again(world: Watched) -> None:
    world.process(world.register("7"))

    assert [world.poll.run() for _ in range(3)] == [0, 0, 0]
    assert world.queues.texts(EVENTS) == []


def test_the_first_look_releases_nothing_that_was_there() -> None:
    world = Watched()
    for version in ("1", "2", "3"):
        world.register(version)

    assert world.poll_and_process() == 0
    world.clock.advance(QUARTER)
    assert world.poll_and_process() == 0  # not in the overlap either

    world.register("4")
    assert world.poll_and_process() == 1
    assert world.recorded() == {"churn:4"}


def test_a_policy_that_comes_later_starts_with_a_first_look_of_its_own(world: Watched) -> None:
    for version in ("1", "2"):
        world.register(version, OTHERS[0])

    world.policies = tuple(policies())
    assert world.poll_and_process() == 0

    world.register("3", OTHERS[0])
    assert world.poll_and_process() == 1


def test_a_policy_that_was_gone_for_a_while_does_not_release_what_came_meanwhile(world: Watched) -> None:
    (policy,) = world.policies
    world.policies = ()
    world.poll.run()
    world.register("5")

    world.policies = (policy,)

    assert world.poll_and_process() == 0


def test_a_version_that_shows_up_late_is_found_in_the_overlap(world: Watched) -> None:
    world.process(world.register("7", created_at=world.clock.now() + OVERLAP))
    world.poll.run()

    world.register("6", created_at=world.clock.now() + timedelta(seconds=1))

    assert world.poll_and_process() == 1
    assert world.recorded() == {"churn:6", "churn:7"}


@pytest.mark.parametrize("status", ["Completed", "Failed", "Canceled"])
def test_the_end_of_a_training_that_nobody_told_is_found(world: Watched, status: str) -> None:
    world.process(data_arrived())
    (training,) = world.models.read(MODEL).trainings
    assert world.poll_and_process() == 0  # it runs
    world.azureml.end_job(training.job, status)
    if status == "Completed":
        world.process(world.register("7", created_at=world.clock.now() + timedelta(seconds=1)))

    assert world.poll_and_process() == 1

    (ended,) = [entry for entry in world.entries() if isinstance(entry.fact.body, RunEnded)]
    kind = "RunCompleted" if status == "Completed" else "RunStatusChanged"
    effects = world.effects()
    world.process(run_ended(kind, status, run=training.job))
    assert world.effects() == effects
    assert [outcome.reaction for outcome in ended.outcomes if outcome.reaction == "note-training"] == ["note-training"]
    calls = world.fuse.calls
    assert world.poll_and_process() == 0
    # The marks, the model's memory, jobs, versions, deployments and data: the training is not asked about any more, and
    # the version that it registered only of the ledger.
    assert world.fuse.calls - calls == 6 + (status == "Completed")


def ended(name: str, status: str, at: datetime, **tags: str) -> JobRecord:
    return JobRecord(JobName(name), status, tags, "ben@example.com", experiment="night", created_at=at)


def test_a_strangers_run_is_recorded_once_and_what_ended_before_anyone_watched_is_not() -> None:
    world = Watched()
    now = world.clock.now()
    world.azureml.jobs["old"] = ended("old", "Failed", now - timedelta(hours=1))
    assert world.poll_and_process() == 0
    world.azureml.jobs["new"] = ended("new", "Completed", now)
    world.azureml.jobs["runs"] = ended("runs", "Running", now)

    assert [world.poll_and_process() for _ in range(2)] == [1, 0]
    world.azureml.jobs["runs"] = ended("runs", "Canceled", now)
    world.clock.advance(QUARTER)
    assert [world.poll_and_process() for _ in range(2)] == [1, 0]

    runs = {entry.fact.body.run: entry.outcomes for entry in world.entries() if isinstance(entry.fact.body, RunEnded)}
    assert runs == {"new": (), "runs": ()}
    effects = world.effects()
    world.process(run_ended("RunCompleted", "Completed", run="new", model=None))
    assert world.effects() == effects


def test_drift_that_a_monitor_found_and_nobody_told_is_the_same_fact_as_its_event(world: Watched) -> None:
    (breach,) = read_events(json.dumps(json.loads((GOLDEN / "monitor-breach-root.json").read_text())["body"]))
    fact = parse_fact(breach)
    assert isinstance(fact, Fact)
    assert isinstance(fact.body, DriftDetected)
    tags = {BREACH_TAG: breach.data.mapping("runTags").text(BREACH_TAG)}
    assert fact.source == WORKSPACE.lower()
    world.azureml.jobs["m"] = ended(fact.body.run, "Completed", world.clock.now(), **tags)

    assert [world.poll.run() for _ in range(2)] == [2, 0]

    keys = {fact_from(json.loads(text)).key for text in world.queues.texts(EVENTS)}
    assert fact.key in keys
    world.deliver()
    assert {type(entry.fact.body) for entry in world.entries()} == {DriftDetected, RunEnded}


def deployed(operation: str, state: str = "Succeeded", version: str = "7", name: str = "blue") -> DeploymentRecord:
    return DeploymentRecord(DeploymentName(name), MODEL, ModelVersion(version), state, operation)


def have(world: Watched, *deployments: DeploymentRecord) -> int:
    """Have these on churn's endpoint, and poll."""
    endpoint = world.policies[0].endpoint.name
    world.azureml.endpoints[endpoint] = EndpointRecord(endpoint, "Succeeded", {}, {}, deployments, "")
    world.clock.advance(QUARTER)
    return world.poll_and_process()


def deployed_event(operation: str, minute: int) -> str:
    uri = f"https://management.azure.com/x/mfeOperationsStatus/{operation.upper()}?api-version=2023-04-01-preview"
    data = {"ServiceName": "churn", "ModelIds": "churn:7", "ServiceProperties": {OPERATION_PROPERTY: uri}}
    return json.dumps(grid("ModelDeployed", data, id=f"e-{minute}", eventTime=f"2026-11-20T07:{minute:02}:00Z"))


def notified_deployments(world: Watched) -> int:
    return sum(isinstance(entry.fact.body, ModelDeployed) for entry in world.entries())


def test_a_deployment_that_nobody_told_is_the_same_fact_as_its_event() -> None:
    world = Watched()
    assert have(world, deployed("odidp:1:1")) == 0  # it was there when watching began
    assert have(world, deployed("odidp:1:1"), deployed("odidp:2:2", "Creating", name="green")) == 0
    assert have(world, deployed("odidp:1:1"), deployed("odidp:2:2", name="green")) == 1
    assert have(world, deployed("odidp:1:1"), deployed("odidp:2:2", name="green")) == 0

    world.process(deployed_event("odidp:2:2", 5))
    world.process(deployed_event("odidp:2:2", 9))

    assert notified_deployments(world) == 1


def test_two_deployments_of_the_same_model_are_two_facts(world: Watched) -> None:
    have(world)
    world.process(deployed_event("odidp:1:1", 1))
    assert have(world, deployed("odidp:1:1")) == 0
    assert have(world) == 0  # deleted
    assert have(world, deployed("odidp:2:2")) == 1

    assert notified_deployments(world) == 2


def test_a_deployment_that_is_scaled_or_names_no_operation_tells_nothing() -> None:
    world = Watched()
    have(world, deployed("odidp:1:1"))
    assert have(world, deployed("odidp:2:2", "Updating")) == 0
    assert have(world, deployed("odidp:2:2")) == 0
    assert have(world, deployed("odidp:2:2"), deployed("", name="green")) == 0
    assert notified_deployments(world) == 0


def test_one_look_costs_one_listing_of_jobs_and_three_calls_per_policy(world: Watched) -> None:
    world = Watched(*policies())
    previous = [world.poll.run(), world.poll.run()]
    now = world.clock.now()
    for number in range(300):
        world.azureml.jobs[f"j-{number}"] = ended(f"j-{number}", "Completed", now)
        world.azureml.register(f"elsewhere-{number}", "1", now)
    world.poll_and_process()

    counts = Counter[str]()
    world.workspace = Counted(world.azureml, counts)
    assert [*previous, world.poll.run()] == [0, 0, 0]
    assert counts == {"recent_jobs": 1, "models_after": 10, "deployments": 10, "recipe": 10}


class Counted:
    def __init__(self, target: object, counts: Counter[str]) -> None:
        self._target = target
        self._counts = counts

    def __getattr__(self, name: str) -> Any:
        self._counts[name] += 1
        return getattr(self._target, name)


def test_one_models_trouble_does_not_keep_the_others_waiting_and_is_made_up_for() -> None:
    world = Watched(*policies())
    world.poll.run()
    for model in (MODEL, OTHERS[0]):
        world.register("1", model)
    world.azureml.errors["models_after"] = [RetryableError("workspace.retry", "later")]

    assert world.poll_and_process() == 1
    assert world.recorded() == {f"{OTHERS[0]}:1"}
    assert world.poll_and_process() == 1
    assert world.recorded() == {f"{OTHERS[0]}:1", "churn:1"}


@pytest.mark.parametrize("is_late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", ["send events", "replace polls/", "models_after"])
def test_a_poll_that_dies_is_made_up_for_by_the_next(world: Watched, call: str, is_late: bool) -> None:
    world.register("7")
    world.fuse.burns_on, world.fuse.is_late = call, is_late
    with pytest.raises(Killed):
        world.poll.run()

    world.poll_and_process()

    assert world.recorded() == {"churn:7"}
    assert len(list(world.releases.items())) == 1


def test_the_cost_does_not_grow_with_what_is_known(world: Watched) -> None:
    def calls_of_one_poll() -> int:
        calls = world.fuse.calls
        world.poll.run()
        return world.fuse.calls - calls

    for version in range(1, 6):
        world.process(world.register(str(version)))
    world.poll.run()
    few = calls_of_one_poll()
    for version in range(6, 1000):
        world.azureml.register(MODEL, str(version), world.clock.now() - timedelta(days=version))

    assert calls_of_one_poll() == few


def test_the_ends_of_more_than_five_hundred_jobs_are_told(world: Watched) -> None:
    world.poll.run()
    now = world.clock.now()
    for number in range(600):
        world.azureml.jobs[f"j-{number}"] = ended(f"j-{number}", "Completed", now)
    assert world.poll.run() == 600


def test_of_very_many_the_newest_are_told(world: Watched) -> None:
    for version in range(1, MOST_VERSIONS + 11):
        world.register(str(version))

    assert world.poll.run() == MOST_VERSIONS
    assert '"ModelVersion": "11"' in world.queues.texts(EVENTS)[0]  # oldest first


def test_without_a_rollout_a_version_is_noted_and_nothing_is_done() -> None:
    start, end = POLICY.index("evaluate:"), POLICY.index("budget:")
    world = Watched(a_policy(POLICY[:start] + POLICY[end:]))
    world.poll.run()
    world.register("7")

    world.poll_and_process()

    assert world.entry().outcomes == ()
