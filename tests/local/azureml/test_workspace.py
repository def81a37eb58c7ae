"""What lies around the models: the workspace, its datastores and computes, through the real client."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from azure.ai.ml.entities import (
    AccountKeyConfiguration,
    AmlCompute,
    AzureBlobDatastore,
    ComputeInstance,
    Data,
    ManagedOnlineEndpoint,
)
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from local.addresses import WORKSPACE_ID
from tests.local.azureml.conftest import System, bearer

ARM = "https://management.azure.com"


def test_workspace_is_listed_and_well(system: System) -> None:
    assert [workspace.name for workspace in system.ml.workspaces.list()] == ["ws-local"]
    assert [workspace.name for workspace in system.ml.workspaces.list(scope="subscription")] == ["ws-local"]
    assert system.ml.workspaces.begin_diagnose("ws-local").result().storage_account_results == []


def test_datastore_is_made_changed_and_deleted_and_shows_no_secret(system: System) -> None:
    def store(key: str) -> AzureBlobDatastore:
        credentials = AccountKeyConfiguration(account_key=key)
        return AzureBlobDatastore(name="theirs", account_name="acc", container_name="con", credentials=credentials)

    system.ml.datastores.create_or_update(store("one"))
    system.ml.datastores.create_or_update(store("two"))

    assert {datastore.name for datastore in system.ml.datastores.list()} == {
        "theirs",
        "workspaceartifactstore",
        "workspaceblobstore",
    }
    assert system.ml.datastores.get("theirs").credentials.account_key is None
    assert system.ml.datastores.get("theirs", include_secrets=True).credentials.account_key == "two"
    system.ml.datastores.delete("theirs")
    with pytest.raises(ResourceNotFoundError):
        system.ml.datastores.get("theirs")
    with pytest.raises(HttpResponseError, match="own datastore"):
        system.ml.datastores.delete("workspaceblobstore")


def test_instance_runs_once_it_is_made_and_is_stopped_started_and_restarted(system: System) -> None:
    made = system.ml.compute.begin_create_or_update(ComputeInstance(name="ci-ana", size="STANDARD_DS3_V2")).result()
    states = [made.state]
    for act in (system.ml.compute.begin_stop, system.ml.compute.begin_start, system.ml.compute.begin_restart):
        act("ci-ana").result()
        states.append(system.ml.compute.get("ci-ana").state)

    assert states == ["Running", "Stopped", "Running", "Running"]
    system.ml.compute.begin_delete("ci-ana").result()
    with pytest.raises(ResourceNotFoundError):
        system.ml.compute.get("ci-ana")


def test_cluster_stays_where_it_was_made(system: System) -> None:
    system.ml.compute.begin_create_or_update(AmlCompute(name="cl-ana", size="D2", location="eastus")).result()

    assert system.ml.compute.get("cl-ana").location == "eastus"


@pytest.mark.parametrize(
    ("kind", "path", "stored"),
    [
        pytest.param("uri_folder", "some/folder", "some/folder/", id="folder"),
        pytest.param("mltable", "some/table/", "some/table/", id="table"),
        pytest.param("uri_file", "some/file.csv", "some/file.csv", id="file"),
    ],
)
def test_place_of_a_folder_ends_with_a_slash(
    system: System, kind: str, path: str, stored: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The SDK looks for a table's description at core.windows.net, wherever the storage is, and goes on without it after
    # 77 seconds of retries.
    def unreachable(**_: object) -> None:
        raise ConnectionError

    reader = "azure.ai.ml.operations._data_operations.read_remote_mltable_metadata_contents"
    monkeypatch.setattr(reader, unreachable)
    base = "azureml://datastores/workspaceblobstore/paths/"
    data = system.ml.data.create_or_update(
        Data(name=f"of-{kind.replace('_', '-')}", version="1", type=kind, path=base + path, skip_validation=True)
    )

    assert data.path.endswith(f"/paths/{stored}")


def test_endpoint_with_tokens_of_azure_ml_hands_them_out_and_takes_no_other(system: System) -> None:
    endpoint = ManagedOnlineEndpoint(name="with-tokens", auth_mode="aml_token")
    made = system.ml.online_endpoints.begin_create_or_update(endpoint).result()

    token = system.ml.online_endpoints.get_keys("with-tokens").access_token
    answers = [
        requests.post(made.scoring_uri, json={}, headers={"Authorization": f"Bearer {value}"}, timeout=5).status_code
        for value in (token, "another")
    ]

    assert answers == [404, 401]  # no deployment has traffic yet
    system.ml.online_endpoints.begin_delete("with-tokens").result()


def arm(system: System, method: str, path: str, properties: dict[str, Any] | None = None) -> requests.Response:
    url = f"{system.addresses.url('azureml')}{WORKSPACE_ID}/{path}?api-version=2024-01-01-preview"
    body = {"properties": properties} if properties else {"scheduleTime": "2026-11-30T00:00:00Z"}
    return requests.request(method, url, json=body, headers=bearer(ARM), timeout=5)


def test_schedule_is_enabled_until_it_is_disabled_and_deleted_only_then(system: System) -> None:
    trigger = {"triggerType": "Recurrence", "schedule": {"hours": [10], "minutes": [15], "weekDays": ["monday"]}}
    job = {"jobType": "Pipeline", "jobs": {}, "experimentName": "own"}
    properties = {"trigger": trigger, "action": {"actionType": "CreateJob", "jobDefinition": job}}
    one = "schedules/each-monday"

    stored = arm(system, "PUT", one, properties).json()["properties"]
    assert (stored["isEnabled"], stored["trigger"]["schedule"]["weekDays"]) == (True, ["Monday"])
    made = arm(system, "POST", f"{one}/trigger").json()["submissionId"]
    assert system.wait_for_job(made) == "Completed"
    refused = arm(system, "DELETE", one)
    assert (refused.status_code, "Cannot delete an active trigger" in refused.text) == (400, True)
    assert arm(system, "PUT", one, {**properties, "isEnabled": False}).status_code == 200
    assert [arm(system, "DELETE", one).status_code for _ in range(2)] == [200, 204]
    assert arm(system, "GET", one).status_code == 404
