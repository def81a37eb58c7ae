"""What a job, a deployment or an asset names must exist, and be a possible name, before it is taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests
from azure.ai.ml import command, dsl
from azure.ai.ml.entities import CommandComponent, ManagedOnlineEndpoint
from azure.core.exceptions import HttpResponseError

from local.addresses import WORKSPACE_ID
from tests.local.azureml.conftest import System

CURATED = "AzureML-sklearn-1.0-ubuntu20.04-py38-cpu:33"
Put = Callable[[str, dict[str, Any]], requests.Response]


@pytest.fixture
def put(system: System) -> Put:
    """Writes to the workspace past the client, which refuses some of it by itself."""

    def write(path: str, properties: dict[str, Any]) -> requests.Response:
        url = f"{system.addresses.url('azureml')}{WORKSPACE_ID}/{path}?api-version=2024-04-01"
        headers = {"Authorization": f"Bearer {system.token()}"}
        return requests.put(url, json={"location": "local", "properties": properties}, headers=headers, timeout=10)

    return write


def job(**members: Any) -> dict[str, Any]:
    return {"jobType": "Command", "command": "true", "environmentId": "azureml:env:1", **members}


@pytest.mark.parametrize(
    ("members", "code", "text"),
    [
        pytest.param({"computeId": "no-such"}, "ComputeNotFound", "Unknown compute target 'no-such'", id="compute"),
        pytest.param({"environmentId": "azureml:env:99"}, "EnvironmentNotFound", "env:99", id="environment"),
        pytest.param({"codeId": "azureml:nothing:1"}, "CodeNotFound", "nothing:1", id="code"),
        pytest.param(
            {"jobType": "Pipeline", "jobs": {"a": {"computeId": "no-such"}}}, "ComputeNotFound", "no-such", id="step"
        ),
        pytest.param(
            {"jobType": "Pipeline", "jobs": {"a": {"componentId": "azureml:nothing:7"}}},
            "ComponentNotFound",
            "nothing:7",
            id="component",
        ),
    ],
)
def test_job_that_names_what_does_not_exist_is_refused(
    put: Put, system: System, members: dict[str, Any], code: str, text: str
) -> None:
    answer = put("jobs/refused", job(**members))

    assert answer.status_code == 400
    assert (answer.json()["error"]["code"], answer.json()["error"]["details"][0]["code"]) == ("UserError", code)
    assert text in answer.text
    assert "refused" not in [job.name for job in system.ml.jobs.list()]


def test_environment_of_a_pipelines_step_must_exist(system: System) -> None:
    step = CommandComponent(name="homeless", version="1", command="true", environment="azureml:nowhere:3")

    @dsl.pipeline(None, compute="cpu-cluster")
    def one() -> None:
        step()

    with pytest.raises(HttpResponseError, match=r"nowhere.3|nowhere/versions/3"):
        system.ml.jobs.create_or_update(one())


@pytest.mark.parametrize(
    "environment", [CURATED, "azureml://registries/azureml/environments/sklearn-1.5/labels/latest"]
)
def test_azure_mls_own_environments_exist(system: System, environment: str) -> None:
    made = system.ml.jobs.create_or_update(command(command="true", environment=environment, compute="cpu-cluster"))

    assert system.wait_for_job(made.name) == "Completed"


@pytest.mark.parametrize(
    ("members", "code"),
    [
        pytest.param({"instanceType": "Standard_NOPE"}, "InferencingClientCreateDeploymentFailed", id="instance_type"),
        pytest.param({"environmentId": "azureml:env:99"}, "EnvironmentNotFound", id="environment"),
        pytest.param({"codeConfiguration": {"codeId": "azureml:nothing:1"}}, "MissingEnvironment", id="no_environment"),
        pytest.param({"codeConfiguration": None}, "MissingDriverProgram", id="no_script"),
        pytest.param({"model": "azureml:nothing:1"}, "ModelNotFound", id="model"),
    ],
)
def test_deployment_of_what_does_not_exist_is_refused(
    put: Put, system: System, members: dict[str, Any], code: str
) -> None:
    system.ml.online_endpoints.begin_create_or_update(ManagedOnlineEndpoint(name="strict")).result()
    assert put("models/plain/versions/1", {"modelUri": "azureml://datastores/d/paths/p"}).status_code < 300
    good = {"model": "azureml:plain:1", "codeConfiguration": {"codeId": "azureml:nothing:1"}}

    answer = put("onlineEndpoints/strict/deployments/blue", {**good, **members})

    assert answer.status_code == 400
    assert answer.json()["error"]["details"][0]["code"] == code
    assert list(system.ml.online_deployments.list("strict")) == []


@pytest.mark.parametrize(
    ("path", "properties"),
    [
        pytest.param("models/a b/versions/1", {"modelUri": "x"}, id="model"),
        pytest.param("data/ok/versions/1 2", {"dataUri": "x"}, id="version"),
        pytest.param("jobs/a b", job(), id="job"),
        pytest.param("onlineEndpoints/a", {}, id="short_endpoint"),
        pytest.param("onlineEndpoints/under_score", {}, id="endpoint"),
        pytest.param(f"batchEndpoints/{'e' * 33}", {}, id="long_endpoint"),
    ],
)
def test_impossible_names_are_refused(put: Put, path: str, properties: dict[str, Any]) -> None:
    assert put(path, properties).status_code == 400
