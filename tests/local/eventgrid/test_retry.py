"""The retry schedule, as documented."""

from __future__ import annotations

from datetime import timedelta

import pytest

from local.eventgrid.retry import answer_of, delay_before_next, reason_to_give_up
from local.eventgrid.subscription import Retry


def test_schedule_grows_to_twelve_hours() -> None:
    seconds = [delay_before_next(answer_of(500), attempts).total_seconds() for attempts in range(1, 12)]
    assert seconds == [10, 30, 60, 300, 600, 1800, 3600, 10800, 21600, 43200, 43200]


def test_eleven_attempts_fit_into_a_day() -> None:
    waits = [delay_before_next(answer_of(500), attempts) for attempts in range(1, 11)]
    assert timedelta(hours=22.7) < sum(waits, timedelta()) < timedelta(hours=24)


@pytest.mark.parametrize(("status", "seconds"), [(401, 300), (404, 300), (408, 120), (503, 30), (429, 10)])
def test_first_wait_after_a_status_is_at_least(status: int, seconds: int) -> None:
    assert delay_before_next(answer_of(status), 1).total_seconds() == seconds


@pytest.mark.parametrize(
    ("status", "is_success"), [(200, True), (204, True), (205, False), (206, False), (302, False), (500, False)]
)
def test_only_five_codes_are_a_success(status: int, is_success: bool) -> None:
    assert answer_of(status).is_success is is_success


def test_401_of_a_function_is_retried() -> None:
    assert reason_to_give_up(answer_of(401), 1, Retry()) is None
    assert reason_to_give_up(answer_of(401), 30, Retry()) == "MaxDeliveryAttemptsExceeded"
