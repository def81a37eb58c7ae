"""The emulator's hostile side, and what happens to its children when it dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from azure.ai.ml.entities import ManagedOnlineDeployment, ManagedOnlineEndpoint, Model
from azure.core.exceptions import HttpResponseError, ServiceRequestError, ServiceResponseError

from local.addresses import WORKSPACE_ID, Addresses
from tests.local.azureml.conftest import System, bearer, make_client, write_toy_model

ENDPOINT = "faulty"

ARM = "https://management.azure.com"


@pytest.fixture
def faults(system: System) -> Iterator[str]:
    """The address to set faults at; all are off again afterwards."""
    url = f"{system.addresses.url('azureml')}/_local/faults"
    yield url
    requests.post(url, json=dict.fromkeys(requests.get(url, timeout=5).json(), 0), timeout=5)


@pytest.fixture
def endpoint(system: System) -> ManagedOnlineEndpoint:
    made = ManagedOnlineEndpoint(name=ENDPOINT)
    system.ml.online_endpoints.begin_create_or_update(made).result()
    return made


def set_faults(url: str, **faults: int) -> None:
    assert requests.post(url, json=faults, timeout=5).status_code == 200


def test_busy_endpoint_answers_409_as_often_as_asked(
    system: System, faults: str, endpoint: ManagedOnlineEndpoint
) -> None:
    set_faults(faults, busy_endpoint=1)

    with pytest.raises(HttpResponseError) as busy:
        system.ml.online_endpoints.begin_create_or_update(endpoint)

    assert busy.value.status_code == 409
    system.ml.online_endpoints.begin_create_or_update(endpoint).result()


def test_second_write_while_updating_is_409(system: System, faults: str, endpoint: ManagedOnlineEndpoint) -> None:
    set_faults(faults, slow_operations_ms=3_000)
    poller = system.ml.online_endpoints.begin_create_or_update(endpoint)

    with pytest.raises(HttpResponseError, match="is Updating") as busy:
        system.ml.online_endpoints.begin_create_or_update(endpoint)

    assert busy.value.status_code == 409
    poller.result()


def test_lost_reply_leaves_the_work_done(system: System, faults: str) -> None:
    set_faults(faults, lost_replies=1)
    model = Model(
        name="lost", version="1", path="azureml://datastores/workspaceblobstore/paths/models/lost", type="custom_model"
    )

    with pytest.raises((ServiceRequestError, ServiceResponseError)):
        system.ml.models.create_or_update(model)

    assert system.ml.models.get("lost", version="1").version == "1"


def test_429_is_answered_as_often_as_asked(system: System, faults: str) -> None:
    set_faults(faults, status_429=1)

    with pytest.raises(HttpResponseError) as throttled:
        system.ml.compute.get("ci-local")

    assert throttled.value.status_code == 429
    assert system.ml.compute.get("ci-local").name == "ci-local"


def test_401_is_answered_as_often_as_asked(system: System, faults: str) -> None:
    set_faults(faults, status_401=1)

    with pytest.raises(HttpResponseError) as refused:
        system.ml.compute.get("ci-local")

    assert refused.value.status_code == 401
    assert system.ml.compute.get("ci-local").name == "ci-local"


def test_stale_reads_show_the_state_before_the_write(
    system: System, faults: str, endpoint: ManagedOnlineEndpoint
) -> None:
    set_faults(faults, stale_reads_ms=400)
    changed = ManagedOnlineEndpoint(name=ENDPOINT, tags={"owner": "vigia"})

    system.ml.online_endpoints.begin_create_or_update(changed)
    stale = system.ml.online_endpoints.get(ENDPOINT).tags
    time.sleep(0.45)

    assert (stale, system.ml.online_endpoints.get(ENDPOINT).tags) == ({}, {"owner": "vigia"})


def test_wrong_fault_is_refused_with_the_known_names(faults: str) -> None:
    answer = requests.post(faults, json={"earthquake": 1}, timeout=5)

    assert answer.status_code == 400
    assert "lost_replies" in answer.json()["error"]


def test_missing_api_version_and_unknown_routes_are_errors_in_arm_shape(system: System) -> None:
    base = system.addresses.url("azureml") + WORKSPACE_ID
    without = requests.get(f"{base}/models", headers=bearer(ARM), timeout=5)
    strange = requests.get(f"{base}/models?api-version=latest", headers=bearer(ARM), timeout=5)
    unknown = requests.get(f"{base}/marvels?api-version=2024-01-01", headers=bearer(ARM), timeout=5)
    wrong = requests.delete(f"{base}/models/m?api-version=2024-01-01", headers=bearer(ARM), timeout=5)

    assert (without.status_code, without.json()["error"]["code"]) == (400, "MissingApiVersionParameter")
    assert (strange.status_code, strange.json()["error"]["code"]) == (400, "InvalidApiVersionParameter")
    assert unknown.status_code == 404
    assert "the emulator has no GET" in unknown.json()["error"]["message"]
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (405, "NotImitated")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        pytest.param({}, "AuthenticationFailed", id="none"),
        pytest.param({"Authorization": "Bearer t"}, "InvalidAuthenticationToken", id="no_jwt"),
        pytest.param(bearer("https://storage.azure.com"), "InvalidAuthenticationTokenAudience", id="of_storage"),
        pytest.param(bearer("https://ml.azure.com"), "InvalidAuthenticationTokenAudience", id="of_the_data_plane"),
        pytest.param(bearer(ARM, seconds=-1), "ExpiredAuthenticationToken", id="expired"),
    ],
)
def test_call_without_a_token_of_azure_resource_manager_is_401(
    system: System, headers: dict[str, str], code: str
) -> None:
    url = f"{system.addresses.url('azureml')}{WORKSPACE_ID}?api-version=2024-01-01"

    answer = requests.get(url, headers=headers, timeout=5)

    assert (answer.status_code, answer.json()["error"]["code"]) == (401, code)


RUN = """\
import asyncio, pathlib, sys
from local.addresses import Addresses
from local.azureml import AzureMl, AzureMlConfig
from local.traffic_log import TrafficLog

