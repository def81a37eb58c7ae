"""The evaluation's scores, checked before any gate believes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from shared.metrics.binary import CLASSES, METRICS, MetricUndefinedError, measure_metric
from shared.metrics.estimates import THRESHOLD

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

ROW_ID, LABEL, CHAMPION, CHALLENGER = "row_id", "label", "champion_score", "challenger_score"
FEWEST_ROWS = 50
# Below these no bound keeps its error: measured by `python -m benchmarks gates`.
FEWEST_PER_CLASS = 10
FEWEST_COUNTED = 20
_TRUTH = {"true": 1.0, "false": 0.0}


class UnusableEvidenceError(ValueError):
    """The scores cannot be judged: neither good nor bad news."""


def one_row_per_id(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the rows without those that repeat another, by their `row_id`; all of them when nothing names them.

    Raises:
        UnusableEvidenceError: rows of one name differ, or have no name.
    """
    if ROW_ID not in scores.columns or scores.empty:
        return scores
    if nameless := int(scores[ROW_ID].isna().sum()):
        raise UnusableEvidenceError(f"{nameless:,} of {len(scores):,} rows have no {ROW_ID}")
    if not scores[ROW_ID].duplicated().any():
        return scores
    once = scores[~scores.astype(str).duplicated()]
    differing = once[ROW_ID][once[ROW_ID].duplicated()].unique()
    if len(differing):
        raise UnusableEvidenceError(
            f"{len(differing):,} rows are there more than once and differ, e.g. {ROW_ID} {differing[0]}; "
            "each row may be evaluated only once"
        )
    return once


def numbers(scores: pd.DataFrame | None, *columns: str) -> tuple[Numbers, ...]:
    """Return the columns as numbers, one value per row.

    Raises:
        UnusableEvidenceError: there are no rows, a column is missing or there twice, or a value is not a finite number.
    """
    if scores is None or scores.empty:
        raise UnusableEvidenceError("the evaluation has no rows")
    names = [str(name) for name in scores.columns]
    if missing := [column for column in columns if column not in names]:
        raise UnusableEvidenceError(f"the evaluation lacks {', '.join(missing)}; it has {', '.join(names)}")
    if twice := [column for column in columns if names.count(column) > 1]:
        raise UnusableEvidenceError(f"the evaluation has more than one column {twice[0]}")
    return tuple(_numbers(scores[column]) for column in columns)


def _numbers(column: pd.Series[Any]) -> Numbers:
    import pandas as pd

    if not pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        texts = column.astype("string").str.strip().str.lower()
        column = texts.map(_TRUTH).fillna(pd.to_numeric(texts, errors="coerce")).where(texts.notna(), np.nan)
        if strange := texts[column.isna() & texts.notna() & (texts != "") & (texts != "nan")].head(1).tolist():
            problem = f"column {texts.name} of the evaluation does not hold numbers: {strange[0]!r:.40}"
            raise UnusableEvidenceError(f"{problem}; {_remedy(str(texts.name))}")
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    if bad := int((~np.isfinite(values)).sum()):
        raise UnusableEvidenceError(f"{bad:,} of {len(values):,} values of {column.name} are not finite")
    return values


def _remedy(column: str) -> str:
    if column == LABEL:
        return "write 1 for the class that the scores are about and 0 for all else, or the true number"
    return "write plain numbers, probabilities as 0 to 1"


def measured(metric: str, labels: Numbers, scores: Numbers) -> float:
    """Return the metric.

    Raises:
        UnusableEvidenceError: it has no value on these rows.
    """
    if METRICS[metric].needs == CLASSES and bool(((scores < 0) | (scores > 1)).any()):
        raise UnusableEvidenceError(
            f"scores are cut at {THRESHOLD:g} and must be probabilities 0-1; got {scores.min():g} to {scores.max():g}"
        )
    try:
        return measure_metric(metric, labels, scores)
    except (MetricUndefinedError, ValueError) as exc:
        raise UnusableEvidenceError(str(exc)) from exc


def require_enough(metric: str, labels: Numbers, *versions: Numbers) -> None:
    """Make sure that there are rows enough for bounds that hold.

    Raises:
        UnusableEvidenceError: there are fewer.
    """
    if len(labels) < FEWEST_ROWS:
        raise UnusableEvidenceError(f"{len(labels):,} rows are too few; {FEWEST_ROWS} are needed")
    positives = int((labels == 1).sum())
    if metric == "roc_auc" and (rarer := min(positives, len(labels) - positives)) < FEWEST_PER_CLASS:
        raise UnusableEvidenceError(f"{rarer:,} rows of one class are too few; {FEWEST_PER_CLASS} of each are needed")
    if metric in {"f1", "pr_auc", "recall"} and positives < FEWEST_COUNTED:
        raise UnusableEvidenceError(f"{positives:,} rows of label 1 are too few; {FEWEST_COUNTED} are needed")
    flagged = min((int((name >= THRESHOLD).sum()) for name in versions), default=0)
    if metric == "precision" and flagged < FEWEST_COUNTED:
        raise UnusableEvidenceError(
            f"{flagged:,} rows that score {THRESHOLD:g} or more are too few; {FEWEST_COUNTED} are needed"
        )


def check_metric(name: str) -> str:
    """Return the name.

    Raises:
        ValueError: no metric is called so.
    """
    if name not in METRICS:
        raise ValueError(f"{name!r} is not a metric; write one of {', '.join(sorted(METRICS))}")
    return name


def check_confidence(value: float) -> float:
    """Return the percentage.

    Raises:
        ValueError: it is that of no decision.
    """
    if not 50 <= value <= 99.9:
        raise ValueError(f"a confidence of {value:g}% decides nothing; write 50% to 99.9%, e.g. 95%")
    return value
