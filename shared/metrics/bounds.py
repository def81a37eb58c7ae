"""One-sided confidence bounds of a metric, and of the gain of one version over another on the same rows.

Rates (roc_auc, pr_auc, f1, precision) vary less near 0 and 1, and a sample that is good by luck also seems sure of
it. Their error is therefore taken as it would be at the value that is supposed, on the logit scale (the score
principle), with Student's t for half of the rarer rows. Losses have long tails: their bounds are Student's with as many
degrees of freedom as their spread is known with, which the kurtosis tells. Predicted numbers may miss by any amount, so
that a sample which has missed the tail takes the mean for lower and surer than it is: to their bounds is added what may
lie beyond the largest loss seen.
Sources: A. Agresti and B. Coull, The American Statistician 52 (1998), for the score principle; G. Y. Zou and A. Donner,
Statistics in Medicine 27 (2008), for joining bounds; C. J. Clopper and E. S. Pearson, Biometrika 26 (1934), for shares;
B. M. Hill, Annals of Statistics 3 (1975), for the tail's index; L. Peng, Statistics & Probability Letters 52 (2001),
for a mean whose tail is estimated apart.
That they hold is measured by `python -m benchmarks gates`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shared.metrics.aggregates import Aggregate, gain_of
from shared.metrics.estimates import Estimate, Shape, WrongEvidenceError, error_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

Bounds = tuple[float, float]
# Rows that tell how heavy a tail is (one by its index), and the heaviest that is reckoned with: at 1 there is no mean.
_FEWEST_IN_TAIL, _HEAVIEST = 10, 0.9
_EDGE = 1e-3
_HALVINGS = 50


def value_bounds(estimate: Estimate | Aggregate, confidence: float) -> Bounds:
    """Return the lower and upper bound of the metric, each with that confidence, 0.5 to 1."""
    if isinstance(estimate, Aggregate):
        return estimate.bounds(confidence)
    if estimate.hits is not None:
        return _share_bounds(round(estimate.value * estimate.counted), estimate.counted, confidence)
    if estimate.shape == "rate":
        value, spread = _on_logits(estimate)
        reach = _student(_rate_freedom(estimate.counted), confidence) * spread
        return tuple(1 / (1 + math.exp(-math.log(value / (1 - value)) - side)) for side in (-reach, reach))  # type: ignore[return-value]
    if estimate.shape == "mean":
        reach = _loss_reach(estimate.parts, confidence) * estimate.error
        low, high = (_unseen("mean", side * estimate.parts) for side in (-1, 1))
        return estimate.value - reach - low, estimate.value + reach + high
    is_turned = estimate.shape == "r2"
    loss = 1 - estimate.value if is_turned else estimate.value
    error = estimate.error / loss if loss > 0 else 0.0
    below = _loss_reach(estimate.parts, 1 - (1 - confidence) / 2) * error
    above = _loss_reach(estimate.parts, 1 - (1 - confidence) * 3 / 4) * error
    unseen = _unseen(estimate.shape, -estimate.parts if is_turned else estimate.parts)
    low, high = loss * math.exp(-below), loss * math.exp(min(above, 700.0)) + unseen
    return (1 - high, 1 - low) if is_turned else (low, high)


def gain_bounds(champion: Estimate | Aggregate, challenger: Estimate | Aggregate, confidence: float) -> Bounds:
    """Return the bounds of challenger − champion on the same rows, in the metric's own unit and direction.

    Raises:
        WrongEvidenceError: one is of rows, the other an aggregate.
    """
    if isinstance(champion, Aggregate) and isinstance(challenger, Aggregate):
        return gain_of(champion, challenger, confidence)
    if isinstance(champion, Aggregate) or isinstance(challenger, Aggregate):
        raise WrongEvidenceError("one version has a score per row, the other an aggregate; write both alike")
    gain, parts = challenger.value - champion.value, challenger.parts - champion.parts
    counted = min(champion.counted, challenger.counted)
    direct = error_of(parts, counted)
    shape: Shape = "mean" if champion.shape != challenger.shape else champion.shape
    if shape != "rate":
        reach = _loss_reach(parts, confidence) * direct
        return gain - reach - _unseen(shape, -parts), gain + reach + _unseen(shape, parts)
    ahead, behind = _on_logits(challenger), _on_logits(champion)
    correlation = _correlation(challenger.parts, champion.parts)

    def error(supposed: float) -> float:
        """Return the gain's standard error if it were the supposed one, which both versions share alike."""
        half = (gain - supposed) / 2
        spreads = [
            spread * at * (1 - at)
            for at, spread in (
                (min(max(ahead[0] - half, _EDGE), 1 - _EDGE), ahead[1]),
                (min(max(behind[0] + half, _EDGE), 1 - _EDGE), behind[1]),
            )
        ]
        variance = spreads[0] ** 2 + spreads[1] ** 2 - 2 * correlation * spreads[0] * spreads[1]
        return max(direct, math.sqrt(max(variance, 0.0)))

    reach = _student(_rate_freedom(counted), confidence)
    return _farthest(error, gain, -1.0, reach), _farthest(error, gain, 1.0, reach)