async def publish(event):
    pass

async def main():
    folder = pathlib.Path(sys.argv[1])
    emulator = AzureMl(AzureMlConfig(Addresses.read(folder / "addresses.json"), folder), publish, TrafficLog())
    await emulator.start()
    print("ready", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_scoring_processes_and_jobs_end_when_the_emulator_is_killed(azurite: Addresses, tmp_path: Path) -> None:
    free = Addresses.free()
    own: dict[str, Any] = {**vars(azurite), "azureml": free.azureml, "scoring": free.scoring}
    addresses = Addresses(**own)
    addresses.write(tmp_path / "addresses.json")
    (tmp_path / "run.py").write_text(RUN)
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, str(tmp_path / "run.py"), str(tmp_path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(root)},
    ) as emulator:
        assert emulator.stdout is not None
        assert emulator.stdout.readline() == b"ready\n"
        children = start_a_deployment_and_a_job(addresses, tmp_path)
        emulator.send_signal(signal.SIGKILL)
        gone, alive = psutil.wait_procs(children, timeout=10)

    assert len(gone) >= 3  # the scoring process, the guard of the job, the job's command
    assert alive == []


CURATED = "AzureML-sklearn-1.0-ubuntu20.04-py38-cpu:33"


def start_a_deployment_and_a_job(addresses: Addresses, folder: Path) -> list[psutil.Process]:
    """Start both over plain ARM calls; return their processes."""
    from azure.ai.ml import command
    from azure.storage.blob import ContainerClient

    with ContainerClient.from_connection_string(addresses.storage_connection_string, "azureml-blobstore") as storage:
        model = write_toy_model(folder / "toy")
        for file in filter(Path.is_file, model.rglob("*")):
            storage.upload_blob(f"orphans/{file.relative_to(model).as_posix()}", file.read_bytes(), overwrite=True)
    ml = make_client(addresses.azureml)
    uri = "azureml://datastores/workspaceblobstore/paths/orphans"
    ml.models.create_or_update(Model(name="m", version="1", path=uri, type="mlflow_model"))
    ml.online_endpoints.begin_create_or_update(ManagedOnlineEndpoint(name="orphans")).result()
    blue = ManagedOnlineDeployment(name="blue", endpoint_name="orphans", model="azureml:m:1", instance_count=1)
    ml.online_deployments.begin_create_or_update(blue).result()
    job = command(command="python -c 'import time; print(1, flush=True); time.sleep(99)'", environment=CURATED)
    job.name = "sleeper"
    ml.jobs.create_or_update(job)
    log = folder / "jobs" / "sleeper" / "std_log.txt"
    deadline = time.monotonic() + 10
    while not (log.exists() and "\n1\n" in log.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    deployments = requests.get(f"{addresses.url('azureml')}/_local/deployments", timeout=5).json()
    scoring = psutil.Process(deployments[0]["pid"])
    emulator = scoring.parent()
    assert emulator is not None, json.dumps(deployments)
    return emulator.children(recursive=True)
