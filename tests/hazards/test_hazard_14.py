"""Hazard 14: "Worker clock skew ±1 h: no effect."

On leases it has none: their age is the difference of two times of the storage service. Nor does a training start too
early: what is done is judged by the time of the claim, the storage service's too. One effect is left: decisions
look at the worker's clock first, so that a worker that is an hour behind may hold a training back for an hour too long.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.engine.process import Processor
from shared.store.ledger import Ledger
from tests.fakes.clock import FakeClock
from tests.unit.engine.fact_world import LEASE, MODEL, Killed, World, data_arrived, drift

HOUR = timedelta(hours=1)
SKEWS = [pytest.param(-HOUR, id="behind"), pytest.param(HOUR, id="ahead")]
SECOND = timedelta(seconds=1)
COOLDOWN = timedelta(hours=6)


class Skewed:
    """A worker's clock that is off by as much."""

    def __init__(self, true: FakeClock, by: timedelta) -> None:
        self._true = true
        self._by = by

    def now(self) -> object:
        return self._true.now() + self._by


class Workers(World):
    """One storage service with the true time, and workers with clocks of their own."""

    def worker(self, skew: timedelta) -> Processor:
        return Processor(
            policies=self.policies,
            ledger=Ledger(self.blobs, LEASE),
            models=self.processor.models,
            workspace=self.workspace,
            releases=self.processor.releases,
            outbox=self.outbox,
            quarantine=self.quarantine,
            clock=Skewed(self.clock, skew),  # type: ignore[arg-type]
        )

    def begin(self, skew: timedelta) -> None:
        """Have a worker claim a fact and die."""
        self.fuse.burns_on = "submit_job"
        with pytest.raises(Killed):
            self.worker(skew).process(drift())


@pytest.mark.parametrize("of_successor", SKEWS)
@pytest.mark.parametrize("of_first", SKEWS)
def test_a_fresh_claim_is_left_alone_whatever_the_clocks_say(of_first: timedelta, of_successor: timedelta) -> None:
    world = Workers()
    world.begin(of_first)
    world.clock.advance(LEASE - SECOND)

    world.worker(of_successor).process(drift())
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
        skewed.worker(skew).process(drift())
        skewed.worker(-skew).process(drift())
        exact.process(drift())

    assert list(skewed.azureml.jobs) == list(exact.azureml.jobs)
    assert [training.job for training in skewed.models.read(MODEL).trainings] == list(exact.azureml.jobs)


@pytest.mark.parametrize("of_first", SKEWS)
def test_no_skew_lets_a_training_start_early(of_first: timedelta) -> None:
    for of_next in (-HOUR, HOUR):
        world = Workers()
        world.worker(of_first).process(data_arrived(version="1"))

        world.clock.advance(COOLDOWN - SECOND)
        world.worker(of_next).process(data_arrived(version="2"))

        assert len(world.azureml.jobs) == 1


@pytest.mark.parametrize(
    ("of_next", "late"), [pytest.param(HOUR, timedelta(0), id="ahead"), pytest.param(-HOUR, HOUR, id="behind")]
)
@pytest.mark.parametrize("of_first", SKEWS)
def test_a_training_starts_late_by_no_more_than_its_worker_is_behind(
    of_first: timedelta, of_next: timedelta, late: timedelta
) -> None:
    world = Workers()
    world.worker(of_first).process(data_arrived(version="1"))

    world.clock.advance(COOLDOWN + late)
    world.worker(of_next).process(data_arrived(version="2"))

    assert len(world.azureml.jobs) == 2
