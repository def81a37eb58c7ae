"""Does the challenger fail more often? A two-sample Bernoulli e-process over intervals.

One interval is a block: n_c requests of the challenger with k_c errors, n_b of the champion with k_b. The
null is "p_c − p_b <= δ" (or >=). The bet θ* is the smoothed share of errors since the process started, known
before the block. Its counterpart θ° is the point of the null nearest to θ* in Kullback–Leibler divergence,
weighted by n_c and n_b. Then e = p_θ*(block) / p_θ°(block) has mean at most 1 under every distribution of the
null: by the optimality of θ°, n_c (E_c − 1) + n_b (E_b − 1) <= 0 for the per-request means E, hence E_c^n_c ·
E_b^n_b <= exp(that) <= 1.
Source: R. Turner, A. Ly, P. Grünwald, Generic E-variables for exact sequential k-sample tests that allow for
optional stopping, J. Stat. Plan. Inference 230 (2024); R. Turner and P. Grünwald, Exact anytime-valid
confidence intervals for contingency tables and beyond, Statistics & Probability Letters 198 (2023).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from shared.judge.pairs import Pair
from shared.judge.starts import Starts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

_HALVINGS = 48


def log_e_above(pairs: Sequence[Pair], tolerance: float, starts: Starts) -> float:
    """Return ln of the e-value against "the challenger's share of errors is at most the champion's + tolerance"."""
    return _log_e(pairs, tolerance, starts, 1.0)


def log_e_below(pairs: Sequence[Pair], tolerance: float, starts: Starts) -> float:
    """Return ln of the e-value against "the challenger's share of errors is at least the champion's + tolerance"."""
    return _log_e(pairs, tolerance, starts, -1.0)


def _log_e(pairs: Sequence[Pair], tolerance: float, starts: Starts, sign: float) -> float:
    """Return ln of the mean e-value over the starts; all starts' blocks are computed in one go."""
    counts = np.array(
        [(p.challenger.requests, p.challenger.errors, p.champion.requests, p.champion.errors) for p in pairs],
        dtype=np.float64,
    )
    begun = starts.begun(len(pairs))
    blocks = np.concatenate([counts[first + 1 :] for first in begun])
    earlier = np.concatenate([np.cumsum(counts[first:-1], axis=0) for first in begun])
    owners = np.repeat(np.arange(len(begun)), [len(pairs) - first - 1 for first in begun])
    gains = _log_gains(blocks, earlier, tolerance, sign)
    sums: list[float] = np.bincount(owners, gains, minlength=len(begun)).tolist()
    return starts.mean(sums)


def _log_gains(blocks: Numbers, earlier: Numbers, tolerance: float, sign: float) -> Numbers:
    """Return ln of each block's e-value; one row (n_c, k_c, n_b, k_b) per block, and the sums of those before it."""
    n_c, k_c, n_b, k_b = blocks.T
    bet_c = (earlier[:, 1] + 0.5) / (earlier[:, 0] + 1)
    bet_b = (earlier[:, 3] + 0.5) / (earlier[:, 2] + 1)
    null_b = _nearest_in_null(bet_c, bet_b, n_c, n_b, tolerance)
    null_c = null_b + tolerance
    gains = (
        k_c * np.log(bet_c / null_c)
        + (n_c - k_c) * np.log((1 - bet_c) / (1 - null_c))
        + k_b * np.log(bet_b / null_b)
        + (n_b - k_b) * np.log((1 - bet_b) / (1 - null_b))
    )
    # Where the bet lies in the null itself it is its own counterpart: nothing is staked.
    return np.where(sign * (bet_c - bet_b - tolerance) > 0, gains, 0.0)


def _nearest_in_null(bet_c: Numbers, bet_b: Numbers, n_c: Numbers, n_b: Numbers, tolerance: float) -> Numbers:
    """Return the champion's coordinate q of the nearest null point (q + tolerance, q), by bisection: the
    divergence is convex in q and infinite at both ends."""
    low, high = np.zeros_like(bet_b), np.full_like(bet_b, 1 - tolerance)
    for _ in range(_HALVINGS):
        q = (low + high) / 2
        p = q + tolerance
        slope = n_c * (p - bet_c) / (p * (1 - p)) + n_b * (q - bet_b) / (q * (1 - q))
        low, high = np.where(slope < 0, q, low), np.where(slope < 0, high, q)
    return np.asarray((low + high) / 2, dtype=np.float64)
