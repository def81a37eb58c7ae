"""Each labelled row's value, and confidence bounds of the difference of two versions.

All differences are gains: challenger less champion, in the metric's good direction. The two versions served different
rows, so their samples are independent of each other, unlike those of an evaluation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shared.domain.releases.outcome import Better, Totals, is_higher_better
from shared.judge.labels.outcome_rows import Arm, UnusableOutcomeError, as_numbers, as_text, is_missing
from shared.metrics.estimates import placements

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

RESAMPLES = 4000
FEWEST_OF_A_KIND = 10
# Beyond this the logarithm has no value. The same value as in shared/metrics/binary.py, after scikit-learn's.
_CLIP = float(np.finfo(np.float64).eps)
_CUT = 0.5


@dataclass(frozen=True, slots=True)
class Bounds:
    """Both versions' values, and the one-sided lower and upper confidence bounds of the gain."""

    challenger: float
    champion: float
    low: float
    high: float


def row_values(metric: str, arm: Arm) -> Numbers:
    """Return each row's value, in the metric's own unit and direction.

    Raises:
        UnusableOutcomeError: the labels or predictions do not fit the metric.
    """
    if metric == "mean":
        return as_numbers(arm.labels, "outcomes")
    if metric == "accuracy":
        return _hits(arm)
    labels, predictions = as_numbers(arm.labels, "labels"), as_numbers(arm.predictions, "predictions")
    if metric == "log_loss":
        _check_classes(metric, labels)
        if bool(((predictions < 0) | (predictions > 1)).any()):
            raise UnusableOutcomeError("log_loss needs predictions that are probabilities, 0 to 1")
        clipped = np.clip(predictions, _CLIP, 1 - _CLIP)
        return np.where(labels == 1, -np.log(clipped), -np.log1p(-clipped))
    missed = labels - predictions
    return np.abs(missed) if metric == "mae" else missed * missed


def totals(values: Numbers) -> Totals | None:
    """Return them; None for fewer than two rows, which have no variance."""
    return Totals(len(values), float(values.mean()), float(values.var(ddof=1))) if len(values) > 1 else None


def bounds(metric: str, better: Better, challenger: Arm, champion: Arm, confidence: float) -> Bounds:
    """Return how the versions compare.

    Args:
        confidence: of each bound, 0.5 to 1.

    Raises:
        UnusableOutcomeError: the rows do not fit the metric, or are too few of a kind.
    """
    sign = 1.0 if is_higher_better(metric, better) else -1.0
    if metric in {"precision", "recall"}:
        return share_bounds(_conditional(metric, challenger), _conditional(metric, champion), sign, confidence)
    if metric == "f1":
        return _f1_bounds(_confusion("f1", challenger), _confusion("f1", champion), confidence)
    if metric == "roc_auc":
        return _area_bounds(challenger, champion, confidence)
    per_row = "mse" if metric == "rmse" else metric
    values = row_values(per_row, challenger), row_values(per_row, champion)
    # Of shares near 0 or 1, Student's bounds are too narrow on one side: Wilson's follow the binomial's skew.
    if all(bool(np.isin(arm, (0.0, 1.0)).all()) for arm in values):
        hits = [(int(arm.sum()), len(arm)) for arm in values]
        return share_bounds(hits[0], hits[1], sign, confidence)
    return _mean_bounds(values[0], values[1], sign, confidence, is_root=metric == "rmse")


def share_bounds(challenger: tuple[int, int], champion: tuple[int, int], sign: float, confidence: float) -> Bounds:
    """Return the bounds for shares, each given as (hits, rows): Wilson's, joined as Newcombe does.

    Source: R. G. Newcombe, Interval estimation for the difference between independent proportions, Statistics in
    Medicine 17 (1998), method 10.
    """
    joined = _joined(_wilson(*challenger, confidence), _wilson(*champion, confidence))
    return joined if sign > 0 else Bounds(joined.challenger, joined.champion, -joined.high, -joined.low)


