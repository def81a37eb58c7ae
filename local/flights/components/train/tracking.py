"""Telling the run what came out: its metrics become tags of the job, where gates find them."""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping

TRIES = 3


def tag_run(metrics: Mapping[str, float], environment: Mapping[str, str] = os.environ) -> None:
    """Give the metrics to the job that this process is a step of; a training does not fail because that does.

    Names of the variables: from memory; not verified on Azure.
    """
    address, run = environment.get("MLFLOW_TRACKING_URI"), environment.get("AZUREML_ROOT_RUN_ID")
    if not address or not run:
        return
    try:
        for name, value in metrics.items():
            _set_tag(address, run, name, str(value))
    except OSError as exc:
        print(f"train_flight_delay: the metrics are not recorded as tags of run {run}: {exc}", file=sys.stderr)


def _set_tag(address: str, run: str, key: str, value: str) -> None:
    if not address.startswith(("http://", "https://")):
        # Azure's own address: add mlflow and azureml-mlflow to the environment, and call MlflowClient().set_tag here.
        raise OSError(f"{address} is not MLflow's REST interface")
    body = json.dumps({"run_id": run, "key": key, "value": value}).encode()
    request = urllib.request.Request(
        f"{address.rstrip('/')}/api/2.0/mlflow/runs/set-tag", body, {"Content-Type": "application/json"}
    )
    for retries in reversed(range(TRIES)):
        try:
            with urllib.request.urlopen(request, timeout=10):
                return
        except urllib.error.HTTPError as exc:
            exc.close()
            if exc.code not in {429, 503} or not retries:
                raise
            time.sleep(1)
