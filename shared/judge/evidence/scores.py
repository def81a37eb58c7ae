"""How the versions' predictions differ on live traffic, interval by interval."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING

import numpy as np

from shared.domain.releases.measurement import Predictions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

# A mean over fewer predictions is left out.
FEWEST_PREDICTIONS = 5


@dataclass(frozen=True, slots=True)
class Shift:
    """What both versions predicted in one interval."""

    challenger: Predictions
    champion: Predictions

    @property
    def by(self) -> float:
        """Return by how much the challenger's mean prediction was above the champion's."""
        return self.challenger.mean - self.champion.mean


def shifts(
    challenger: Iterable[Predictions], champion: Iterable[Predictions], lag: timedelta = timedelta(0)
) -> tuple[Shift, ...]:
    """Return the shifts, oldest first, of the intervals in which both predicted enough.

    Args:
        lag: how much earlier the champion's intervals are that are compared.
    """
    baseline: dict[datetime, Predictions] = {
        interval.start + lag: interval for interval in champion if interval.count >= FEWEST_PREDICTIONS
    }
    return tuple(
        Shift(interval, baseline[interval.start])
        for interval in sorted(challenger, key=attrgetter("start"))
        if interval.count >= FEWEST_PREDICTIONS and interval.start in baseline
    )


def moments(shifts: Sequence[Shift]) -> Numbers:
    """Return (1, intervals, 6): count, mean and variance of the challenger's predictions, then of the champion's."""
    rows = [(arm.count, arm.mean, arm.variance) for shift in shifts for arm in (shift.challenger, shift.champion)]
    return np.array(rows, dtype=np.float64).reshape(1, -1, 6)
