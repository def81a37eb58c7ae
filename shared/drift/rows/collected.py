"""Lines that a data collector wrote, as rows. For engines that read a file's lines in any order, in many places."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import pandas as pd

# Rows of a frame, at least, but for the last.
FRAME_ROWS = 16_384
# Python 3.10 reads neither "Z" nor a seventh digit of a second.
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,6})\d*)?(?:(Z)|([+-]\d\d:?\d\d))?",
)


@dataclass(frozen=True)
class RequestWindow:
    """Requests of [start, end), both with a time zone, without those whose id begins with `but`, if that is set."""

    start: datetime
    end: datetime
    but: str = ""

    @property
    def hours(self) -> tuple[str, ...]:
        """Return the folders, one per hour, in which they lie."""
        hour = self.start.astimezone(timezone.utc).replace(minute=0, second=0, microsecond=0)  # noqa: UP017
        folders = []
        while hour <= self.end:
            folders.append(f"{hour:%Y/%m/%d/%H}")
            hour += timedelta(hours=1)
        return tuple(folders)


def moment(text: str) -> datetime:
    """Return an ISO time; one without a zone is in UTC.

    Raises:
        ValueError: the text is not one.
    """
    if not (match := _TIME.fullmatch(text)):
        raise ValueError(f"{text!r:.40} is not a time")
    day, time, fraction, _, offset = match.groups()
    zone = f"{offset[:3]}:{offset[-2:]}" if offset else "+00:00"
    return datetime.fromisoformat(f"{day}T{time}.{(fraction or '0'):0<6}{zone}")


def request_of(line: str, window: RequestWindow) -> tuple[str, str] | None:
    """Return a collected record's id, which may be empty, and its rows as JSON; None when it is outside the window.

    Raises:
        ValueError: the line is not a record.
    """
    try:
        record = json.loads(line)
        if not window.start <= moment(record["time"]) < window.end:
            return None
        if window.but and str(record.get("correlationid", "")).startswith(window.but):
            return None
        return str(record.get("id", "")), json.dumps([dict(row) for row in record["data"]])
    except (KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise ValueError(f"not a collected request: {exc!r:.200}") from exc


def frames(requests: Iterable[str]) -> Iterator[pd.DataFrame]:
    """Yield the rows of requests, each as `request_of` writes them."""
    rows: list[dict[str, Any]] = []
    for request in requests:
        rows += json.loads(request)
        if len(rows) >= FRAME_ROWS:
            yield pd.DataFrame(rows)
            rows = []
    if rows:
        yield pd.DataFrame(rows)
