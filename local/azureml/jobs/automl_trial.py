"""One trial of the emulated AutoML: fits a model on a table, logs how good it is on a fifth of the rows.

Run as: automl_trial.py DATA TARGET TASK MODEL FOLDER
"""

# mypy: disable-error-code="no-untyped-call"
# scikit-learn and joblib have no types of their own.

from __future__ import annotations

import json
import os
import sys
import urllib.request
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import yaml
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, mean_absolute_error, r2_score, roc_auc_score, root_mean_squared_error
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

MODELS: dict[tuple[str, str], type] = {
    ("classification", "linear"): LogisticRegression,
    ("classification", "gradient_boosting"): HistGradientBoostingClassifier,
    ("classification", "random_forest"): RandomForestClassifier,
    ("regression", "linear"): Ridge,
    ("regression", "gradient_boosting"): HistGradientBoostingRegressor,
    ("regression", "random_forest"): RandomForestRegressor,
}
SEEDED = {"gradient_boosting", "random_forest"}
LOADER = """\
import joblib


def _load_pyfunc(path):
    return joblib.load(path)
"""


def main(data: str, target: str, task: str, model: str, folder: str) -> None:
    table = read_table(Path(data))
    features, labels = table.drop(columns=target), table[target]
    train, test, train_labels, truth = train_test_split(features, labels, test_size=0.2, random_state=0)
    made = made_model(task, model).fit(train, train_labels)
    for name, value in measured(task, made, test, truth).items():
        log_metric(name, value)
    write(Path(folder), made.fit(features, labels))


def read_table(folder: Path) -> pd.DataFrame:
    """Return the rows of an MLTable of CSV or parquet files, or of a folder of them."""
    described = folder / "MLTable"
    paths = [part["file"] for part in yaml.safe_load(described.read_text())["paths"]] if described.exists() else []
    files = [folder / path for path in paths] or sorted(
        p for p in folder.rglob("*") if p.suffix in {".csv", ".parquet"}
    )
    return pd.concat([pd.read_csv(f) if f.suffix == ".csv" else pd.read_parquet(f) for f in files], ignore_index=True)


def made_model(task: str, model: str) -> Any:
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    words = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = make_column_transformer(
        (numbers, make_column_selector(dtype_include=np.number)),
        (words, make_column_selector(dtype_exclude=np.number)),
    )
    settings = {"random_state": 0} if model in SEEDED else {}
    return make_pipeline(columns, MODELS[task, model](**settings))


def measured(task: str, made: Any, test: pd.DataFrame, truth: pd.Series[Any]) -> dict[str, float]:
    predicted = made.predict(test)
    if task == "regression":
        span = float(truth.max() - truth.min()) or 1.0
        return {
            "r2_score": float(r2_score(truth, predicted)),
            "normalized_root_mean_squared_error": float(root_mean_squared_error(truth, predicted)) / span,
            "normalized_mean_absolute_error": float(mean_absolute_error(truth, predicted)) / span,
        }
    chances = made.predict_proba(test)
    shown = chances[:, 1] if chances.shape[1] == 2 else chances
    auc = roc_auc_score(truth, shown, multi_class="ovr", average="weighted", labels=made.classes_)
    return {"accuracy": float(accuracy_score(truth, predicted)), "auc_weighted": float(auc)}


def log_metric(name: str, value: float) -> None:
    body = json.dumps({"run_id": os.environ["AZUREML_RUN_ID"], "key": name, "value": value}).encode()
    address = f"{os.environ['MLFLOW_TRACKING_URI']}/api/2.0/mlflow/runs/log-metric"
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=10).close()


def write(folder: Path, made: Any) -> None:
    """Write the model as MLflow does, with a loader of its own."""
    (folder / "code").mkdir(parents=True, exist_ok=True)
    joblib.dump(made, folder / "model.joblib")
    (folder / "code" / "automl_loader.py").write_text(LOADER)
    flavour = {"loader_module": "automl_loader", "code": "code", "data": "model.joblib"}
    (folder / "MLmodel").write_text(yaml.safe_dump({"flavors": {"python_function": flavour}}))


if __name__ == "__main__":
    main(*sys.argv[1:])
