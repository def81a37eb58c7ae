"""Writing a model in MLflow's pyfunc format, which Azure ML serves without scoring code of its own.

Format: https://mlflow.org/docs/latest/ml/model (MLmodel file, python_function flavour), read 2026-11-20.
"""

from __future__ import annotations

import json
import platform
import shutil
import uuid
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import flight_delay_model  # type: ignore[import-not-found]
import joblib
import pandas as pd
from flight_delay_model import CATEGORICAL, NUMERIC
from training import Trained  # type: ignore[import-not-found]

EXAMPLE_ROWS = 3
_REQUIREMENTS = ("numpy", "pandas", "scikit-learn", "joblib")


def write_package(folder: Path, trained: Trained, frame: pd.DataFrame) -> None:
    """Fill `folder` with the model package; `frame` gives the rows of the input example."""
    (folder / "code").mkdir(parents=True, exist_ok=True)
    (folder / "data").mkdir(exist_ok=True)
    shutil.copyfile(flight_delay_model.__file__, folder / "code" / "flight_delay_model.py")
    joblib.dump(  # type: ignore[no-untyped-call]
        {"classifier": trained.classifier, "categories": trained.categories}, folder / "data" / "model.joblib"
    )
    pinned = [f"{name}=={version(name)}" for name in _REQUIREMENTS]
    (folder / "requirements.txt").write_text("\n".join(pinned) + "\n")
    (folder / "conda.yaml").write_text(_conda(pinned))
    (folder / "python_env.yaml").write_text(
        f"python: {platform.python_version()}\ndependencies:\n- -r requirements.txt\n"
    )
    (folder / "input_example.json").write_text(json.dumps(_example(frame), indent=2) + "\n")
    (folder / "MLmodel").write_text(_mlmodel(trained))


def _example(frame: pd.DataFrame) -> dict[str, object]:
    rows = frame[[*NUMERIC, *CATEGORICAL]].dropna().head(EXAMPLE_ROWS)
    as_json = json.loads(rows.reset_index(drop=True).to_json(orient="split"))
    return {"input_data": {"columns": as_json["columns"], "index": as_json["index"], "data": as_json["data"]}}


def _conda(pinned: list[str]) -> str:
    pip = "\n".join(f"  - {requirement}" for requirement in pinned)
    head = "name: flight-delay\nchannels: [conda-forge]\ndependencies:\n"
    return f"{head}- python={platform.python_version()}\n- pip\n- pip:\n{pip}\n"


def _mlmodel(trained: Trained) -> str:
    columns = [{"name": name, "type": "double", "required": True} for name in NUMERIC]
    columns += [{"name": name, "type": "string", "required": True} for name in CATEGORICAL]
    return f"""flavors:
  python_function:
    code: code
    data: data
    env:
      conda: conda.yaml
      virtualenv: python_env.yaml
    loader_module: flight_delay_model
    python_version: {platform.python_version()}
metadata:
  rows: {trained.rows}
  train_roc_auc: {trained.train_roc_auc:.6f}
  validation_roc_auc: {trained.validation_roc_auc:.6f}
model_uuid: {uuid.uuid4().hex}
saved_input_example_info:
  artifact_path: input_example.json
  pandas_orient: split
  type: dataframe
signature:
  inputs: '{json.dumps(columns)}'
  outputs: '{json.dumps([{"type": "double", "required": True}])}'
utc_time_created: '{datetime.now(UTC):%Y-%m-%d %H:%M:%S.%f}'
"""
