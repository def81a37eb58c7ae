"""NCRONTAB schedules: {second} {minute} {hour} {day} {month} {day of week}, in UTC."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from croniter import croniter
from croniter.croniter import CroniterError

from local.errors import LocalSystemError


def require_schedule(function: str, schedule: str) -> None:
    """Check that `schedule` has six fields and makes sense.

    Raises:
        LocalSystemError: it does not.
    """
    hint = 'write {second} {minute} {hour} {day} {month} {day of week}, e.g. "0 */5 * * * *" for every five minutes'
    if len(schedule.split()) != 6:
        raise LocalSystemError(f"function {function}: its schedule {schedule!r} does not have six fields", hint)
    try:
        croniter(schedule, second_at_beginning=True)
    except (CroniterError, ValueError) as exc:
        raise LocalSystemError(f"function {function}: its schedule {schedule!r} is malformed: {exc}", hint) from exc


def next_run(schedule: str, since: datetime) -> datetime:
    """Return the first moment of the schedule that is later than `since` (aware, UTC)."""
    runs: Iterator[datetime] = croniter(schedule, since, ret_type=datetime, second_at_beginning=True)
    return next(runs)
