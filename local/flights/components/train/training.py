"""Fitting the flight-delay classifier: checked rows in, a model and what it scored out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from flight_delay_model import CATEGORICAL, NUMERIC, encode  # type: ignore[import-not-found]
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

LABEL = "late"
MINIMUM_ROWS = 500
VALIDATION_SHARE = 0.2
# The classifier bins each feature into at most 255 codes.
MAXIMUM_CATEGORIES = 254
SEED = 2013


class UnusableTrainingDataError(Exception):
    """The training data cannot give a model; the message says what to change."""


@dataclass(frozen=True)
class Trained:
    """A fitted classifier. The two scores are areas under the ROC curve, 0-1, on its own and on held-out rows."""

    classifier: Any
    categories: dict[str, dict[str, int]]
    rows: int
    train_roc_auc: float
    validation_roc_auc: float


def check(frame: pd.DataFrame) -> None:
    """Check that the frame can give a model.

    Raises:
        UnusableTrainingDataError: it cannot; the message says why.
    """
    missing = [name for name in (*NUMERIC, *CATEGORICAL, LABEL) if name not in frame.columns]
    if missing:
        raise UnusableTrainingDataError(
            f"training_data lacks {', '.join(missing)}; it has {', '.join(map(str, frame.columns)) or 'no columns'}"
        )
    if len(frame) < MINIMUM_ROWS:
        raise UnusableTrainingDataError(f"training_data has {len(frame)} rows; at least {MINIMUM_ROWS} are needed")
    labels = sorted(frame[LABEL].dropna().unique().tolist())
    if frame[LABEL].isna().any() or not set(labels) <= {0, 1}:
        raise UnusableTrainingDataError(f"{LABEL} must be 0 or 1 in every row; found {labels[:5]} or empty cells")
    if len(labels) < 2:
        raise UnusableTrainingDataError(f"{LABEL} is {labels[0]} in every row; a classifier needs both classes")


def fit(frame: pd.DataFrame) -> Trained:
    """Return a classifier fitted on four fifths of the rows; the rest only measures it.

    The same rows give the same model.

    Raises:
        UnusableTrainingDataError: see `check`; also when a class is too rare to be split.
    """
    check(frame)
    try:
        fitted, held_out = train_test_split(frame, test_size=VALIDATION_SHARE, random_state=SEED, stratify=frame[LABEL])
    except ValueError as exc:
        raise UnusableTrainingDataError(f"{LABEL} has too few rows of one class: {exc}") from exc
    categories = {name: _codes(fitted[name]) for name in CATEGORICAL}
    classifier = HistGradientBoostingClassifier(  # type: ignore[no-untyped-call]
        max_iter=60,
        max_leaf_nodes=15,
        learning_rate=0.1,
        categorical_features=list(range(len(NUMERIC), len(NUMERIC) + len(CATEGORICAL))),
        early_stopping=False,
        random_state=SEED,
    )
    classifier.fit(encode(fitted, categories), fitted[LABEL].to_numpy(dtype=np.int8))
    return Trained(
        classifier=classifier,
        categories=categories,
        rows=len(frame),
        train_roc_auc=_roc_auc(classifier, fitted, categories),
        validation_roc_auc=_roc_auc(classifier, held_out, categories),
    )


def _codes(column: pd.Series[Any]) -> dict[str, int]:
    most_frequent = column.value_counts().index[:MAXIMUM_CATEGORIES].tolist()
    return {value: code for code, value in enumerate(sorted(map(str, most_frequent)))}


def _roc_auc(classifier: Any, frame: pd.DataFrame, categories: dict[str, dict[str, int]]) -> float:
    return float(roc_auc_score(frame[LABEL], classifier.predict_proba(encode(frame, categories))[:, 1]))
