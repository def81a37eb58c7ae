"""Waiting ends when what is waited for happens, or when nothing moves any more; never because time has passed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from local.demo.waiting import STILL_AFTER_ERROR_SECONDS, STILL_SECONDS, StoodStillError, Waiting
from local.errors import LocalSystemError

DAY = 86_400.0


class Machine:
    """A clock that `sleep` turns, and a system that says what it is told to say."""

    def __init__(self) -> None:
        self.now = 0.0
        self.errors: list[str] = []
        self.moves: Callable[[], object] = lambda: None

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def waiting(self, check: Callable[[], None] = lambda: None) -> Waiting:
        return Waiting(check, lambda: self.moves(), lambda: self.errors, lambda: self.now, self.sleep)


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_what_happens_after_a_day_is_waited_for_while_something_moves(machine: Machine) -> None:
    machine.moves = lambda: machine.now // (STILL_SECONDS / 2)
    assert machine.waiting().until("it", lambda: machine.now > DAY) is True
    assert machine.now > DAY


def test_a_system_that_stands_still_is_left_and_what_was_waited_for_is_named(machine: Machine) -> None:
    with pytest.raises(StoodStillError, match="while waiting for this: version 2 passes its gates"):
        machine.waiting().until("version 2 passes its gates", lambda: None)
    assert STILL_SECONDS < machine.now < STILL_SECONDS + 10


def test_after_an_error_of_the_app_there_is_less_patience_and_the_error_is_told(machine: Machine) -> None:
    def probe() -> None:
        machine.errors = ["12:00:00.000 error   vigia: policy.broken"] if machine.now > 60 else []

    with pytest.raises(StoodStillError, match=r"last error: .*policy\.broken"):
        machine.waiting().until("it", probe)
    assert STILL_AFTER_ERROR_SECONDS < machine.now < STILL_SECONDS


def test_an_error_after_which_the_system_got_on_costs_no_patience(machine: Machine) -> None:
    machine.moves = lambda: machine.now > 30

    def probe() -> bool:
        machine.errors = ["12:00:00.000 error   vigia: once"] if machine.now > 10 else []
        return machine.now > STILL_SECONDS

    assert machine.waiting().until("it", probe)


def test_a_look_that_fails_is_taken_again(machine: Machine) -> None:
    def probe() -> str:
        if machine.now < 60:
            raise TimeoutError("the machine is busy")
        return "found"

    assert machine.waiting().until("it", probe) == "found"


def test_a_part_that_has_ended_ends_the_waiting_at_once(machine: Machine) -> None:
    def probe() -> None:
        raise ConnectionRefusedError("nobody listens")

    def check() -> None:
        raise LocalSystemError("the Functions host has ended")

    with pytest.raises(LocalSystemError, match="has ended"):
        machine.waiting(check).until("it", probe)
    assert machine.now == 0
