"""Training fails again and again: breaker after 3, one escalation.

After three trainings in a row that failed or were canceled, drift, schedules and new data start no further one, and a
person is called once. A success, or a training that a person asked for, restarts the count.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.reactions.start_training import SCHEDULE
from tests.unit.engine.fact_world import MODEL, Killed, World, a_policy, data_arrived, drift, requested, run_ended

NEXT = timedelta(hours=25)  # beyond the cooldown and the limit per day


class Trainings(World):
    """A model whose data drifts again and again; new data keeps the chain of measured causes short."""

    def __init__(self) -> None:
        super().__init__(a_policy())
        self.number = 0

    def start(self, body: str = "") -> str | None:
        """Ask for the next training; return its job, or None when it was held back."""
        self.number += 1
        jobs = set(self.azureml.jobs)
        self.process(body or data_arrived(version=str(self.number)))
        self.clock.advance(NEXT)
        return next(iter(set(self.azureml.jobs) - jobs), None)

    def end(self, job: str, status: str = "Failed") -> None:
        kind = "RunCompleted" if status == "Completed" else "RunStatusChanged"
        self.process(run_ended(kind, status, run=job))

    def fail(self, times: int, status: str = "Failed") -> list[str]:
        jobs = [self.start() for _ in range(times)]
        for job in jobs:
            assert job is not None
            self.end(job, status)
        return [job for job in jobs if job]

    def reasons(self) -> list[str]:
        return [reaction.suppressed for entry in self.entries() for reaction in entry.plan if reaction.suppressed]


@pytest.mark.parametrize("status", ["Failed", "failed", "Canceled"])
def test_the_fourth_training_waits_for_a_person(status: str) -> None:
    world = Trainings()
    jobs = world.fail(3, status)

    assert world.start() is None

    assert world.reasons() == [
        f"breaker: the last 3 trainings failed ({', '.join(jobs)}); a person has to ask for the next one"
    ]
    assert {training.outcome for training in world.models.read(MODEL).trainings} <= {"failed", "canceled"}


@pytest.mark.parametrize(
    "body",
    [drift(), drift(signal="performance"), data_arrived(version="99"), requested(by=SCHEDULE)],
    ids=["drift", "performance", "new_data", "schedule"],
)
def test_nothing_but_a_person_starts_another(body: str) -> None:
    world = Trainings()
    world.fail(3)

    assert world.start(body) is None


def test_people_are_called_once_however_often_it_fails_or_is_told() -> None:
    world = Trainings()
    jobs = world.fail(2)
    running = [world.start(), world.start()]  # two at once: the row grows to four

    for job in running:
        assert job is not None
        for _ in range(3):
            world.end(job)
    world.start()
    world.start()

    assert world.kinds.count("training-breaker") == 1
    [record] = [record for record in world.outbox.store.records() if record.notice.kind == "training-breaker"]
    assert record.notice.parameters["reason"] == f"the last 3 trainings failed ({', '.join([*jobs, str(running[0])])})"


def test_a_persons_request_is_heard_and_begins_the_count_anew() -> None:
    world = Trainings()
    world.fail(3)

    requested_job = world.start(requested())
    assert requested_job is not None
    world.end(requested_job)  # the first of a new row

    assert world.start() is not None
    assert world.kinds.count("training-breaker") == 1


def test_a_second_row_calls_again() -> None:
    world = Trainings()
    world.fail(3)
    requested_job = world.start(requested())
    assert requested_job is not None
    world.end(requested_job)

    world.fail(2)

    assert world.start() is None
    assert world.kinds.count("training-breaker") == 2


def test_a_success_begins_the_count_anew() -> None:
    world = Trainings()
    world.fail(2)
    job = world.start()
    assert job is not None
    world.end(job, "Completed")

    world.fail(2)

    assert world.start() is not None
    assert "training-breaker" not in world.kinds


def test_failures_count_in_the_order_of_their_starts_however_they_are_told() -> None:
    world = Trainings()
    jobs = [world.start() for _ in range(3)]

    for job in reversed(jobs):
        assert job is not None
        world.end(job)

    assert world.start() is None
    assert world.kinds.count("training-breaker") == 1


def test_runs_that_we_did_not_start_do_not_count() -> None:
    world = Trainings()

    for number in range(5):
        world.end(f"somebodys-copy-{number}")

    assert world.start() is not None
    assert "training-breaker" not in world.kinds


def test_a_worker_that_dies_while_noting_leaves_nothing_out_and_nothing_twice() -> None:
    world = Trainings()
    world.fail(2)
    job = world.start()
    assert job is not None
    world.fuse.burns_on = f"replace models/{MODEL}"
    with pytest.raises(Killed):
        world.end(job)

    world.sweep_after_the_lease()

    assert world.start() is None
    assert world.kinds.count("training-breaker") == 1
