"""Whether a version still leans on the same features, in the same order, as when it was evaluated.

The order by what is served is compared with the evaluation's by NDCG, as Azure ML's feature attribution drift does: 1
for the same order, and less the more important the features are that changed places. Few rows alone disturb an order,
which makes NDCG too low; so that they do not alarm, the upper bounds of the basic bootstrap, which mirrors that error,
and of the percentile one must both be below.
Sources: K. Jarvelin and J. Kekalainen, ACM Transactions on Information Systems 20 (2002), for NDCG; F. McSherry and
M. Najork, ECIR 2008, for ties; A. Davison and D. Hinkley, Bootstrap Methods (1997), section 5.2; learn.microsoft.com,
"Model monitoring in Azure Machine Learning", read 2026-11-30, for the threshold .9.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.domain.releases.card import Attributions
from shared.drift.results.signals import SignalReport, SignalVerdict
from shared.drift.rows.equal import numbers_of

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

SIGNAL, KIND, PREFIX = "attribution-drift", "attributions", "attribution_"
RESAMPLES, CONFIDENCE = 200, 0.95


def read_attributions(document: object) -> Attributions:
    """Return the attributions.

    Raises:
        ValueError: the document is something else.
    """
    written: Any = document if isinstance(document, dict) else {}
    features = written.get("features")
    if not isinstance(features, dict) or not features:
        raise ValueError('attributions are {"version": "challenger", "method": "shap", "features": {"age": 0.2}}')
    wrong = [name for name, value in features.items() if not _is_size(value)]
    if wrong or not any(features.values()):
        raise ValueError(
            f"attributions are mean absolute values, 0 or more, and not all 0; see {wrong[:1] or features}"
        )
    return Attributions(str(written.get("version", "challenger")), str(written.get("method", "")), features)


def _is_size(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf


def compare_attributions(
    reference: Mapping[str, float], served: pd.DataFrame, min_ndcg: float, minimum_rows: int
) -> SignalReport:
    """Return whether the order of features changed.

    Args:
        reference: each feature's mean absolute attribution when the version was evaluated.
        served: a row per answer, with a column `attribution_FEATURE` for each; a missing one counts as 0.

    Raises:
        ValueError: the rows have no such column.
    """
    returned = [name for name in reference if f"{PREFIX}{name}" in served.columns]
    if not returned:
        raise ValueError(f"the answers have no column {PREFIX}{next(iter(reference))}; have the model return it")
    if (rows := len(served)) < minimum_rows:
        sentence = f"{rows:,} answers have attributions by now; {minimum_rows:,} are needed"
        return SignalReport(SIGNAL, "insufficient-data", sentence, rows)
    missing = np.zeros(rows)
    sizes = np.column_stack(
        [
            np.abs(np.nan_to_num(numbers_of(served[f"{PREFIX}{name}"]))) if name in returned else missing
            for name in reference
        ]
    )
    gains, means = np.array(list(reference.values())), sizes.mean(axis=0)
    value, chance = ndcg(gains, means), np.random.default_rng(rows)
    shares = np.full(rows, 1 / rows)
    resampled = [ndcg(gains, chance.multinomial(rows, shares) @ sizes / rows) for _ in range(RESAMPLES)]
    low, high = np.quantile(resampled, (1 - CONFIDENCE, CONFIDENCE))
    bound = min(1.0, max(2 * value - float(low), float(high)))
    verdict: SignalVerdict = "drift" if bound < min_ndcg else "no-drift"
    sentence = (
        f"NDCG of the features' order is {value:.3f} on {rows:,} answers (at most {bound:.3f}, 95 % sure); at least "
        f"{min_ndcg:g} is asked for. It leans most on {_first(reference, means)}; when it was evaluated, on "
        f"{_first(reference, gains)}"
    )
    lost = tuple(f"attributions of {name} are not returned any more" for name in reference if name not in returned)
    return SignalReport(SIGNAL, verdict, sentence, rows, value, min_ndcg, "NDCG", findings=lost)


def _first(features: Iterable[str], sizes: Numbers) -> str:
    """Return the three of the largest sizes."""
    return ", ".join(name for _, name in sorted(zip(-sizes, features, strict=True))[:3])


def ndcg(gains: Numbers, scores: Numbers) -> float:
    """Return how well the order of the scores, highest first, puts large gains first: 0 to 1. Equal scores share the
    mean of their places' weights."""
    weights = 1 / np.log2(np.arange(len(gains)) + 2)
    _, tied, sizes = np.unique(-scores, return_inverse=True, return_counts=True)
    shared = np.add.reduceat(weights, np.concatenate([[0], np.cumsum(sizes)[:-1]])) / sizes
    return float(gains @ shared[tied] / (np.sort(gains)[::-1] @ weights))
