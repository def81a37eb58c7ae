"""Scheduled trainings: one request per moment, whoever slept through it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.fact import Fact
from shared.domain.ids import FactKey
from shared.domain.state import Freeze
from shared.engine.facts.schedules import Schedules
from shared.errors import RetryableError
from shared.events.registry import parse_fact
from shared.events.wire.envelope import read_events
from shared.policy.sections.model import Policy
from shared.reactions.start_training import hold_back
from tests.fakes.blobs import MemoryBlobStore
from tests.fakes.clock import FakeClock
from tests.fakes.publisher import FakePublisher
from tests.unit.engine.fact_world import MODEL, Killed, World, a_policy, blob_created, data_arrived, requested
from tests.unit.events.wire import WORKSPACE, cloud, fact_from
from tests.unit.reactions.context import context_for, proposed

HOUR = timedelta(hours=1)
STORE = "azureml://datastores/workspaceblobstore/paths/"

# 2026-11-20 is a Friday; the fake clock starts at 09:00 UTC.
NIGHTLY = a_policy(**{"[drift, performance, new-data]": '[{schedule: "0 0 3 * * *"}]'})
TWO = a_policy(**{"[drift, performance, new-data]": '[{schedule: "0 0 3 * * *"}, {schedule: "30 0 12 * * 6"}]'})


class Night(World):
    def __init__(self, policy: Policy = NIGHTLY) -> None:
        super().__init__(policy)
        self.topic = FakePublisher()
        self.looked_at = MemoryBlobStore(self.clock.now)

    def look(self) -> list[str]:
        """Have a fresh process look at the schedules; return the reasons of what it published."""
        previous = len(self.topic.events)
        Schedules(self.policies, self.looked_at, self.topic, self.clock, WORKSPACE).run()
        return [str(event.data["request"]) for event in self.topic.events[previous:]]


def test_a_moment_between_two_looks_is_asked_for_once() -> None:
    night = Night()
    assert night.look() == []
    night.clock.advance(timedelta(hours=18))  # 03:00 to the second
    assert night.look() == ["schedule 0 0 3 * * * at 2026-11-21T03:00:00+00:00"]
    assert night.look() == []
    night.clock.advance(timedelta(minutes=1))
    assert night.look() == []


def test_the_first_look_makes_up_for_nothing() -> None:
    assert Night().look() == []


def test_moments_that_were_slept_through_are_made_up_for_by_the_newest() -> None:
    night = Night()
    night.look()
    night.clock.advance(timedelta(days=30))
    assert night.look() == ["schedule 0 0 3 * * * at 2026-12-20T03:00:00+00:00"]


def test_each_schedule_of_a_policy_is_looked_at() -> None:
    night = Night(TWO)
    night.look()
    night.clock.advance(timedelta(days=1, hours=6))
    assert night.look() == [
        "schedule 0 0 3 * * * at 2026-11-21T03:00:00+00:00",
        "schedule 30 0 12 * * 6 at 2026-11-21T12:00:30+00:00",
    ]


@pytest.mark.parametrize("trouble", [RetryableError("publisher.refused", "later"), Killed()], ids=["refused", "death"])
def test_a_request_that_could_not_be_published_is_published_the_next_time(trouble: BaseException) -> None:
    night = Night()
    night.look()
    night.clock.advance(timedelta(days=1))
    night.topic.errors.append(trouble)
    with pytest.raises(type(trouble)):
        night.look()
    assert len(night.look()) == 1


def test_a_crash_before_the_look_is_noted_asks_for_the_same_training() -> None:
    night = Night()
    night.look()
    noted = night.looked_at.get("schedules/looked-at.txt")
    assert noted is not None
    night.clock.advance(timedelta(days=1))
    night.look()
    night.looked_at.put("schedules/looked-at.txt", noted.body)
    night.look()
    first, second = night.topic.events
    assert first == second
    night.process(cloud(first))
    night.process(cloud(second))
    assert len(night.azureml.jobs) == 1


def test_a_scheduled_training_is_nobodys_so_that_anyone_may_approve_its_release() -> None:
    night = Night()
    night.look()
    night.clock.advance(timedelta(days=1))
    night.look()
    (event,) = night.topic.events
    fact = parse_fact(read_events(cloud(event))[0])
    assert isinstance(fact, Fact)
    assert fact.occurred_at == datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
    night.process(cloud(event))
    (job,) = night.azureml.jobs.values()
    assert job.tags["vigia.cause"] == "schedule"
    assert "vigia.submitter" not in job.tags


class Arrivals(World):
    """Data arrives; the schedules look every minute, and the app processes what they publish."""

    def __init__(self, policy: Policy | None = None) -> None:
        super().__init__(*([policy] if policy else []))
        self.topic = FakePublisher()

    def pass_time(self, span: timedelta, step: timedelta = timedelta(minutes=1)) -> None:
        for _ in range(round(span / step)):
            self.clock.advance(step)
            published = len(self.topic.events)
            Schedules(self.policies, self.memory, self.topic, self.clock, WORKSPACE).run()
            for event in self.topic.events[published:]:
                self.process(cloud(event))

    @property
    def trainings(self) -> list[tuple[str, timedelta]]:
        """Return each training's cause, and how long after the first look it started."""
        trainings = self.models.read(MODEL).trainings
        return [(training.cause, training.started_at - FakeClock().now()) for training in trainings]


