"""Sweeps and AutoML through the real MLClient: trials run as subprocesses, the best is named, what is not emulated is
refused at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from azure.ai.ml import Input, Output, automl, command
from azure.ai.ml.entities import Environment
from azure.ai.ml.sweep import Choice, Uniform
from azure.core.exceptions import HttpResponseError

from local.azureml.jobs.sweep import Sweep, sweep_of
from tests.local.azureml.conftest import System

# Logs 1 - (lr - 0.3)², so that the best trial is the one nearest to 0.3.
TRIAL = """\
import json, os, sys, urllib.request
lr, out = float(sys.argv[1]), sys.argv[2]
if lr > 0.9:
    raise SystemExit("diverged")
body = json.dumps({"run_id": os.environ["AZUREML_RUN_ID"], "key": "auc", "value": 1 - (lr - 0.3) ** 2}).encode()
address = os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/runs/log-metric"
urllib.request.urlopen(urllib.request.Request(address, body, {"Content-Type": "application/json"})).close()
open(os.path.join(out, "MLmodel"), "w").write(f"lr: {lr}")
"""


@pytest.fixture(scope="module", autouse=True)
def environment(system: System) -> None:
    system.ml.environments.create_or_update(Environment(name="env", version="1", image="python:3.11"))


def a_sweep(folder: Path, space: Any, **settings: Any) -> Any:
    (folder / "trial.py").write_text(TRIAL)
    base = command(
        code=folder,
        command="python trial.py ${{inputs.lr}} ${{outputs.model}}",
        environment="azureml:env:1",
        inputs={"lr": 0.1},
        outputs={"model": Output(type="mlflow_model")},
        compute="cpu-cluster",
    )
    made = base(lr=space).sweep(
        **{
            "sampling_algorithm": "grid",
            "goal": "Maximize",
            "primary_metric": "auc",
            "compute": "cpu-cluster",
            **settings,
        }
    )
    made.set_limits(max_total_trials=4, max_concurrent_trials=2)
    return made


def test_best_trial_of_a_sweep_is_named_and_one_that_fails_ends_no_other(system: System, tmp_path: Path) -> None:
    made = system.ml.jobs.create_or_update(a_sweep(tmp_path, Choice([0.1, 0.25, 0.8, 0.95])))

    assert system.wait_for_job(made.name) == "Completed"
    trials = {job.name: job.status for job in system.ml.jobs.list(parent_job_name=made.name)}
    assert sorted(trials.values()) == ["Completed", "Completed", "Completed", "Failed"]
    best = system.ml.jobs.get(made.name).properties["best_child_run_id"]
    assert best == f"{made.name}_1"
    written = system.storage.download_blob(f"azureml/{made.name}/model/MLmodel").readall()
    assert written == b"lr: 0.25"


def test_a_sweep_whose_trials_log_nothing_fails_with_its_metric(system: System, tmp_path: Path) -> None:
    made = system.ml.jobs.create_or_update(a_sweep(tmp_path, Choice([0.1]), primary_metric="recall"))

    assert system.wait_for_job(made.name) == "Failed"


def test_bayesian_sampling_is_refused_and_says_what_is_there(system: System, tmp_path: Path) -> None:
    job = a_sweep(tmp_path, Uniform(0.1, 0.5), sampling_algorithm="bayesian")

    with pytest.raises(HttpResponseError, match="bayesian sampling is not emulated; write random or grid"):
        system.ml.jobs.create_or_update(job)


def test_random_trials_lie_in_the_space_and_are_the_same_every_time() -> None:
    space = {"a": {"type": "uniform", "min_value": 1, "max_value": 2}, "b": {"type": "choice", "values": ["x", "y"]}}
    spec = {"search_space": space, "objective": {"goal": "minimize", "primary_metric": "loss"}}
    sweep = sweep_of({**spec, "limits": {"max_total_trials": 50}})

    trials = sweep.trials()

    assert trials == sweep.trials()
    assert all(1 <= trial["a"] <= 2 and trial["b"] in {"x", "y"} for trial in trials)
    assert len({trial["a"] for trial in trials}) == 50


def test_a_grid_is_every_point_up_to_the_limit() -> None:
    sweep = Sweep({"a": ("choice", [1, 2]), "b": ("choice", ["x", "y"])}, "grid", "maximize", "auc", 3, 1)

    assert sweep.trials() == [{"a": 1, "b": "x"}, {"a": 1, "b": "y"}, {"a": 2, "b": "x"}]


def a_table(system: System, name: str, make: Callable[[np.random.Generator, pd.DataFrame], Any]) -> Input:
    source = np.random.default_rng(0)
    table = pd.DataFrame({"x": source.normal(size=200), "kind": source.choice(["a", "b"], 200)})
    table["y"] = make(source, table)
    system.storage.upload_blob(f"{name}/rows.csv", table.to_csv(index=False), overwrite=True)
    described = "paths: [{file: ./rows.csv}]\ntransformations: [{read_delimited: {delimiter: ','}}]\n"
    system.storage.upload_blob(f"{name}/MLTable", described, overwrite=True)
    return Input(type="mltable", path=f"azureml://datastores/workspaceblobstore/paths/{name}")


def test_automl_tries_models_and_writes_the_best_down(system: System) -> None:
    data = a_table(system, "table-c", lambda source, table: (table["x"] > 0).astype(int))
    job = automl.classification(
        training_data=data, target_column_name="y", primary_metric="accuracy", compute="cpu-cluster"
    )
    job.set_limits(max_trials=2)
    made = system.ml.jobs.create_or_update(job)

    assert system.wait_for_job(made.name) == "Completed"
    read = system.ml.jobs.get(made.name)
    assert read.tags["automl_best_child_run_id"] in {f"{made.name}_0", f"{made.name}_1"}
    model = system.storage.download_blob(f"azureml/{made.name}/best_model/MLmodel").readall()
    assert b"automl_loader" in model


def test_automl_that_is_not_on_tables_is_refused(system: System) -> None:
    job = automl.forecasting(
        training_data=a_table(system, "table-f", lambda source, table: table["x"]),
        target_column_name="y",
        primary_metric="normalized_root_mean_squared_error",
        compute="cpu-cluster",
    )
    job.set_forecast_settings(time_column_name="x", forecast_horizon=3)

    with pytest.raises(HttpResponseError, match="AutoML's task forecasting is not emulated"):
        system.ml.jobs.create_or_update(job)
