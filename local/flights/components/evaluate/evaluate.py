"""Score champion and challenger on the same labelled flights: one row per flight out, no judgement."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from pyfunc_package import UnusableModelError, load  # type: ignore[import-not-found]

ROW_ID = "flight_id"
LABEL = "late"
SLICES = ("carrier", "origin")


class UnusableDataError(Exception):
    """The evaluation data cannot be scored; the message says what to change."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--champion", type=Path, required=True, help="MLflow model folder of the serving version")
    parser.add_argument("--challenger", type=Path, required=True, help="MLflow model folder of the candidate")
    parser.add_argument("--data", type=Path, required=True, help="parquet file of fresh labelled flights")
    parser.add_argument("--scores", type=Path, required=True, help="folder to write scores.parquet to")
    arguments = parser.parse_args()
    try:
        frame = read(arguments.data)
        scores = pd.DataFrame({"row_id": frame[ROW_ID].astype(str), "label": frame[LABEL].astype("int8")})
        for name in ("champion", "challenger"):
            scores[f"{name}_score"] = score(name, getattr(arguments, name), frame)
        for name in SLICES:
            scores[name] = frame[name].astype(str)
    except (UnusableDataError, UnusableModelError) as exc:
        print(f"evaluate_flight_delay: {exc}", file=sys.stderr)
        return 1
    arguments.scores.mkdir(parents=True, exist_ok=True)
    scores.to_parquet(arguments.scores / "scores.parquet", index=False)
    print(json.dumps({"metrics": {"rows": len(scores)}}))
    return 0


def read(path: Path) -> pd.DataFrame:
    try:
        frame = pd.read_parquet(path)
    except (OSError, ValueError) as exc:
        raise UnusableDataError(f"data {path} is not a readable parquet file: {exc}") from exc
    missing = [name for name in (ROW_ID, LABEL, *SLICES) if name not in frame.columns]
    if missing:
        raise UnusableDataError(f"data lacks {', '.join(missing)}; it has {', '.join(map(str, frame.columns))}")
    if frame.empty:
        raise UnusableDataError("data has no rows")
    if not set(frame[LABEL].unique().tolist()) <= {0, 1}:
        raise UnusableDataError(f"{LABEL} must be 0 or 1 in every row")
    if frame[ROW_ID].duplicated().any():
        raise UnusableDataError(f"{ROW_ID} is not unique: {frame.loc[frame[ROW_ID].duplicated(), ROW_ID].iloc[0]}")
    return frame


def score(name: str, folder: Path, frame: pd.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return one probability per row; the label is withheld from the model.

    Raises:
        UnusableModelError: the model raises, or its answer is not one finite number per row.
    """
    model = load(folder)
    try:
        predicted = np.asarray(model.predict(frame.drop(columns=LABEL)), dtype=np.float64)
    except Exception as exc:  # the model's own code may raise anything
        raise UnusableModelError(f"the {name} cannot score the data: {type(exc).__name__}: {exc}") from exc
    if predicted.shape != (len(frame),) or not bool(np.isfinite(predicted).all()):
        raise UnusableModelError(f"the {name} must give one finite number per row; got shape {predicted.shape}")
    return predicted


if __name__ == "__main__":
    sys.exit(main())
