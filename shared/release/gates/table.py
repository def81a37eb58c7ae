"""The evaluation's scores, checked before any gate believes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shared.drift.metrics import METRICS, MetricUndefinedError, measure_metric

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

LABEL, CHAMPION, CHALLENGER = "label", "champion_score", "challenger_score"


class UnusableEvidenceError(ValueError):
    """The scores cannot be judged: neither good nor bad news."""


def numbers(scores: pd.DataFrame | None, *columns: str) -> tuple[Numbers, ...]:
    """Return the columns as numbers, one value per row.

    Raises:
        UnusableEvidenceError: there are no rows, a column is missing, or a value is not a finite number.
    """
    if scores is None or scores.empty:
        raise UnusableEvidenceError("the evaluation has no rows")
    missing = [column for column in columns if column not in scores.columns]
    if missing:
        has = ", ".join(map(str, scores.columns))
        raise UnusableEvidenceError(f"the evaluation lacks {', '.join(missing)}; it has {has}")
    found = []
    for column in columns:
        try:
            values = scores[column].to_numpy(dtype=np.float64, na_value=np.nan)
        except (TypeError, ValueError) as exc:
            raise UnusableEvidenceError(f"column {column} of the evaluation does not hold numbers") from exc
        if bad := int((~np.isfinite(values)).sum()):
            raise UnusableEvidenceError(f"{bad} of {len(values)} values of {column} are not finite")
        found.append(values)
    return tuple(found)


def measured(metric: str, labels: Numbers, scores: Numbers) -> float:
    """Return the metric.

    Raises:
        UnusableEvidenceError: it has no value on these rows.
    """
    try:
        return measure_metric(metric, labels, scores)
    except (MetricUndefinedError, ValueError) as exc:
        raise UnusableEvidenceError(str(exc)) from exc


def check_metric(name: str) -> str:
    """Return the name.

    Raises:
        ValueError: no metric is called so.
    """
    if name not in METRICS:
        raise ValueError(f"{name!r} is not a metric; write one of {', '.join(sorted(METRICS))}")
    return name
