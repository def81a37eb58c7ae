"""Where e-processes start, so that a regression that begins late is found too.

An e-process that started at the beginning has lost its stake by the time a late regression begins. So the stake is
split over a fixed number of processes, each started some intervals after the previous one: most goes to the first,
since regressions tend to be there from the first request, and the others share what remains. One that has not started
yet is worth its stake. Their weighted mean is an e-process, too, because the weights were fixed beforehand.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

EVERY = 5
MOST = 12
FIRST_STAKE = 2 / 3
LEAST = 1e-300


@dataclass(frozen=True, slots=True)
class Starts:
    """`count` processes; number i starts before interval `i * every`."""

    count: int
    every: int

    def begun(self, intervals: int) -> tuple[int, ...]:
        """Return the first interval of each process that has at least one, of `intervals` in all."""
        return tuple(i * self.every for i in range(self.count) if i * self.every < intervals)

    @property
    def stakes(self) -> Numbers:
        """Return each process's share; they sum to 1."""
        if self.count == 1:
            return np.ones(1)
        later = (1 - FIRST_STAKE) / (self.count - 1)
        return np.array([FIRST_STAKE, *[later] * (self.count - 1)])

    def combined(self, shape: tuple[int, ...], log_e_since: Callable[[int], Numbers]) -> Numbers:
        """Return ln of the weighted mean of processes that are alike but for their start.

        Args:
            shape: (streams, intervals), of the result.
            log_e_since: returns a process's ln e-values from its first interval on, given that interval.
        """
        streams, intervals = shape
        begun = self.begun(intervals)
        logs = np.zeros((len(begun), streams, intervals))
        for place, first in enumerate(begun):
            logs[place, :, first:] = log_e_since(first)
        return self.mean(logs)

    def mean(self, log_values: Numbers) -> Numbers:
        """Return ln of the weighted mean of the e-values of all processes.

        Args:
            log_values: first axis: the processes that have begun; 0 where one has not.
        """
        if len(log_values) == 1 and self.count == 1:
            return np.asarray(log_values[0])
        stakes = self.stakes
        begun = len(log_values)
        highest = np.maximum(log_values.max(axis=0), 0.0)
        total = float(stakes[begun:].sum()) * np.exp(-highest)
        for stake, values in zip(stakes[:begun].tolist(), log_values, strict=True):
            total += stake * np.exp(values - highest)
        # All processes may have shrunk to 0.
        return np.asarray(highest + np.log(np.maximum(total, LEAST)))


ONE_START = Starts(1, 1)


def starts_for(horizon: int) -> Starts:
    """Return the starts for a watch of `horizon` intervals: one every 5 intervals, at most 12 in all."""
    every = max(EVERY, math.ceil(horizon / MOST))
    return Starts(max(1, math.ceil(horizon / every)), every)
