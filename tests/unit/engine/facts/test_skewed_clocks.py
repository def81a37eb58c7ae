"""Workers whose clocks are an hour off act as if they were not."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.engine.facts.process import Processor
from shared.errors import AmbiguousWriteError
from shared.ports.blobs import Written
from tests.fakes.clock import FakeClock
from tests.unit.engine.fact_world import MODEL, World, drift

HOUR = timedelta(hours=1)


class SkewedClock:
    def __init__(self, clock: FakeClock, skew: timedelta) -> None:
        self._clock, self._skew = clock, skew

    def now(self) -> datetime:
        return self._clock.now() + self._skew


def worker(world: World, skew: timedelta) -> Processor:
    """Return a worker that differs from the others in its clock; the storage's clock is everybody's."""
    parts = {**vars(world.processor), "clock": SkewedClock(world.clock, skew)}
    return Processor(**parts)


class SlowNotes:
    """A blob store whose next write of a model's memory takes effect when the test says so; nobody answers it."""

    def __init__(self, blobs: Any) -> None:
        self._blobs = blobs
        self.land: Callable[[], Written | None] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blobs, name)

    def replace(self, name: str, *rest: Any) -> Written | None:
        if not name.startswith("models/") or self.land:
            return self._blobs.replace(name, *rest)  # type: ignore[no-any-return]
        self.land = lambda: self._blobs.replace(name, *rest)
        raise AmbiguousWriteError("storage.ambiguous", f"no answer to writing {name}")


@pytest.mark.parametrize("skew", [-HOUR, HOUR], ids=["behind", "ahead"])
def test_a_cooldown_is_as_long_as_it_is_whatever_a_workers_clock_says(skew: timedelta) -> None:
    world = World()
    worker(world, -skew).process(world.make_true(drift("7@1")))
    world.trainings_end()
    world.clock.advance(timedelta(hours=5, minutes=30))
    worker(world, skew).process(world.make_true(drift("7@2")))
    assert len(world.azureml.jobs) == 1
    world.clock.advance(timedelta(hours=2))
    worker(world, skew).process(world.make_true(drift("7@3")))
    assert len(world.azureml.jobs) == 2


def test_a_note_that_lands_late_is_never_one_that_the_next_worker_found_too_early() -> None:
    """Otherwise the training would stay noted without a job, and hold the next one back."""
    world = World()
    world.process(drift("7@1"))
    world.clock.advance(timedelta(hours=5, minutes=30))
    slow = world.blobs = SlowNotes(world.blobs)
    with suppress(AmbiguousWriteError):
        worker(world, HOUR).process(drift("7@2"))
    worker(world, timedelta(0)).process(drift("7@2"))
    if slow.land:
        slow.land()
    assert {training.job for training in world.models.read(MODEL).trainings} == set(world.azureml.jobs)
