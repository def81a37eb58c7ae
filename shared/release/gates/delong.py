"""The difference of two areas under the ROC curve on the same rows, with its standard error.

Source: E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, Biometrics 44 (1988); by midranks as X. Sun and W. Xu, IEEE
Signal Processing Letters 21 (2014).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from shared.release.gates.table import UnusableEvidenceError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]


def difference(labels: Numbers, champion: Numbers, challenger: Numbers) -> tuple[float, float]:
    """Return AUC(challenger) − AUC(champion) and its standard error; 0 when both rank all rows alike.

    Raises:
        UnusableEvidenceError: fewer than two rows of either class, so that there is no variance.
    """
    positive = labels == 1
    if min(int(positive.sum()), int((~positive).sum())) < 2:
        raise UnusableEvidenceError("roc_auc needs two rows of each class at least")
    areas, by_positive, by_negative = zip(
        *(_placements(each, positive) for each in (champion, challenger)), strict=True
    )
    of_positives, of_negatives = by_positive[1] - by_positive[0], by_negative[1] - by_negative[0]
    variance = np.var(of_positives, ddof=1) / len(of_positives) + np.var(of_negatives, ddof=1) / len(of_negatives)
    return areas[1] - areas[0], math.sqrt(float(variance))


def _placements(scores: Numbers, positive: NDArray[np.bool_]) -> tuple[float, Numbers, Numbers]:
    """Return the area, and for each positive (negative) the share of negatives (positives) on its wrong side."""
    ranks = _midranks(scores)
    wins, losses = scores[positive], scores[~positive]
    by_positive = (ranks[positive] - _midranks(wins)) / len(losses)
    by_negative = 1 - (ranks[~positive] - _midranks(losses)) / len(wins)
    return float(by_positive.mean()), by_positive, by_negative


def _midranks(values: Numbers) -> Numbers:
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(sizes) - (sizes - 1) / 2)[group])
