"""Where e-processes start, so that a regression that begins late is seen too.

An e-process that started at the beginning has lost its stake by the time a late regression begins. So the
stake is split equally over a fixed number of processes, each started some intervals after the one before; a
process that has not started yet is worth what was put in, 1. The mean of them is an e-process again, because
the weights were fixed beforehand.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

EVERY = 5
MOST = 48


@dataclass(frozen=True, slots=True)
class Starts:
    """`count` processes; number i starts before pair `i * every`."""

    count: int
    every: int

    def begun(self, pairs: int) -> tuple[int, ...]:
        """Return the first pair of each process that has at least one pair, of `pairs` in all."""
        return tuple(i * self.every for i in range(self.count) if i * self.every < pairs)

    def mean(self, log_values: list[float]) -> float:
        """Return the logarithm of the mean of all processes, given those that have begun."""
        waiting = self.count - len(log_values)
        terms = [*log_values, *([math.log(waiting)] if waiting else [])]
        highest = max(terms)
        return highest + math.log(sum(math.exp(term - highest) for term in terms)) - math.log(self.count)


ONE_START = Starts(1, 1)


def starts_for(horizon: int) -> Starts:
    """Return the starts for a look-out of `horizon` intervals: one every 5 intervals, at most 48 in all."""
    every = max(EVERY, math.ceil(horizon / MOST))
    return Starts(max(1, math.ceil(horizon / every)), every)
