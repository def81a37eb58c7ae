"""Train the flight-delay model: a parquet file of labelled flights in, an MLflow model folder out."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import pandas as pd
from package import write_package  # type: ignore[import-not-found]
from tracking import tag_run  # type: ignore[import-not-found]
from training import Trained, UnusableTrainingDataError, fit  # type: ignore[import-not-found]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--training_data", type=Path, required=True, help="parquet file of labelled flights")
    parser.add_argument("--model", type=Path, required=True, help="folder to write the MLflow model to")
    arguments = parser.parse_args()
    try:
        frame = read(arguments.training_data)
        trained = fit(frame)
    except UnusableTrainingDataError as exc:
        print(f"train_flight_delay: {exc}", file=sys.stderr)
        return 1
    write_package(arguments.model, trained, frame)
    tag_run(metrics(trained))
    print(json.dumps({"metrics": metrics(trained)}))
    return 0


def read(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as exc:
        raise UnusableTrainingDataError(f"training_data {path} is not a readable parquet file: {exc}") from exc


def metrics(trained: Trained) -> dict[str, float]:
    return {
        "rows": trained.rows,
        "train_roc_auc": round(trained.train_roc_auc, 6),
        "validation_roc_auc": round(trained.validation_roc_auc, 6),
    }


if __name__ == "__main__":
    sys.exit(main())
