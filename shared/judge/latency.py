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

import numpy as np

from shared.judge.pairs import Pair
from shared.judge.starts import Starts

# Effects in standard deviations of the differences: from a faint, steady shift to a plain one.
EFFECTS = (0.25, 0.5, 1.0, 2.0, 4.0)
_POINTS = 513


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
    ratio = math.fsum(values) / math.sqrt(squares)
    logs = [log_likelihood_ratio(count, ratio, effect) for effect in EFFECTS]
    highest = max(logs)
    return highest + math.log(sum(math.exp(each - highest) for each in logs) / len(logs))


def log_likelihood_ratio(count: int, ratio: float, effect: float) -> float:
    """Return ln of the density of the t statistic under `effect`, relative to effect 0.

    Args:
        ratio: Σx / √Σx², between −√count and √count; a function of the t statistic.
    """
    shift = effect * ratio
    return -count * effect * effect / 2 + _log_integral(count, shift) - _log_integral(count, 0.0)


def _log_integral(count: int, shift: float) -> float:
    """Return ln ∫ u^(count−1) exp(−u²/2 + shift·u) du over u > 0.

    With u = e^v the integrand is a smooth bell on the whole line, on which the trapezoidal rule converges
    faster than any power of the step (Trefethen and Weideman, SIAM Review 56 (2014)).
    """
    mode = (shift + math.sqrt(shift * shift + 4 * count)) / 2
    width = 1 / math.sqrt(mode * mode + count)
    v = np.linspace(math.log(mode) - 9 * width - 40 / count, math.log(mode) + 9 * width, _POINTS)
    u = np.exp(v)
    exponents = count * v - u * u / 2 + shift * u
    highest = float(exponents.max())
    return highest + math.log(float(np.exp(exponents - highest).sum()) * float(v[1] - v[0]))