def _wilson(hits: int, rows: int, confidence: float) -> tuple[float, float, float]:
    """Return the share with its lower and its upper bound, each at this confidence."""
    from scipy.stats import binomtest  # type: ignore[attr-defined]

    # At level 2c - 1 both ends of the two-sided interval are bounds at confidence c.
    interval = binomtest(hits, rows).proportion_ci(2 * confidence - 1, method="wilson")
    return hits / rows, float(interval.low), float(interval.high)


def _joined(challenger: tuple[float, float, float], champion: tuple[float, float, float]) -> Bounds:
    """Return the bounds of a difference from (value, low, high) of both, by their distances from the values."""
    (value_c, low_c, high_c), (value_b, low_b, high_b) = challenger, champion
    gain = value_c - value_b
    down, up = math.hypot(value_c - low_c, high_b - value_b), math.hypot(high_c - value_c, value_b - low_b)
    return Bounds(value_c, value_b, gain - down, gain + up)


def _mean_bounds(challenger: Numbers, champion: Numbers, sign: float, confidence: float, is_root: bool) -> Bounds:
    """Return Welch's bounds; of the means' square roots by the delta method."""
    means = [float(hits.mean()) for hits in (challenger, champion)]
    errors = [float(hits.var(ddof=1)) / len(hits) for hits in (challenger, champion)]
    if is_root:
        roots = [math.sqrt(mean) for mean in means]
        errors = [error / (4 * mean) if mean else 0.0 for error, mean in zip(errors, means, strict=True)]
        means = roots
    reach = _reach(list(zip(errors, (len(challenger), len(champion)), strict=True)), confidence)
    gain = sign * (means[0] - means[1])
    return Bounds(means[0], means[1], gain - reach, gain + reach)


def _area_bounds(challenger: Arm, champion: Arm, confidence: float) -> Bounds:
    """Return the bounds for areas under the ROC curves of different rows.

    Each area has DeLong's variance, without the covariance of the versions, which have no row in common. Bounds of an
    area are taken on its logit, because an estimate near 1 errs further down than up, and joined as those of
    shares are.
    Source: E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, Biometrics 44 (1988), eq. 4-6; M. S. Pepe, The Statistical
    Evaluation of Medical Tests (2003), section 5.2 (the logit); G. Y. Zou and A. Donner, Statistics in Medicine 27
    (2008) (the joining).
    """
    return _joined(_logit_bounds(challenger, confidence), _logit_bounds(champion, confidence))


def _logit_bounds(arm: Arm, confidence: float) -> tuple[float, float, float]:
    """Return the area with its bounds."""
    from scipy.special import expit, logit

    area, errors = _area(arm)
    reach = _reach(errors, confidence) / (area * (1 - area))
    middle = float(logit(area))
    return area, float(expit(middle - reach)), float(expit(middle + reach))


def _area(arm: Arm) -> tuple[float, list[tuple[float, int]]]:
    """Return the area, and the variance that the positive and the negative rows add to it, with how many they are.

    Raises:
        UnusableOutcomeError: a class has too few rows.
    """
    labels, scores = as_numbers(arm.labels, "labels"), as_numbers(arm.predictions, "predictions")
    _check_classes("roc_auc", labels)
    wins, losses = scores[labels == 1], scores[labels == 0]
    if min(len(wins), len(losses)) < FEWEST_OF_A_KIND:
        raise UnusableOutcomeError(
            f"roc_auc needs {FEWEST_OF_A_KIND} rows of each class; there are {len(losses):,} of 0 and {len(wins):,} "
            "of 1"
        )
    sides = placements(wins, losses)
    errors = [(float(side.var(ddof=1)) / len(side), len(side)) for side in sides]
    return float(sides[0].mean()), errors


