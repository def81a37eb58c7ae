"""How the versions' predictions differ on live traffic, interval by interval."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter

# A mean over fewer predictions is left out.
FEWEST_PREDICTIONS = 5


@dataclass(frozen=True, slots=True)
class Predicted:
    """The predictions of one deployment in one interval."""

    start: datetime
    count: int
    mean: float


@dataclass(frozen=True, slots=True)
class Shift:
    """By how much the challenger's mean prediction was above the champion's in one interval."""

    start: datetime
    by: float


def shifts(challenger: Iterable[Predicted], champion: Iterable[Predicted]) -> tuple[Shift, ...]:
    """Return the shifts, oldest first, of the intervals in which both predicted enough."""
    baseline = {each.start: each for each in champion if each.count >= FEWEST_PREDICTIONS}
    return tuple(
        Shift(each.start, each.mean - baseline[each.start].mean)
        for each in sorted(challenger, key=attrgetter("start"))
        if each.count >= FEWEST_PREDICTIONS and each.start in baseline
    )


def by_interval(predictions: Iterable[tuple[datetime, float]]) -> tuple[Predicted, ...]:
    """Return one Predicted per interval, given each prediction's interval and value."""
    found = []
    for start, rows in groupby(sorted(predictions), key=lambda row: row[0]):
        values = [value for _, value in rows]
        found.append(Predicted(start, len(values), sum(values) / len(values)))
    return tuple(found)
