"""How the versions' predictions differ on live traffic, interval by interval."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter

from shared.domain.measurement import Predictions

# A mean over fewer predictions is left out.
FEWEST_PREDICTIONS = 5


@dataclass(frozen=True, slots=True)
class Shift:
    """By how much the challenger's mean prediction was above the champion's in one interval."""

    start: datetime
    by: float


def shifts(
    challenger: Iterable[Predictions], champion: Iterable[Predictions], lag: timedelta = timedelta(0)
) -> tuple[Shift, ...]:
    """Return the shifts, oldest first, of the intervals in which both predicted enough.

    Args:
        lag: how much earlier the champion's intervals are that are compared.
    """
    baseline = {each.start + lag: each for each in champion if each.count >= FEWEST_PREDICTIONS}
    return tuple(
        Shift(each.start, each.mean - baseline[each.start].mean)
        for each in sorted(challenger, key=attrgetter("start"))
        if each.count >= FEWEST_PREDICTIONS and each.start in baseline
    )
