"""Is the challenger slower? A t-type e-process on per-interval differences of mean log latency.

The differences x_i (challenger − champion, less the tolerance) are taken as normal with unknown mean μ and
unknown σ. With the right-Haar prior on σ, the likelihood ratio of μ/σ = δ to μ/σ = 0 is a martingale under μ
= 0, whatever σ is; it is the ratio of the non-central to the central t density. It is averaged over a grid of
δ > 0, and for μ < 0 it only shrinks.
Source: P. Grünwald, R. de Heide, W. Koolen, Safe Testing, JRSS-B 86 (2024), section 4.3; M. F. Pérez-Ortiz et
al., E-statistics, group invariance and anytime-valid testing, Annals of Statistics 52 (2024).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from shared.judge.pairs import Pair
from shared.judge.starts import Starts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

# Effects in standard deviations of the differences: from a faint, steady shift to a plain one.
EFFECTS = np.array([0.25, 0.5, 1.0, 2.0, 4.0])
_GRID = np.linspace(0, 1, 257)


def differences(pairs: Sequence[Pair]) -> list[float]:
    """Return challenger − champion of the mean log latency, per pair."""
    return [pair.challenger.mean_log_latency - pair.champion.mean_log_latency for pair in pairs]


def log_e_above(values: Sequence[float], bound: float, starts: Starts) -> float:
    """Return ln of the e-value against "the mean of the values is at most `bound`"."""
    shifted = [value - bound for value in values]
    return starts.mean([log_e(shifted[first:]) for first in starts.begun(len(shifted))])


def log_e_below(values: Sequence[float], bound: float, starts: Starts) -> float:
    """Return ln of the e-value against "the mean of the values is at least `bound`"."""
    return log_e_above([-value for value in values], -bound, starts)


def log_e(values: Sequence[float]) -> float:
    """Return ln of the e-value against "the mean is at most 0"; 0 while there are fewer than two values."""
    count, squares = len(values), math.fsum(value * value for value in values)
    if count < 2 or squares == 0:
        return 0.0
    logs = log_likelihood_ratios(count, math.fsum(values) / math.sqrt(squares))
    highest = float(logs.max())
    return highest + math.log(float(np.exp(logs - highest).mean()))


def log_likelihood_ratios(count: int, ratio: float) -> Numbers:
    """Return, per effect, ln of the density of the t statistic under it, relative to effect 0.

    Args:
        ratio: Σx / √Σx², between −√count and √count; a function of the t statistic.
    """
    central = (count / 2 - 1) * math.log(2) + math.lgamma(count / 2)
    return np.asarray(-count * EFFECTS**2 / 2 + _log_integrals(count, EFFECTS * ratio) - central)


def _log_integrals(count: int, shifts: Numbers) -> Numbers:
    """Return ln ∫ u^(count−1) exp(−u²/2 + shift·u) du over u > 0, per shift.

    With u = e^v the integrand is a smooth bell on the whole line, on which the trapezoidal rule converges
    faster than any power of the step (Trefethen and Weideman, SIAM Review 56 (2014)).
    """
    modes = (shifts + np.sqrt(shifts * shifts + 4 * count)) / 2
    widths = 9 / np.sqrt(modes * modes + count)
    lows, highs = np.log(modes) - widths - 40 / count, np.log(modes) + widths
    v = lows[:, None] + (highs - lows)[:, None] * _GRID
    u = np.exp(v)
    exponents = count * v - u * u / 2 + shifts[:, None] * u
    highest = exponents.max(axis=1)
    sums = np.exp(exponents - highest[:, None]).sum(axis=1)
    return np.asarray(highest + np.log(sums * (highs - lows) * float(_GRID[1])))
