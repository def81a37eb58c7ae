"""Jobs and deployments run with the packages that they ask for, and models of the real MLflow package serve."""

from __future__ import annotations

import asyncio
import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from azure.ai.ml import Output, command
from azure.ai.ml.entities import Environment, ManagedOnlineDeployment, ManagedOnlineEndpoint

from local.azureml.base.environments import Environments, is_satisfied, requirements_of, requirements_of_model
from tests.local.azureml.conftest import System

CONDA = """\
dependencies: [python=3.11, pip, {pip: [mlflow-skinny, scikit-learn]}]
"""
TRAIN = """\
import sys
import mlflow.sklearn
from mlflow.models import infer_signature
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

frame, label = load_iris(return_X_y=True, as_frame=True)
model = LogisticRegression(max_iter=500).fit(frame, label)
mlflow.sklearn.save_model(
    model, sys.argv[1], signature=infer_signature(frame, model.predict(frame)), input_example=frame.head(2),
    pip_requirements=["mlflow-skinny", "scikit-learn"], serialization_format="cloudpickle",
)
"""


def test_model_of_mlflow_itself_is_trained_and_served(system: System, tmp_path: Path) -> None:
    client: Any = system.ml
    (tmp_path / "conda.yaml").write_text(CONDA)
    client.environments.create_or_update(
        Environment(name="real-mlflow", version="1", image="python:3.11", conda_file=str(tmp_path / "conda.yaml"))
    )
    code = tmp_path / "code"
    code.mkdir()
    (code / "train.py").write_text(TRAIN)
    job = command(
        code=str(code),
        command="python train.py ${{outputs.model}}",
        environment="azureml:real-mlflow:1",
        compute="cpu-cluster",
        outputs={"model": Output(type="mlflow_model", name="iris")},
    )
    name = client.jobs.create_or_update(job).name
    assert system.wait_for_job(name) == "Completed", system.job_log(name)

    client.online_endpoints.begin_create_or_update(ManagedOnlineEndpoint(name="iris")).result()
    client.online_deployments.begin_create_or_update(
        ManagedOnlineDeployment(
            name="v-1", endpoint_name="iris", model="azureml:iris:1", instance_type="Standard_DS3_v2"
        )
    ).result()

    endpoint = client.online_endpoints.get("iris")
    endpoint.traffic = {"v-1": 100}
    client.online_endpoints.begin_create_or_update(endpoint).result()
    columns = ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)", "row_id"]
    table = {"columns": columns, "index": [0], "data": [[5.1, 3.5, 1.4, 0.2, "a"]]}
    headers = {"Authorization": f"Bearer {client.online_endpoints.get_keys('iris').primary_key}"}
    request = urllib.request.Request(endpoint.scoring_uri, json.dumps({"input_data": table}).encode(), headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert json.load(answer) == [0]


def test_packages_that_cannot_be_installed_are_named_and_this_environment_runs(tmp_path: Path) -> None:
    environments, notes = Environments(sys.executable, tmp_path), list[str]()

    async def twice() -> list[str]:
        return [await environments.interpreter(["packaging==0.0.1", "pandas"], notes.append) for _ in range(2)]

    assert asyncio.run(twice()) == [sys.executable, sys.executable]
    assert [note for note in notes if note.startswith("packaging==0.0.1 could not be installed, so this runs with")]
    assert len([note for note in notes if note.startswith("installing ")]) == 1


@pytest.mark.parametrize(
    ("requirement", "expected"),
    [
        pytest.param("pandas", True, id="any_version"),
        pytest.param("pandas>=3,<4", True, id="version_in_range"),
        pytest.param("pandas==1.0", False, id="another_version"),
        pytest.param("mlflow", False, id="not_here"),
        pytest.param('mlflow; python_version < "3"', True, id="not_for_this_python"),
    ],
)
def test_what_is_here_needs_no_layer(requirement: str, expected: bool) -> None:
    assert is_satisfied(requirement) is expected


def test_requirements_are_read_from_conda_files_and_models(tmp_path: Path) -> None:
    conda = "dependencies: [python=3.11, pip, numpy=2.4, {pip: [pandas==3.1.1, -r more.txt, 'mlflow # real']}]"
    (tmp_path / "requirements.txt").write_text("mlflow==3.17.2\n--extra-index-url x\n\ncloudpickle==3.1\n")

    assert requirements_of({"condaFile": conda}) == ["numpy==2.4", "pandas==3.1.1", "mlflow"]
    assert requirements_of({"image": "python:3.11"}) == []
    assert requirements_of_model(tmp_path) == ["cloudpickle==3.1"]
    (tmp_path / "MLmodel").write_text("flavors:\n  python_function:\n    loader_module: mlflow.sklearn\n")
    assert requirements_of_model(tmp_path) == ["mlflow==3.17.2", "cloudpickle==3.1"]
