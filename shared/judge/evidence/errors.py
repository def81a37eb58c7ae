"""Does the challenger fail more often? A two-sample Bernoulli e-process over intervals.

One interval is a block: n_c requests of the challenger with k_c errors, n_b of the champion with k_b. The null is "p_c
<= ratio · p_b + offset" (or >=), a half-plane. The bet θ* is the smoothed share of errors since the process started,
known before the block; that of a challenger that may be worse is drawn towards a share that is plainly worse. Its
counterpart θ° is the point of the null nearest to θ* in Kullback–Leibler divergence, weighted by n_c and n_b. Then
e = p_θ*(block) / p_θ°(block) has mean at most 1 under every distribution of the null: by the optimality of θ° in a
convex set, n_c (E_c − 1) + n_b (E_b − 1) <= 0 for the per-request means E, hence E_c^n_c · E_b^n_b <= exp(that) <= 1.
Source: R. Turner, A. Ly, P. Grünwald, Generic E-variables for exact sequential k-sample tests that allow for
optional stopping, J. Stat. Plan. Inference 230 (2024); R. Turner and P. Grünwald, Exact anytime-valid
confidence intervals for contingency tables and beyond, Statistics & Probability Letters 198 (2023).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shared.judge.evidence.staggered_starts import Starts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

# The prior of a worse challenger: so many times the tolerated share of errors, worth so many errors of evidence.
# Tried: +2 points at 60 and 540 requests a minute are found three minutes sooner.
PLAINLY_WORSE, PRIOR_ERRORS = 2.0, 8.0
_ITERATIONS = 60
_CLOSE = 1e-12


@dataclass(frozen=True, slots=True)
class Bound:
    """The challenger's share of errors may be `ratio` times the champion's plus `offset` (0 to 1)."""

    ratio: float = 1.0
    offset: float = 0.0


def paths_above(counts: Numbers, bound: Bound, starts: Starts) -> Numbers:
    """Return ln of the e-value against "the challenger's share of errors is at most the bound", after each interval.

    Args:
        counts: (streams, intervals, 4): requests and errors of the challenger, then of the champion. The result is
            (streams, intervals).
    """
    return _paths(counts, bound, starts, 1.0)


def paths_below(counts: Numbers, bound: Bound, starts: Starts) -> Numbers:
    """Return ln of the e-value against "the challenger's share of errors is at least the bound", likewise."""
    return _paths(counts, bound, starts, -1.0)


def _paths(counts: Numbers, bound: Bound, starts: Starts, sign: float) -> Numbers:
    streams, intervals, _ = counts.shape
    begun = starts.begun(intervals)
    sums = np.zeros((4, streams, intervals + 1))
    np.cumsum(np.moveaxis(counts, 2, 0), axis=2, out=sums[:, :, 1:])
    gains = np.zeros((len(begun), streams, intervals))
    has_requests = counts[..., 0] + counts[..., 2] > 0
    staked: list[tuple[NDArray[np.intp], ...]] = []
    bets: list[tuple[Numbers, Numbers]] = []
    for place, first in enumerate(begun):
        # The sums before each of this process's intervals but the first, at which there is no bet yet: a bet that knew
        # its own interval would not be an e-value.
        n_c, k_c, n_b, k_b = sums[:, :, first + 1 : intervals] - sums[:, :, first : first + 1]
        bet_b = (k_b + 0.5) / (n_b + 1)
        bet_c = _worse(n_c, k_c, bet_b, bound) if sign > 0 else (k_c + 0.5) / (n_c + 1)
        # A bet that lies in the null is its own nearest point: the factor is 1, so the costly search is left out.
        is_beyond = sign * (bet_c - bound.ratio * bet_b - bound.offset) > 0
        rows, columns = np.nonzero(is_beyond & has_requests[:, first + 1 :])
        staked.append((np.full(len(rows), place), rows, columns + first + 1))
        bets.append((bet_c[rows, columns], bet_b[rows, columns]))
    # All processes' blocks in one call: the search for the nearest point is the cost of this module.
    where = tuple(np.concatenate(axis) for axis in zip(*staked, strict=True))
    if len(where[0]):
        bet_c, bet_b = (np.concatenate(arm) for arm in zip(*bets, strict=True))
        gains[where] = _log_gains(counts[where[1], where[2]], bet_c, bet_b, bound)
    return starts.mean(np.cumsum(gains, axis=2, out=gains))


def _worse(n_c: Numbers, k_c: Numbers, bet_b: Numbers, bound: Bound) -> Numbers:
    """Return the bet on the share of errors of a challenger that is beyond the bound."""
    expected = np.minimum(PLAINLY_WORSE * (bound.ratio * bet_b + bound.offset), 0.5)
    return np.asarray((k_c + PRIOR_ERRORS) / (n_c + PRIOR_ERRORS / expected))


def _log_gains(blocks: Numbers, bet_c: Numbers, bet_b: Numbers, bound: Bound) -> Numbers:
    """Return ln of each block's e-value; one row (n_c, k_c, n_b, k_b) per block."""
    n_c, k_c, n_b, k_b = blocks.T
    null_b = nearest_in_null(bet_c, bet_b, n_c, n_b, bound)
    null_c = bound.ratio * null_b + bound.offset
    return np.asarray(
        k_c * np.log(bet_c / null_c)
        + (n_c - k_c) * np.log((1 - bet_c) / (1 - null_c))
        + k_b * np.log(bet_b / null_b)
        + (n_b - k_b) * np.log((1 - bet_b) / (1 - null_b))
    )


def nearest_in_null(bet_c: Numbers, bet_b: Numbers, n_c: Numbers, n_b: Numbers, bound: Bound) -> Numbers:
    """Return the champion's coordinate q of the nearest null point (ratio · q + offset, q).

    The divergence is convex in q. Its least value lies between the champion's bet and the q that belongs to the
    challenger's bet, inside (0, 1); Newton's steps are taken there, and halvings where a step would leave the bracket.
    """
    ratio, offset = bound.ratio, bound.offset
    ends = bet_b, np.clip((bet_c - offset) / ratio, max(0.0, -offset / ratio), min(1.0, (1 - offset) / ratio))
    low, high = np.minimum(*ends), np.maximum(*ends)
    high = np.minimum(high, min(1.0, (1 - offset) / ratio))
    q = (low + high) / 2
    for _ in range(_ITERATIONS):
        p = ratio * q + offset
        p_room, q_room = p * (1 - p), q * (1 - q)
        slope = n_c * ratio * (p - bet_c) / p_room + n_b * (q - bet_b) / q_room
        curve = n_c * ratio * ratio * (p_room - (p - bet_c) * (1 - 2 * p)) / (p_room * p_room) + n_b * (
            q_room - (q - bet_b) * (1 - 2 * q)
        ) / (q_room * q_room)
        low, high = np.where(slope < 0, q, low), np.where(slope < 0, high, q)
        stepped = q - slope / curve
        is_inside = (stepped >= low) & (stepped <= high)
        following = np.where(is_inside, stepped, (low + high) / 2)
        moved = float(np.max(np.abs(following - q) / following))
        q = following
        if moved < _CLOSE:
            break
    return np.asarray(q)
