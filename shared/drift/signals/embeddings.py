"""Whether the vectors of images or texts moved: can a small classifier tell the window's from the reference's?"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.drift.results.signals import SignalReport
from shared.metrics.binary import roc_auc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

SIGNAL = "embedding-drift"
FOLDS = 5
COMPONENTS = 32
# After eight, the weights no longer change but in their last bits, also where a plane separates the sides.
NEWTON_STEPS = 8
# On directions scaled to one. Without it a plane that separates the sides would have weights without end.
PENALTY = 1.0
ENOUGH_PAST_WINDOWS = 8
STANDARD_DEVIATIONS = 3.0
# Longer vectors are first cast onto so many random directions, which keeps distances and bounds the time.
CAST_TO = 128
# Fixed, so that the same vectors have the same verdict.
SEED = 20261120
# The folds share most of their training rows, so their mean scatters more than independent folds' would: measured
# 1.2 to 1.6 times on normal vectors of 32 to 768 numbers, 200 to 2,000 of them.
SHARED_TRAINING = 1.7


@dataclass(frozen=True, slots=True)
class EmbeddingRules:
    """When a difference counts.

    Args:
        min_auc: smallest roc_auc of the domain classifier that matters; 0.5 is "cannot tell them apart". 0.6 is a
            move by a third of a standard deviation in the direction that moved most.
        false_alarms: tolerated chance that sampling alone reaches it, 0-1.
        minimum_rows: reference and window need at least this many vectors.
        sample: at most so many of each are looked at, evenly spaced, which bounds time and memory.
    """

    min_auc: float = 0.6
    false_alarms: float = 0.01
    minimum_rows: int = 200
    sample: int = 2000

    def __post_init__(self) -> None:
        if not 0.5 < self.min_auc < 1:
            raise ValueError(f"min_auc must lie between 0.5 and 1, e.g. 0.6; got {self.min_auc}")
        if not 0 < self.false_alarms < 1:
            raise ValueError(f"false_alarms must lie between 0 and 1, e.g. 0.01; got {self.false_alarms}")
        if not 10 * FOLDS <= self.minimum_rows <= self.sample:
            raise ValueError(f"minimum_rows must lie between {10 * FOLDS} and sample; got {self.minimum_rows}")


def compare_embeddings(
    reference: Iterable[Any],
    window: Iterable[Any],
    rules: EmbeddingRules | None = None,
    past: Sequence[float] = (),
    name: str = "embedding",
) -> SignalReport:
    """Return whether a cross-validated classifier tells the window's vectors from the reference's.

    Drift is a roc_auc above `min_auc`, above what sampling explains, and above mean + 3 standard deviations of `past`
    windows when there are at least 8. The distance of the means, in units of the reference's spread, is
    reported beside it. Vectors that are missing, of another length or not finite are left out and counted; bad data
    never raises.

    Args:
        reference, window: one vector per row (lists, arrays, or one two-dimensional array), in the order of time.
        past: the roc_auc of earlier windows without known drift.
    """
    rules = rules or EmbeddingRules()
    base, old_findings = vectors(reference, "the reference", name, rules.sample)
    now, new_findings = vectors(window, "the window", name, rules.sample)
    findings = (*old_findings, *new_findings)
    fewest = min(len(base), len(now))
    # Vectors of another length are another model's: there is nothing to compare.
    if fewest and base.shape[1] != now.shape[1]:
        text = f"{name}: the reference's vectors have {base.shape[1]} numbers, the window's {now.shape[1]}"
        return SignalReport(SIGNAL, "drift", f"{text}: another model made them.", len(now), findings=findings)
    if fewest < rules.minimum_rows:
        text = f"{len(base):,} vectors in the reference, {len(now):,} in the window; {rules.minimum_rows:,} are needed"
        return SignalReport(SIGNAL, "insufficient-data", f"Insufficient data: {text}.", len(now), findings=findings)
    auc = domain_auc(base, now)
    floor, reason = _floor(rules, len(base), len(now), past)
    is_drift = auc > floor
    distance = mean_distance(base, now)
    text = (
        f"{name}: a classifier tells {len(now):,} vectors from the reference's with roc_auc {auc:.3f} "
        f"({'above' if is_drift else 'within'} {floor:.3f}, set by {reason}); "
        f"their mean moved by {distance:.2f} of the reference's spread."
    )
    return SignalReport(
        SIGNAL, "drift" if is_drift else "no-drift", text, len(now), auc, floor, "roc_auc", findings=findings
    )


def vectors(column: Iterable[Any], whose: str, name: str, sample: int) -> tuple[Numbers, tuple[str, ...]]:
    """Return up to `sample` usable vectors as rows of one array, evenly spaced, and what was wrong with others."""
    rows = column if isinstance(column, np.ndarray) and column.ndim == 2 else list(column)
    if len(rows) == 0:
        return np.empty((0, 0)), (f"{whose} has no {name}",)
    # Evenly spaced, not drawn: the same window gives the same verdict.
    chosen = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), sample)).astype(int))
    read = [_vector(rows[position]) for position in chosen]
    lengths = np.array([len(vector) for vector in read])
    usual = int(np.bincount(lengths[lengths > 0]).argmax()) if bool((lengths > 0).any()) else 0
    fitting = [vector for vector in read if len(vector) == usual and usual]
    finite = [vector for vector in fitting if bool(np.isfinite(vector).all())]
    missing, ragged = int((lengths == 0).sum()), int(((lengths > 0) & (lengths != usual)).sum())
    wrong = (
        (missing, "are missing or no vectors"),
        (ragged, f"do not have {usual} numbers as most"),
        (len(fitting) - len(finite), "hold values that are not finite"),
    )
    findings = tuple(
        f"{count:,} of {len(read):,} vectors of {whose} {what}; they are left out" for count, what in wrong if count
    )
    return (np.array(finite) if finite else np.empty((0, usual))), findings


def domain_auc(reference: Numbers, window: Numbers) -> float:
    """Return how well an unseen vector is recognised as the window's: the mean roc_auc over consecutive folds.

    Folds are consecutive because neighbours resemble one another: shuffled, the classifier would know its exam.
    The vectors are cut to the 32 directions in which both together vary most, each scaled to one.
    """
    pooled = np.concatenate((reference, window))
    labels = np.concatenate((np.zeros(len(reference)), np.ones(len(window))))
    fold = np.concatenate([np.arange(size) * FOLDS // size for size in (len(reference), len(window))])
    # Directions are chosen without labels, so that the vectors to be recognised may take part.
    features = _directions(pooled, pooled)
    aucs = []
    for number in range(FOLDS):
        test = fold == number
        weights = _logistic(features[~test], labels[~test])
        aucs.append(roc_auc(labels[test], features[test] @ weights))
    return float(np.mean(aucs))


def domain_auc_null_quantile(probability: float, rows: int, other_rows: int) -> float:
    """Return the roc_auc that sampling alone exceeds with about this probability.

    Source: the variance of the Mann-Whitney statistic without ties, (n + m + 1) / 12nm, which the mean over folds
    would have, were they independent, times what was measured for their sharing rows; the normal law.
    """
    from scipy.special import ndtri

    per_fold = (rows / FOLDS, other_rows / FOLDS)
    variance = (sum(per_fold) + 1) / (12 * per_fold[0] * per_fold[1]) / FOLDS
    return 0.5 + float(ndtri(1 - probability)) * SHARED_TRAINING * math.sqrt(variance)


def mean_distance(reference: Numbers, window: Numbers) -> float:
    """Return the distance of the means over the reference's spread (root of the total variance), without the part
    that sampling alone gives: 0 for samples of one cloud, 1 for a move as far as vectors lie from their mean."""
    variances = float(reference.var(axis=0, ddof=1).sum()), float(window.var(axis=0, ddof=1).sum())
    if variances[0] <= 0:
        return 0.0 if np.allclose(reference[0], window.mean(axis=0)) else math.inf
    squared = float(np.sum((reference.mean(axis=0) - window.mean(axis=0)) ** 2))
    by_chance = variances[0] / len(reference) + variances[1] / len(window)
    return math.sqrt(max(0.0, squared - by_chance) / variances[0])


def _floor(rules: EmbeddingRules, rows: int, other_rows: int, past: Sequence[float]) -> tuple[float, str]:
    floors = [
        (rules.min_auc, "the smallest difference that matters"),
        (domain_auc_null_quantile(rules.false_alarms, rows, other_rows), "sampling"),
    ]
    if len(past) >= ENOUGH_PAST_WINDOWS:
        floors.append((float(np.mean(past) + STANDARD_DEVIATIONS * np.std(past, ddof=1)), "past windows"))
    # The highest: below any of them, a difference does not matter or has another explanation.
    return max(floors)


def _directions(base: Numbers, rows: Numbers) -> Numbers:
    """Return the rows in the directions in which the known ones vary most, scaled, with a last column of ones."""
    centre = base.mean(axis=0)
    base, rows = base - centre, rows - centre
    if base.shape[1] > CAST_TO:
        cast = np.random.default_rng(SEED).normal(size=(base.shape[1], CAST_TO))
        base, rows = base @ cast, rows @ cast
    spread, axes = np.linalg.eigh(base.T @ base / len(base))
    # `eigh` sorts ascending. Directions of no spread are dropped: scaling them would divide by zero.
    spread, axes = spread[::-1][:COMPONENTS], axes[:, ::-1][:, :COMPONENTS]
    varying = spread > 1e-12 * max(float(spread.max(initial=0.0)), 1e-300)
    return np.column_stack((rows @ axes[:, varying] / np.sqrt(spread[varying]), np.ones(len(rows))))


def _logistic(features: Numbers, labels: Numbers) -> Numbers:
    """Return the weights of a ridge logistic regression, by Newton's method; the last weight is not penalised."""
    penalty = np.full(features.shape[1], PENALTY)
    penalty[-1] = 1e-9  # not 0, so that the curvature stays invertible
    weights = np.zeros(features.shape[1])
    for _ in range(NEWTON_STEPS):
        # Beyond 30 the chance is 0 or 1 but for 1e-13, and the curvature would vanish.
        chance = 1 / (1 + np.exp(-np.clip(features @ weights, -30, 30)))
        slope = features.T @ (labels - chance) - penalty * weights
        curvature = (features * (chance * (1 - chance))[:, np.newaxis]).T @ features + np.diag(penalty)
        weights = weights + np.linalg.solve(curvature, slope)
    return weights


def _vector(value: Any) -> Numbers:
    """Return the value as numbers; empty when it is none, or no list of numbers."""
    try:
        numbers = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        return np.empty(0)
    return numbers if numbers.ndim == 1 else np.empty(0)
