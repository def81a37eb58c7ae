"""Which items people should label first: those the model is least sure of, and those least like its training data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.drift.rows.equal import key_of
from shared.ports.labels import LabelTask

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

PREDICTION = "prediction"
# What a tool shows beside an item: what was predicted, and how large an image is, in pixels.
SHOWN = ("width", "height", PREDICTION)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One item to label. `uncertainty` is 0 (sure) to 1; `strangeness` is its rank by distance from the middle of all
    embeddings, 0-1. Either is None when it cannot be measured. `key` is its row's, `shown` what a tool shows of it."""

    item: str
    reason: str
    uncertainty: float | None
    strangeness: float | None
    key: str
    shown: Mapping[str, Any]


def choose(rows: pd.DataFrame, task: LabelTask, embedding: str, most: int) -> tuple[Candidate, ...]:
    """Return at most `most` items, each once: in turn the least certain and the most unusual ones.

    Args:
        rows: served rows with their `prediction`: the probability of the positive class, or of every class.
        task: names the columns of the item and of the row's key; without the latter, the item is the key.
        embedding: the column of vectors; "" for none.

    Raises:
        ValueError: there is no column `item`, or neither predictions nor embeddings to choose by.
    """
    item = task.item
    if item not in rows.columns:
        raise ValueError(f"the served rows have no column {item!r}; there are {', '.join(map(str, rows.columns))}")
    rows = rows[rows[item].notna()].drop_duplicates(item, keep="last").reset_index(drop=True)
    uncertainty = _uncertainty(rows)
    strangeness = _strangeness(rows, embedding)
    if uncertainty is None and strangeness is None:
        raise ValueError(f"the rows have neither probabilities in column {PREDICTION!r} nor vectors to choose by")
    orders = [("least certain", uncertainty), ("most unusual", strangeness)]
    ranked = [(reason, _falling(values)) for reason, values in orders if values is not None]
    # In turn, so that neither order uses up the budget; an item that is in both is chosen once.
    chosen: dict[int, str] = {}
    for place in range(len(rows)):
        for reason, order in ranked:
            if len(chosen) < most and place < len(order):
                chosen.setdefault(int(order[place]), reason)
    names, keys = rows[item].astype(str), rows[task.key if task.key in rows.columns else item].map(key_of)
    columns = [name for name in rows.columns if name in SHOWN or str(name).startswith(f"{PREDICTION}_")]
    return tuple(
        Candidate(
            names.iloc[row],
            reason,
            _at(uncertainty, row),
            _at(strangeness, row),
            keys.iloc[row],
            {name: value for name in columns if _is_there(value := rows[name].iloc[row])},
        )
        for row, reason in chosen.items()
    )


def manifest(candidates: tuple[Candidate, ...], task: LabelTask) -> bytes:
    """Return JSON Lines, one item each, with an empty `label` to fill in, beside why the item was chosen."""
    lines = (
        {
            "label": None,
            task.item: candidate.item,
            task.key: candidate.key,
            "why": candidate.reason,
            "uncertainty": candidate.uncertainty,
            "unusual": candidate.strangeness,
            **candidate.shown,
        }
        for candidate in candidates
    )
    text = (json.dumps(line, ensure_ascii=False, default=lambda value: value.tolist()) for line in lines)
    return "".join(f"{line}\n" for line in text).encode()


def _is_there(value: Any) -> bool:
    return value is not None and (not isinstance(value, float) or bool(np.isfinite(value)))


def _uncertainty(rows: pd.DataFrame) -> NDArray[np.float64] | None:
    shares = [name for name in rows.columns if str(name).startswith(f"{PREDICTION}_")]
    if not shares and PREDICTION not in rows.columns:
        return None
    values = rows[shares].to_numpy().tolist() if shares else rows[PREDICTION]
    uncertainty = np.array([_unsure(value) for value in values], dtype=np.float64)
    return None if np.isnan(uncertainty).all() else uncertainty


def _unsure(prediction: Any) -> float:
    """Return 1 for a coin flip, 0 for certainty, NaN for what is no probability. Of boxes or spans with a `score` each,
    the least certain counts."""
    if isinstance(prediction, dict):
        prediction = prediction.get("boxes", prediction.get("probs"))
    if isinstance(prediction, list) and all(isinstance(part, dict) for part in prediction):
        return max((_unsure(part.get("score")) for part in prediction), default=np.nan)
    if isinstance(prediction, list) and not all(isinstance(part, int | float) for part in prediction):
        return np.nan
    if isinstance(prediction, list | tuple | np.ndarray) and len(prediction) > 1:
        shares = np.asarray(prediction, dtype=np.float64)
        if not ((shares >= 0) & (shares <= 1)).all():
            return np.nan
        if abs(shares.sum() - 1) < 1e-3:
            return float((1 - shares.max()) * len(shares) / (len(shares) - 1))
        return float((1 - np.abs(2 * shares - 1)).max())  # of several labels, each with a probability of its own
    if isinstance(prediction, int | float | np.number) and not isinstance(prediction, bool) and 0 <= prediction <= 1:
        return 1 - abs(2 * float(prediction) - 1)
    return np.nan


def _strangeness(rows: pd.DataFrame, embedding: str) -> NDArray[np.float64] | None:
    """Return each row's rank by its distance from the median vector, 0-1; rows of another length are NaN."""
    if not embedding or embedding not in rows.columns or rows.empty:
        return None
    vectors = [np.asarray(value, dtype=np.float64) if _is_vector(value) else None for value in rows[embedding]]
    lengths = [len(vector) for vector in vectors if vector is not None]
    if not lengths:
        return None
    # Vectors of different lengths have no distance; the most frequent length is taken.
    usual = max(set(lengths), key=lengths.count)
    usable = [n for n, vector in enumerate(vectors) if vector is not None and len(vector) == usual]
    table = np.stack([vector for n in usable if (vector := vectors[n]) is not None])
    # From the median, not the mean: outliers must not move the middle that they are measured from.
    distances = np.linalg.norm(table - np.median(table, axis=0), axis=1)
    ranks = np.full(len(rows), np.nan)
    ranks[usable] = np.argsort(np.argsort(distances)) / max(len(usable) - 1, 1)
    return ranks


def _is_vector(value: Any) -> bool:
    return isinstance(value, list | tuple | np.ndarray) and all(
        isinstance(number, int | float | np.number) and np.isfinite(number) for number in value
    )


def _falling(values: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the rows that have a value, largest first; equal ones keep their order."""
    order = np.argsort(-values, kind="stable")
    return order[~np.isnan(values[order])]


def _at(values: NDArray[np.float64] | None, row: int) -> float | None:
    return None if values is None or np.isnan(values[row]) else round(float(values[row]), 4)
