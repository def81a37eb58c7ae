"""The difference of two shares on the same rows, by the rows on which just one of the two versions is right.

The bounds invert the score test of T. Tango, Statistics in Medicine 17 (1998) 891-908; at no difference that test is
McNemar's. The exact test is the binomial one of Q. McNemar, Psychometrika 12 (1947), on the discordant rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

_EDGE = 1e-12


@dataclass(frozen=True, slots=True)
class Discordant:
    """How the versions differ on `rows` rows: on `gained` only the challenger is right, on `lost` only the champion."""

    gained: int
    lost: int
    rows: int

    def bounds(self, confidence: float) -> tuple[float, float]:
        """Return the one-sided lower and upper bounds of the challenger's share minus the champion's, -1 to 1.

        Args:
            confidence: of each bound, 0.5 to 1.
        """
        from scipy.special import ndtri

        reach = float(ndtri(confidence))
        return self._root(reach), self._root(-reach)

    def probability(self) -> float:
        """Return the exact chance of a split as uneven as this, towards the side it leans to, of equal versions."""
        from scipy.special import bdtrc

        if not self.gained + self.lost:
            return 1.0
        return float(bdtrc(max(self.gained, self.lost) - 1, self.gained + self.lost, 0.5))

    def _root(self, reach: float) -> float:
        """Return the difference at which the score is `reach`: it falls as the supposed difference grows."""
        from scipy.optimize import brentq

        low, high = -1 + _EDGE, 1 - _EDGE
        if self._score(low) <= reach:
            return -1.0
        if self._score(high) >= reach:
            return 1.0
        return float(
            brentq(lambda difference: self._score(difference) - reach, low, high, xtol=1e-12)  # type: ignore[no-untyped-call]
        )

    def _score(self, difference: float) -> float:
        """Return how many standard errors, as they are under the supposed difference, lie between it and what is seen.

        Equations (7) and (8) of Tango (1998): the chance of a lost row is estimated under the supposition.
        """
        excess = self.gained - self.lost - self.rows * difference
        a = 2 * self.rows
        b = (2 * self.rows - self.gained + self.lost) * difference - self.gained - self.lost
        c = -self.lost * difference * (1 - difference)
        lost = (math.sqrt(max(b * b - 4 * a * c, 0.0)) - b) / (2 * a)
        variance = self.rows * (2 * lost + difference * (1 - difference))
        if variance <= 0:
            return math.copysign(math.inf, excess) if excess else 0.0
        return excess / math.sqrt(variance)


def discordant(champion: Numbers | None, challenger: Numbers | None) -> Discordant | None:
    """Return on which rows just one version is right, from the hits of both estimates; None unless both are shares of
    the same rows: a share of what a version itself flags (precision) is not paired."""
    if champion is None or challenger is None:
        return None
    rows = np.isfinite(champion)
    if not np.array_equal(rows, np.isfinite(challenger)):
        return None
    difference = challenger[rows] - champion[rows]
    return Discordant(int((difference > 0).sum()), int((difference < 0).sum()), int(rows.sum()))