def _reach(errors: list[tuple[float, int]], confidence: float) -> float:
    """Return how far a bound is from the estimate: Student's quantile with Welch and Satterthwaite's freedom.

    Args:
        errors: independent squared standard errors, each with the number of rows it was estimated from.

    Raises:
        UnusableOutcomeError: no row differs from another.
    """
    from scipy.special import stdtrit

    whole = math.fsum(error for error, _ in errors)
    if whole <= 0:
        raise UnusableOutcomeError("the rows of each version are all alike, so their spread gives no bounds")
    freedom = whole**2 / math.fsum(error**2 / (rows - 1) for error, rows in errors)
    return float(stdtrit(freedom, confidence)) * math.sqrt(whole)


def _f1_bounds(challenger: tuple[int, ...], champion: tuple[int, ...], confidence: float) -> Bounds:
    """Return percentile-bootstrap bounds: to resample rows is to resample the four counts of the confusion matrix.

    The delta method is not used: the estimate is skewed where hits are few, as they often are.
    Source: B. Efron and R. J. Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.
    """
    chance = np.random.default_rng(sum(challenger) + sum(champion))
    drawn = []
    for counts in (challenger, champion):
        rows = sum(counts)
        drawn.append(_f1(chance.multinomial(rows, np.array(counts) / rows, RESAMPLES)))
    low, high = np.quantile(drawn[0] - drawn[1], [1 - confidence, confidence]).tolist()
    values = [float(_f1(np.array([counts]))[0]) for counts in (challenger, champion)]
    return Bounds(values[0], values[1], low, high)


def _f1(counts: NDArray[np.int64]) -> Numbers:
    hits, flagged_wrong, missed = (counts[:, place].astype(np.float64) for place in range(3))
    return np.asarray(2 * hits / np.maximum(2 * hits + flagged_wrong + missed, 1))


def _conditional(metric: str, arm: Arm) -> tuple[int, int]:
    """Return hits, and the rows among which they are counted: the flagged ones, or the positives.

    Raises:
        UnusableOutcomeError: too few rows are of the kind that the metric looks at.
    """
    hits, flagged_wrong, missed, _ = _confusion(metric, arm)
    among = hits + (flagged_wrong if metric == "precision" else missed)
    if among < FEWEST_OF_A_KIND:
        which = "flagged" if metric == "precision" else "of label 1"
        raise UnusableOutcomeError(f"{metric} needs {FEWEST_OF_A_KIND} rows {which}; there are {among}")
    return hits, among


def _confusion(metric: str, arm: Arm) -> tuple[int, int, int, int]:
    """Return how many rows are true positives, false positives, false negatives and true negatives."""
    labels, predictions = as_numbers(arm.labels, "labels"), as_numbers(arm.predictions, "predictions")
    _check_classes(metric, labels)
    flagged, positive = predictions >= _CUT, labels == 1
    hits, wrong = int((flagged & positive).sum()), int((flagged & ~positive).sum())
    missed = int((~flagged & positive).sum())
    return hits, wrong, missed, len(labels) - hits - wrong - missed


def _hits(arm: Arm) -> Numbers:
    """Return 1 for each row with a correct answer: cut at 0.5 where all are probabilities of 1, else the same class.

    Raises:
        UnusableOutcomeError: predictions are missing or NaN.
    """
    if missing := sum(map(is_missing, arm.predictions)):
        raise UnusableOutcomeError(f"{missing:,} of {len(arm.predictions):,} predictions are missing or NaN")
    if all(map(_is_share, arm.predictions)) and all(as_text(label) in {"0", "1"} for label in arm.labels):
        labels, predictions = as_numbers(arm.labels, "labels"), as_numbers(arm.predictions, "predictions")
        return np.asarray((predictions >= _CUT) == (labels == 1), dtype=np.float64)
    pairs = zip(arm.labels, arm.predictions, strict=True)
    return np.array([as_text(label) == as_text(prediction) for label, prediction in pairs], dtype=np.float64)


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value <= 1


def _check_classes(metric: str, labels: Numbers) -> None:
    if not bool(np.isin(labels, (0.0, 1.0)).all()):
        raise UnusableOutcomeError(f"{metric} needs labels 0 and 1; got {np.unique(labels)[:5].tolist()}")
