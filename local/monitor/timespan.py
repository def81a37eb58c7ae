"""Times and durations as the Monitor interfaces write them (ISO 8601)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_DURATION = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")

_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Range:
    """Times from `start` up to, and without, `end`."""

    start: datetime = _FIRST
    end: datetime = _LAST


class TimespanError(ValueError):
    """Text that is no time, duration or interval; the message shows a good one."""


def parse_duration(text: str) -> timedelta:
    """Return the duration of `PT1M`, `PT3600.0S`, `P1DT2H`.

    Raises:
        TimespanError: not such a duration.
    """
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        raise TimespanError(f"{text!r} is not a duration such as PT1M or P1D")
    weeks, days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)


def parse_time(text: str) -> datetime:
    """Return a UTC time; without a zone it is UTC.

    Raises:
        TimespanError: not a time.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise TimespanError(f"{text!r} is not a time such as 2026-11-20T09:00:00Z") from exc
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def format_time(moment: datetime) -> str:
    """Return a UTC time as the services write it: in ticks of 100 ns."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def parse_timespan(text: str | None, now: datetime) -> Range:
    """Return the range of `PT1H` (until now), `start/end`, `start/duration` or `duration/end`; None is no limit.

    Raises:
        TimespanError: none of these.
    """
    if text is None:
        return Range()
    start, slash, end = text.partition("/")
    if not slash:
        return Range(now - parse_duration(start), now)
    if end.startswith("P"):
        begin = parse_time(start)
        return Range(begin, begin + parse_duration(end))
    if start.startswith("P"):
        finish = parse_time(end)
        return Range(finish - parse_duration(start), finish)
    return Range(parse_time(start), parse_time(end))
