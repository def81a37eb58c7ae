"""Worker clock skew ±1 h: no effect.

On leases it has none: their age is the difference of two times of the storage service. Nor does a training start too
early: what is done is judged by the time of the claim, the storage service's too. And decisions, which look at the
worker's clock, look at one that every answer of the storage service puts right: none is late either.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.adapters.storage.clock import ServiceClock
from shared.engine.facts.process import Processor
from tests.fakes.app import MemoryApp
from tests.fakes.clock import FakeClock
from tests.unit.engine.fact_world import LEASE, MODEL, SETTINGS, Killed, World, data_arrived, drift

HOUR = timedelta(hours=1)
SKEWS = [pytest.param(-HOUR, id="behind"), pytest.param(HOUR, id="ahead")]
SECOND = timedelta(seconds=1)
COOLDOWN = timedelta(hours=6)


class Skewed:
    """A worker's clock that is off by as much."""

    def __init__(self, true: FakeClock, by: timedelta) -> None:
        self._true = true
        self._by = by

    def now(self) -> datetime:
        return self._true.now() + self._by


class Heard:
    """A store whose answers tell a worker's clock the time, as those of the storage service do."""

    def __init__(self, blobs: Any, clock: ServiceClock) -> None:
        self._blobs = blobs
        self._clock = clock

    def get(self, name: str) -> Any:
        blob = self._blobs.get(name)
        if blob is not None:
            self._clock.synchronise(blob.read_at)
        return blob

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blobs, name)


class Workers(World):
    """One storage service with the true time, and workers with clocks of their own."""

    def worker(self, skew: timedelta) -> Processor:
        clock = ServiceClock(Skewed(self.clock, skew).now)
        blobs: Any = Heard(self.blobs, clock)
        return MemoryApp(SETTINGS, clock, self.policies, **{**self.ports(), "blobs": blobs}).processor

    def begin(self, skew: timedelta) -> None:
        """Have a worker claim a fact and die."""
        self.fuse.burns_on = "submit_job"
        with pytest.raises(Killed):
            self.worker(skew).process(self.make_true(drift()))


@pytest.mark.parametrize("of_successor", SKEWS)
@pytest.mark.parametrize("of_first", SKEWS)
def test_a_fresh_claim_is_left_alone_whatever_the_clocks_say(of_first: timedelta, of_successor: timedelta) -> None:
    world = Workers()
    world.begin(of_first)
    world.clock.advance(LEASE - SECOND)

    world.worker(of_successor).process(world.make_true(drift()))
    (key,) = world.ledger.open_keys()
    world.worker(of_successor).resume(key)

    assert (world.entry().state, world.entry().epoch) == ("claimed", 1)
    assert world.azureml.jobs == {}


@pytest.mark.parametrize("of_successor", SKEWS)
@pytest.mark.parametrize("of_first", SKEWS)
def test_a_claim_past_its_lease_is_taken_over_whatever_the_clocks_say(
    of_first: timedelta, of_successor: timedelta
) -> None:
    world = Workers()
    world.begin(of_first)
    world.clock.advance(LEASE)

    (key,) = world.ledger.open_keys()
    world.worker(of_successor).resume(key)

    assert (world.entry().state, world.entry().epoch) == ("done", 2)
    assert len(world.azureml.jobs) == 1


@pytest.mark.parametrize("skew", SKEWS)
def test_a_fact_is_one_training_under_one_name_whoever_decides(skew: timedelta) -> None:
    skewed, exact = Workers(), Workers()
    for _ in range(2):
        skewed.worker(skew).process(skewed.make_true(drift()))
        skewed.worker(-skew).process(skewed.make_true(drift()))
        exact.process(exact.make_true(drift()))

    assert list(skewed.azureml.jobs) == list(exact.azureml.jobs)
    assert [training.job for training in skewed.models.read(MODEL).trainings] == list(exact.azureml.jobs)


@pytest.mark.parametrize("of_first", SKEWS)
def test_no_skew_lets_a_training_start_early(of_first: timedelta) -> None:
    for of_next in (-HOUR, HOUR):
        world = Workers()
        world.worker(of_first).process(world.make_true(data_arrived(version="1")))

        world.clock.advance(COOLDOWN - SECOND)
        world.worker(of_next).process(world.make_true(data_arrived(version="2")))

        assert len(world.azureml.jobs) == 1


@pytest.mark.parametrize("of_next", SKEWS)
@pytest.mark.parametrize("of_first", SKEWS)
def test_no_skew_holds_a_training_back(of_first: timedelta, of_next: timedelta) -> None:
    world = Workers()
    world.worker(of_first).process(world.make_true(data_arrived(version="1")))

    world.clock.advance(COOLDOWN)
    world.worker(of_next).process(world.make_true(data_arrived(version="2")))

    assert len(world.azureml.jobs) == 2


def test_a_machine_that_is_right_keeps_its_own_time_and_one_that_is_off_is_put_right() -> None:
    true = FakeClock()
    clock = ServiceClock(Skewed(true, HOUR).now)
    assert clock.now() == true.now() + HOUR  # nobody has said anything yet
    clock.synchronise(true.now())
    assert clock.now() == true.now()
    true.advance(HOUR)
    assert clock.now() == true.now()

    right = ServiceClock(true.now)
    right.synchronise(true.now() - 3 * SECOND)  # an answer's date is in whole seconds, and was on its way
    assert right.now() == true.now()
    right.synchronise(true.now() + HOUR)
    right.synchronise(true.now())
    assert right.now() == true.now()
