"""What the unkind profile does, each unkindness set alone as a fault."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from aiohttp.test_utils import make_mocked_request
from azure.ai.ml.entities import ManagedOnlineDeployment, ManagedOnlineEndpoint, Model
from azure.core.exceptions import HttpResponseError

from local.addresses import WORKSPACE_ID
from local.azureml.base.arm import ArmError
from local.azureml.base.config import Faults
from local.azureml.base.gate import REMAINING, Gate
from local.azureml.endpoints.region import Region
from local.profile import Conditions, Profile
from shared.adapters.azure_ml.failures import innermost
from tests.local.azureml.conftest import System, write_toy_model

CLAIMS = {"aud": "https://management.azure.com", "exp": 4_000_000_000}
APP = f"Bearer e30.{base64.urlsafe_b64encode(json.dumps(CLAIMS).encode()).decode()}."
VERSION = {"api-version": "2024-01-01"}


@pytest.fixture
def faults(system: System) -> Iterator[str]:
    """The address to set faults at; all are as before afterwards."""
    url = f"{system.addresses.url('azureml')}/_local/faults"
    previous = requests.get(url, timeout=5).json()
    yield url
    requests.post(url, json=previous, timeout=5)


@pytest.fixture(scope="module")
def model(system: System, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = write_toy_model(tmp_path_factory.mktemp("unkind") / "model")
    path = system.upload(folder, "unkind/model")
    system.ml.models.create_or_update(Model(name="unkind", version="1", path=path, type="mlflow_model"))
    return "azureml:unkind:1"


def set_faults(url: str, **faults: Any) -> None:
    answer = requests.post(url, json=faults, timeout=5)
    assert answer.status_code == 200, answer.text


def as_app(system: System, method: str, path: str, body: Any = None) -> requests.Response:
    """Call as the app's own identity, which is nobody's name."""
    url = system.addresses.url("azureml") + WORKSPACE_ID + path
    return requests.request(method, url, params=VERSION, json=body, headers={"Authorization": APP}, timeout=10)


def test_roles_of_the_app_are_taken_by_group_and_given_back_and_people_keep_theirs(system: System, faults: str) -> None:
    set_faults(faults, roles_removed=["write"])
    refused = as_app(system, "PUT", "/onlineEndpoints/mine", {"properties": {}})

    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "AuthorizationFailed")
    reason = "to perform action 'Microsoft.MachineLearningServices/workspaces/onlineEndpoints/write' over scope"
    assert reason in refused.json()["error"]["message"]
    assert as_app(system, "GET", "/computes").status_code == 200
    assert system.ml.compute.get("ci-local").name == "ci-local"

    set_faults(faults, roles_removed=0)
    assert as_app(system, "PUT", "/onlineEndpoints/mine", {"properties": {}}).status_code == 201


def test_reads_are_counted_by_a_bucket_per_caller() -> None:
    now = [100.0]
    conditions = Conditions(Profile(reads_per_second=25, read_burst=2))
    gate = Gate(Faults(), conditions, lambda: now[0])
    read = make_mocked_request("GET", f"{WORKSPACE_ID}/onlineEndpoints/e", headers={"Authorization": APP})

    assert [gate.check(read)[REMAINING] for _ in range(2)] == ["1", "0"]
    with pytest.raises(ArmError) as throttled:
        gate.check(read)
    assert (throttled.value.status, throttled.value.code) == (429, "SubscriptionRequestsThrottled")
    assert throttled.value.headers == {"Retry-After": "1", REMAINING: "0"}
    assert "and operation 'GET/SUBSCRIPTIONS/RESOURCEGROUPS/PROVIDERS/MICROSOFT.MACHINELEARNINGSERVICES" in str(
        throttled.value
    )
    assert gate.check(make_mocked_request("PUT", f"{WORKSPACE_ID}/jobs/j")) == {}

    now[0] += 0.04
    assert gate.check(read)[REMAINING] == "0"


def test_azure_ml_throttles_a_share_of_calls_by_seed() -> None:
    def refusals(seed: int) -> list[ArmError | None]:
        gate = Gate(Faults(), Conditions(Profile(throttled_share=0.3, seed=seed)))
        return [_refusal(gate) for _ in range(50)]

    first, again, other = ([refusal is not None for refusal in refusals(seed)] for seed in (1, 1, 2))
    codes = {(refusal.code, int(refusal.headers["Retry-After"]) >= 1) for refusal in refusals(1) if refusal}
    assert first == again != other
    assert 5 <= sum(first) <= 25
    assert codes == {("TooManyRequests", True)}


def _refusal(gate: Gate) -> ArmError | None:
    try:
        gate.check(make_mocked_request("PUT", f"{WORKSPACE_ID}/jobs/j"))
    except ArmError as exc:
        return exc
    return None


def test_taken_names_are_refused_wrapped_as_arm_does(system: System, faults: str) -> None:
    set_faults(faults, taken_names=["theirs"], wrapped_refusals=True)

    with pytest.raises(HttpResponseError) as taken:
        system.ml.online_endpoints.begin_create_or_update(ManagedOnlineEndpoint(name="theirs"))

    error: Any = taken.value.error
    assert (taken.value.status_code, error.code, error.message) == (400, "BadRequest", "The request is invalid.")
    assert innermost(error).startswith("There is already an endpoint with this name")


def test_name_of_a_deleted_endpoint_stays_taken_for_a_while(system: System, faults: str) -> None:
    set_faults(faults, name_reserved_minutes=60)
    system.ml.online_endpoints.begin_create_or_update(ManagedOnlineEndpoint(name="gone")).result()
    system.ml.online_endpoints.begin_delete("gone").result()

    response = as_app(system, "PUT", "/onlineEndpoints/gone", {"properties": {}})

    assert (response.status_code, response.json()["error"]["code"]) == (404, "NotFound")
    assert response.json()["error"]["details"][0]["code"] == "InferencingClientCallFailed"


def test_quota_counts_cores_with_the_reserve_for_upgrades() -> None:
    region = Region(Conditions(Profile(quota_cores=6)))
    deployment = {"properties": {"instanceType": "Standard_F4s_v2"}, "sku": {"capacity": 1}}

    with pytest.raises(ArmError) as refused:
        region.check_cores(deployment, [])

    assert "Current usage/limit: 0/6. Additional needed: 8" in innermost(refused.value.body()["error"])
    region.check_cores({**deployment, "properties": {"instanceType": "Standard_DS2_v2"}}, [])


def test_deployment_is_refused_while_its_endpoint_is_at_work_and_takes_minutes(
    system: System, faults: str, model: str
) -> None:
    set_faults(faults, refuse_while_updating=True, traffic_minutes=[0.5, 0.5], deployment_minutes=[1, 1])
    ml, blue = system.ml, ManagedOnlineDeployment(name="blue", endpoint_name="slow", model=model, instance_count=1)
    made = ml.online_endpoints.begin_create_or_update(ManagedOnlineEndpoint(name="slow"))

    with pytest.raises(HttpResponseError, match="because it is in Creating provisioning state") as busy:
        ml.online_deployments.begin_create_or_update(blue)
    made.result()
    started = time.monotonic()
    ml.online_deployments.begin_create_or_update(blue).result()

    assert busy.value.status_code == 409
    # A minute of Azure takes two seconds here.
    assert time.monotonic() - started >= 2.0


def test_deployment_that_fails_says_why_in_its_operation_and_its_log(system: System, faults: str, model: str) -> None:
    set_faults(faults, failing_deployments=1)
    ml, red = system.ml, ManagedOnlineDeployment(name="red", endpoint_name="fails", model=model, instance_count=1)
    ml.online_endpoints.begin_create_or_update(ManagedOnlineEndpoint(name="fails")).result()

    with pytest.raises(HttpResponseError, match="ResourceNotReady: User container has crashed"):
        ml.online_deployments.begin_create_or_update(red).result()

    assert ml.online_deployments.get("red", "fails").provisioning_state == "Failed"
    assert "No module named 'catboost'" in ml.online_deployments.get_logs("red", "fails", lines=10)
    assert requests.get(faults, timeout=5).json()["failing_deployments"] == 0


def test_endpoint_that_fails_stays_failed(system: System, faults: str) -> None:
    set_faults(faults, failing_endpoints=1)

    with pytest.raises(HttpResponseError, match="could not be provisioned"):
        system.ml.online_endpoints.begin_create_or_update(ManagedOnlineEndpoint(name="never")).result()

    assert system.ml.online_endpoints.get("never").provisioning_state == "Failed"


def test_ids_come_back_in_another_case_and_are_understood_in_it(system: System, faults: str) -> None:
    set_faults(faults, other_case=True)

    compute = as_app(system, "GET", "/computes/ci-local").json()

    assert "/resourcegroups/" in compute["id"]
    assert "/providers/microsoft.machinelearningservices/" in compute["id"]
    again = requests.get(
        system.addresses.url("azureml") + compute["id"], params=VERSION, headers={"Authorization": APP}, timeout=5
    )
    assert json.loads(again.text)["name"] == "ci-local"


def test_wrong_fault_is_refused_and_names_all(faults: str) -> None:
    answer = requests.post(faults, json={"throttled_share": 7}, timeout=5)

    assert answer.status_code == 400
    assert "throttled_share must be a share from 0 to 1" in answer.json()["error"]
