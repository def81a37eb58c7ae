"""Trainings that are written down as jobs, through the real SDK against the emulated workspace: each type registers its
model under the policy's name, and takes only what it declares."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from azure.ai.ml import load_component
from azure.ai.ml.entities import Data, Environment

from shared.adapters.azure_ml.workspace import AzureWorkspace
from shared.domain.ids import JobName, ModelName, ModelVersion
from shared.errors import WorkspaceError
from shared.ports.jobs import JobRequest
from tests.contract.test_workspace import adapter, ended
from tests.local.azureml.conftest import System, system  # noqa: F401 (system is a fixture)

TRAIN = """\
import json, os, sys, urllib.request
lr, out = float(sys.argv[1]), sys.argv[2]
body = json.dumps({"run_id": os.environ["AZUREML_RUN_ID"], "key": "auc", "value": 1 - (lr - 0.3) ** 2}).encode()
address = os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/runs/log-metric"
urllib.request.urlopen(urllib.request.Request(address, body, {"Content-Type": "application/json"})).close()
open(os.path.join(out, "MLmodel"), "w").write(f"lr: {lr}")
"""
COMMAND = """\
type: command
code: ./src
command: python train.py ${{inputs.lr}} ${{outputs.model}}
environment: azureml:definitions:1
compute: azureml:cpu-cluster
inputs:
  lr: 0.1
  rows: {type: uri_folder, path: azureml:rows@latest}
outputs:
  model: {type: mlflow_model}
"""
SWEEP = """\
type: sweep
trial:
  code: ./src
  command: python train.py ${{search_space.lr}} ${{outputs.model}}
  environment: azureml:definitions:1
inputs:
  rows: {type: uri_folder, path: azureml:rows@latest}
outputs:
  model: {type: mlflow_model}
sampling_algorithm: grid
search_space:
  lr: {type: choice, values: [0.1, 0.25, 0.8]}
objective: {goal: maximize, primary_metric: auc}
limits: {max_total_trials: 3, max_concurrent_trials: 2, timeout: 600}
"""
PIPELINE = """\
type: pipeline
inputs:
  lr: 0.1
outputs:
  model: {type: mlflow_model}
settings: {default_compute: azureml:cpu-cluster}
jobs:
  fit:
    type: command
    component: azureml:train_lr@latest
    inputs: {lr: "${{parent.inputs.lr}}"}
    outputs: {model: "${{parent.outputs.model}}"}
"""
AUTOML = """\
type: automl
task: regression
primary_metric: r2_score
target_column_name: y
training_data: {type: mltable, path: azureml:table:1}
limits: {max_trials: 1}
"""
COMPONENT = """\
type: command
name: train_lr
code: ./src
environment: azureml:definitions:1
inputs:
  lr: {type: number}
outputs:
  model: {type: mlflow_model}
command: python train.py ${{inputs.lr}} ${{outputs.model}}
"""
NESTED = """\
type: pipeline
name: train_nested
inputs:
  lr: {type: number}
outputs:
  model: {type: mlflow_model}
jobs:
  fit:
    type: command
    component: azureml:train_lr@latest
    inputs: {lr: "${{parent.inputs.lr}}"}
    outputs: {model: "${{parent.outputs.model}}"}