@dataclass(frozen=True, slots=True)
class BoundedValue:
    """A value and its bounds."""

    value: float
    low: float
    high: float


def difference_bounds(first: BoundedValue, second: BoundedValue, correlation: float) -> Bounds:
    """Return the bounds of first − second, from those of each and the correlation of the two values."""
    middle = first.value - second.value
    down = _joined(first.value - first.low, second.high - second.value, correlation)
    up = _joined(first.high - first.value, second.value - second.low, correlation)
    return middle - down, middle + up


def _joined(arm: float, other: float, correlation: float) -> float:
    return math.sqrt(max(arm * arm + other * other - 2 * correlation * arm * other, 0.0))


def _farthest(error: Callable[[float], float], gain: float, side: float, reach: float) -> float:
    """Return the supposed gain on that side which lies `reach` of its own errors from the one that is seen."""
    near, far = gain, side
    if abs(gain - far) <= reach * error(far):
        return far
    for _ in range(_HALVINGS):
        middle = (near + far) / 2
        if abs(gain - middle) <= reach * error(middle):
            near = middle
        else:
            far = middle
    return near


def _on_logits(estimate: Estimate) -> tuple[float, float]:
    """Return the value, kept half a row from 0 and 1, and its standard error on the logit scale.

    To the error is added what half a row in the middle would, so that a sample in which all goes well by luck is not
    taken for one in which nothing can go wrong.
    """
    edge = 0.5 / max(estimate.counted, 1)
    value = min(max(estimate.value, edge), 1 - edge)
    least = math.sqrt(value * (1 - value) / max(estimate.counted, 1))
    error = math.hypot(estimate.error or least, (0.5 - value) / 2 / (estimate.counted + 1))
    return value, error / (value * (1 - value))


def share_at_most(count: int, rows: int, alpha: float) -> float:
    """Return the upper Clopper-Pearson bound of a share: the true one is above it with a chance of at most alpha.

    By the beta distribution, in closed form; scipy.stats.binomtest searches for the same number.
    """
    from scipy.special import betaincinv

    return 1.0 if count >= rows else float(betaincinv(count + 1, rows - count, 1 - alpha))


def share_at_least(count: int, rows: int, alpha: float) -> float:
    """Return the lower Clopper-Pearson bound."""
    from scipy.special import betaincinv

    return 0.0 if count == 0 else float(betaincinv(count, rows - count + 1, alpha))


def _share_bounds(hits: int, rows: int, confidence: float) -> Bounds:
    return share_at_least(hits, rows, 1 - confidence), share_at_most(hits, rows, 1 - confidence)


def _rate_freedom(counted: int) -> float:
    return max(counted / 2 - 1, 1.0)


def _loss_reach(parts: Numbers, confidence: float) -> float:
    """Return how many standard errors the bound of a mean of losses is away."""
    rows, square = len(parts), float(np.mean(parts**2))
    if square == 0.0:
        return 0.0
    kurtosis = float(np.mean(parts**4)) / square**2
    # Var(s²) = σ⁴ (κ − 1) / n, and 2 σ⁴ / df for Student's.
    freedom = min(rows - 1.0, 2 * rows / max(kurtosis - 1, 1e-9))
    return _student(max(freedom, 1.0), confidence)


def _unseen(shape: Shape, parts: Numbers) -> float:
    """Return what the part of the tail that lies beyond the largest of the parts may add to their mean.

    The tail is supposed to fall as a power, one standard error heavier than the largest parts tell, because the same
    few rows tell both. Probabilities cannot miss by any amount, so nothing is added for them.
    """
    if shape == "loss":
        return 0.0
    above = np.sort(parts[parts > 0])[-max(_FEWEST_IN_TAIL, len(parts) // 20) - 1 :]
    if not len(above):
        return 0.0
    heaviness = _HEAVIEST
    if len(above) > _FEWEST_IN_TAIL:
        slope = float(np.mean(np.log(above[1:] / above[0])))
        heaviness = min(slope / (1 - 1 / math.sqrt(len(above) - 1)), _HEAVIEST)
    return float(above[-1]) / len(parts) / (1 - heaviness)


def _student(freedom: float, confidence: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, confidence))


def _correlation(first: Numbers, second: Numbers) -> float:
    size = math.sqrt(float(np.mean(first**2)) * float(np.mean(second**2)))
    return float(np.mean(first * second)) / size if size > 0 else 0.0
