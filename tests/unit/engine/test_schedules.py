"""Scheduled trainings: one request per moment, whoever slept through it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.fact import Fact
from shared.engine.schedules import Schedules
from shared.errors import RetryableError
from shared.events.envelope import read_events
from shared.events.registry import parse_fact
from shared.policy.model import Policy
from tests.fakes.blobs import MemoryBlobStore
from tests.fakes.publisher import FakePublisher
from tests.unit.engine.fact_world import Killed, World, a_policy
from tests.unit.events.wire import WORKSPACE, cloud

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
        before = len(self.topic.events)
        Schedules(self.policies, self.looked_at, self.topic, self.clock, WORKSPACE).run()
        return [str(event.data["request"]) for event in self.topic.events[before:]]


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