def test_versions_that_came_during_the_cooldown_are_trained_on_once_when_it_ends() -> None:
    world = Arrivals()
    world.process(data_arrived(version="2"))
    for version in ("3", "4"):
        world.pass_time(HOUR)
        world.process(data_arrived(version=version))
    assert len(world.trainings) == 1
    held = [o.detail for entry in world.entries() for o in entry.outcomes if o.status == "suppressed"]
    assert all("the data waits, and is trained on once that is over" in detail for detail in held)

    world.pass_time(2 * timedelta(days=1))

    assert world.trainings == [("new-data", timedelta(0)), ("new-data", 6 * HOUR)]
    assert world.azureml.requests[-1].inputs == {"training_data": "azureml:customers@latest"}  # type: ignore[union-attr]
    assert "customers:4 last" in str(world.topic.events[0].data["reason"])
    job = world.azureml.jobs[world.models.read(MODEL).trainings[-1].job]
    assert "vigia.submitter" not in job.tags


def test_a_training_for_another_reason_reads_the_data_that_waits() -> None:
    world = Arrivals()
    world.process(data_arrived(version="2"))
    world.pass_time(HOUR)
    world.process(data_arrived(version="3"))
    world.clock.advance(5 * HOUR)  # no schedule has looked yet
    world.process(requested())
    world.pass_time(timedelta(days=1))
    assert [cause for cause, _ in world.trainings] == ["new-data", "request"]


def test_a_folder_of_files_is_trained_on_once_no_more_come() -> None:
    world = Arrivals(a_policy(**{'"azureml:customers@latest"': f'"{STORE}training"'}))
    for number in range(5):
        world.process(blob_created(f"training/part-{number}.parquet"))
        world.pass_time(timedelta(minutes=4))
    assert world.trainings == []

    world.pass_time(timedelta(days=1))

    assert world.trainings == [("new-data", timedelta(minutes=26))]
    assert "reaction-suppressed" not in world.kinds


def test_data_that_came_while_retraining_was_frozen_waits_for_the_thaw() -> None:
    world = Arrivals()
    frozen = Freeze("month-end", world.clock.now(), FactKey("0" * 64))
    world.models.update(MODEL, lambda state: replace(state, freeze=frozen))
    world.process(data_arrived())
    world.pass_time(timedelta(days=2), HOUR)
    assert world.trainings == []
    world.models.update(MODEL, lambda state: replace(state, freeze=None))
    world.pass_time(timedelta(days=1), HOUR)
    assert world.trainings == [("new-data", timedelta(days=2, hours=1))]


def test_a_worker_that_a_training_overtook_has_nothing_wait_again() -> None:
    world = Arrivals()
    world.process(data_arrived(version="2"))
    world.pass_time(HOUR)
    late = data_arrived(version="3")
    (reaction,) = proposed("start-training", late, world.models.read(MODEL))
    overtaken = context_for(world, fact_from(late))
    world.process(late)
    world.pass_time(6 * HOUR)
    hold_back(reaction, overtaken)
    world.pass_time(timedelta(days=1))
    assert len(world.trainings) == 2