"""
PATHS = "azureml://datastores/workspaceblobstore/paths"
DEFINITIONS = {"command": COMMAND, "sweep": SWEEP, "pipeline": PIPELINE, "automl": AUTOML}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("jobs")
    (made / "src").mkdir()
    (made / "src" / "train.py").write_text(TRAIN)
    for name, text in {**DEFINITIONS, "component": COMPONENT, "nested": NESTED}.items():
        (made / f"{name}.yml").write_text(text)
    return made


@pytest.fixture(scope="module")
def workspace(system: System, folder: Path) -> AzureWorkspace:  # noqa: F811
    system.ml.environments.create_or_update(Environment(name="definitions", version="1", image="python:3.11"))
    rows = "x,y\n" + "".join(f"{x},{2 * x + x % 3}\n" for x in range(60))
    system.storage.upload_blob("defined/rows.csv", rows, overwrite=True)
    system.storage.upload_blob("defined/MLTable", "paths: [{file: ./rows.csv}]\n", overwrite=True)
    # A table registered as one would have the SDK look for its metadata over https, for more than a minute.
    for name in ("rows", "table"):
        system.ml.data.create_or_update(Data(name=name, version="1", type="uri_folder", path=f"{PATHS}/defined"))
    for name in ("component", "nested"):
        system.ml.components.create_or_update(load_component(folder / f"{name}.yml"))
    return adapter(system)


def a_request(component: str, **changes: Any) -> JobRequest:
    values: dict[str, Any] = {
        "name": JobName(f"job-{uuid.uuid4().hex[:12]}"),
        "component": component,
        "inputs": {},
        "experiment": "defined-training",
        "display_name": "Train defined: drift",
        "tags": {"vigia.cause": "drift"},
        "registers": {"model": f"from-{uuid.uuid4().hex[:8]}"},
    }
    return JobRequest(**(values | changes))


@pytest.mark.parametrize(
    ("kind", "inputs", "written"),
    [
        pytest.param("command", {"lr": "0.5"}, "lr: 0.5", id="command"),
        pytest.param("sweep", {}, "lr: 0.25", id="sweep"),
        pytest.param("pipeline", {"lr": "0.7"}, "lr: 0.7", id="pipeline"),
        pytest.param("automl", {}, "automl_loader", id="automl"),
    ],
)
def test_each_type_of_job_registers_its_model_once(
    workspace: AzureWorkspace,
    system: System,  # noqa: F811
    folder: Path,
    kind: str,
    inputs: dict[str, str],
    written: str,
) -> None:
    request = a_request(str(folder / f"{kind}.yml"), inputs=inputs)
    workspace.submit_job(request)
    again = workspace.submit_job(request)

    job = ended(workspace, request.name)
    assert (again.name, job.status, job.experiment) == (request.name, "Completed", "defined-training")
    model = workspace.model(ModelName(request.registers["model"]), ModelVersion("1"))
    assert model is not None
    assert model.job == request.name
    content = system.storage.download_blob(model.path.partition("/paths/")[2] + "/MLmodel").readall().decode()
    assert written in content


def test_a_sweep_tells_the_metrics_of_its_best_trial_and_of_each(workspace: AzureWorkspace, folder: Path) -> None:
    request = a_request(str(folder / "sweep.yml"))
    workspace.submit_job(request)
    ended(workspace, request.name)

    assert workspace.job_metrics(request.name) == {"auc": pytest.approx(1 - 0.05**2)}
    assert [trial.metrics["auc"] for trial in workspace.trials(request.name)] == [
        pytest.approx(1 - (lr - 0.3) ** 2) for lr in (0.1, 0.25, 0.8)
    ]


def test_what_a_job_would_run_is_its_file_and_the_versions_of_its_data(workspace: AzureWorkspace, folder: Path) -> None:
    path = str(folder / "command.yml")
    request = a_request(path, inputs={"lr": "0.5"})
    workspace.submit_job(request)

    due, ran = workspace.recipe(path, {"lr": "0.5"}), ended(workspace, request.name).recipe

    assert due == ran
    assert dict(due.inputs) == {"lr": "0.5", "rows": "azureml:rows:1"}
    assert due.component.startswith("command.yml:")


def test_another_version_of_what_a_file_names_by_latest_is_another_training(
    workspace: AzureWorkspace,
    system: System,  # noqa: F811
    folder: Path,
) -> None:
    path = str(folder / "pipeline.yml")
    earlier = workspace.recipe(path, {})
    (folder / "other.yml").write_text(COMPONENT.replace("python train.py", "python  train.py"))
    system.ml.components.create_or_update(load_component(folder / "other.yml"))

    later = workspace.recipe(path, {})

    assert earlier != later
    assert workspace.recipe(path, {}) == later


def test_a_registered_pipeline_is_trained_like_a_command(workspace: AzureWorkspace) -> None:
    request = a_request("azureml:train_nested@latest", inputs={"lr": "0.4"})
    workspace.submit_job(request)

    assert ended(workspace, request.name).status == "Completed"
    assert workspace.model(ModelName(request.registers["model"]), ModelVersion("1")) is not None


REFUSED = [
    pytest.param({"inputs": {"depth": "3"}}, r"job command.yml has no input depth \(it has lr, rows\)", id="unknown"),
    pytest.param({"inputs": {"lr": "fast"}}, "job command.yml cannot take its inputs: lr is not number", id="type"),
    pytest.param({"registers": {"best": "x"}}, r"job command.yml has no output best \(it has model\)", id="output"),
    pytest.param({"component": "nobody.yml"}, "the job nobody.yml cannot be read", id="no_file"),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED)
def test_what_a_job_does_not_declare_is_refused_before_it_is_sent(
    workspace: AzureWorkspace, folder: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(WorkspaceError, match=message):
        workspace.submit_job(a_request(**{"component": str(folder / "command.yml"), **changes}))
