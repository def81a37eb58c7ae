"""Times in the words of a person at a terminal."""

from __future__ import annotations

from datetime import datetime, timedelta

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60))


def span(length: timedelta) -> str:
    """Return a length of time in its largest unit, rounded down: "3 min", "2 d"."""
    seconds = max(0, int(length.total_seconds()))
    for unit, size in _UNITS:
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def ago(then: datetime, now: datetime) -> str:
    return f"{span(now - then)} ago"


def until(then: datetime, now: datetime) -> str:
    return f"in {span(then - now)}" if then > now else "due now"


def clock(moment: datetime) -> str:
    """Return a moment to the second, in UTC."""
    return f"{moment:%Y-%m-%d %H:%M:%S}"
