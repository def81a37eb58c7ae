"""The emulator in a thread of its own, Azurite beside it, and the real MLClient pointed at both."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.entities import Environment
from azure.core.credentials import AccessToken
from azure.core.pipeline import PipelineRequest
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.storage.blob import BlobServiceClient, ContainerClient

from local.addresses import RESOURCE_GROUP, SUBSCRIPTION_ID, WORKSPACE, WORKSPACE_CONTAINER, Addresses
from local.azureml import AzureMl, AzureMlConfig, Faults
from local.traffic_log import TrafficLog

LAYERS = Path(__file__).parents[3] / ".vigia" / "environments"  # of packages that this environment does not have


class LocalCredential:
    """An unsigned token: pipeline jobs decode it, so it must look like a JWT of the Azure ML audience."""

    def get_token(self, *scopes: str, seconds: int = 3600, **kwargs: Any) -> AccessToken:
        def part(content: dict[str, Any]) -> str:
            return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()

        expires = int(time.time()) + seconds
        claims = {
            "aud": scopes[0].removesuffix("/.default"),
            "exp": expires,
            "upn": "ana@example.com",
            "name": "Ana Souza",
        }
        return AccessToken(f"{part({'alg': 'none'})}.{part(claims)}.", expires)


def bearer(audience: str = "https://ml.azure.com", seconds: int = 3600) -> dict[str, str]:
    """The header of a call that no SDK makes."""
    token = LocalCredential().get_token(f"{audience}/.default", seconds=seconds).token
    return {"Authorization": f"Bearer {token}"}


class AllowLoopbackHttp(SansIOHTTPPolicy[Any, Any]):
    def on_request(self, request: PipelineRequest[Any]) -> None:
        if request.http_request.url.startswith("http://127.0.0.1:"):
            request.context.options["enforce_https"] = False


def make_client(port: int) -> MLClient:
    """The real client against loopback."""
    base = f"http://127.0.0.1:{port}"
    return MLClient(
        LocalCredential(),
        SUBSCRIPTION_ID,
        RESOURCE_GROUP,
        WORKSPACE,
        enable_telemetry=False,
        show_progress=False,
        cloud=f"Loopback-{port}",
        cloud_metadata={
            "azure_portal": "https://portal.azure.com/",
            "resource_manager": base + "/",
            "active_directory": base + "/",
            "aml_resource_id": "https://ml.azure.com/",
            "storage_endpoint": "core.windows.net",
            "registry_discovery_endpoint": base + "/",
        },
        per_call_policies=[AllowLoopbackHttp()],
        polling_interval=0.05,
        retry_total=0,
    )


@dataclass
class System:
    """A running emulator; `events` are those it published so far."""

    addresses: Addresses
    workdir: Path
    ml: MLClient
    storage: ContainerClient
    faults: Faults
    traffic: TrafficLog
    events: list[dict[str, Any]] = field(default_factory=list)

    def token(self) -> str:
        return LocalCredential().get_token("https://management.azure.com/.default").token

    def events_of(self, kind: str, subject: str) -> list[dict[str, Any]]:
        """Events of one type whose subject ends with `subject`; waits until there is one, up to 10 s."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            events = [
                event
                for event in list(self.events)
                if event["eventType"].endswith("." + kind) and event["subject"].endswith(subject)
            ]
            if events:
                return events
            time.sleep(0.02)
        raise AssertionError(f"no {kind} of {subject} among {[event['subject'] for event in self.events]}")

    def wait_for_job(self, name: str, seconds: float = 90) -> str:
        """Return the status in which a job ended."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            status = self.ml.jobs.get(name).status  # text, or an enum that equals it
            if status in {"Completed", "Failed", "Canceled"}:
                return getattr(status, "value", str(status))
            time.sleep(0.05)
        raise AssertionError(f"job {name} did not end in {seconds} s")

    def upload(self, folder: Path, prefix: str) -> str:
        """Copy a folder to the workspace's container; return its datastore URI."""
        for file in folder.rglob("*"):
            if file.is_file():
                self.storage.upload_blob(f"{prefix}/{file.relative_to(folder).as_posix()}", file.read_bytes())
        return f"azureml://datastores/workspaceblobstore/paths/{prefix}"

    def job_log(self, name: str) -> str:
        return self.storage.download_blob(f"ExperimentRun/dcid.{name}/user_logs/std_log.txt").readall().decode()


class EmulatorThread:
    """Runs the emulator's event loop, because MLClient blocks the thread that uses it."""

    def __init__(self, config: AzureMlConfig, events: list[dict[str, Any]], traffic: TrafficLog) -> None:
        async def publish(event: dict[str, Any]) -> None:
            events.append(event)

        self._loop = asyncio.new_event_loop()
        self._emulator = AzureMl(config, publish, traffic)
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def start(self) -> None:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._emulator.start(), self._loop).result(30)

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._emulator.stop(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@pytest.fixture(scope="session")
def system(azurite: Addresses, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with running(azurite, tmp_path_factory.mktemp("azureml")) as made:
        yield made


@contextmanager
def running(azurite: Addresses, workdir: Path, spark_python: str = "") -> Iterator[System]:
    """The emulator over that storage, with the Python that runs Spark components."""
    cloud_before = os.environ.get("AZUREML_CURRENT_CLOUD")
    free = Addresses.free()
    addresses = dataclasses.replace(azurite, azureml=free.azureml, scoring=free.scoring)
    traffic, faults, events = TrafficLog(), Faults(), list[dict[str, Any]]()
    emulator = EmulatorThread(
        AzureMlConfig(addresses, workdir, spark_python=spark_python, layers=LAYERS, faults=faults), events, traffic
    )
    emulator.start()
    service = BlobServiceClient.from_connection_string(addresses.storage_connection_string)
    storage = service.get_container_client(WORKSPACE_CONTAINER)
    try:
        client = make_client(addresses.azureml)
        client.environments.create_or_update(Environment(name="env", version="1", image="python:3.11"))
        yield System(addresses, workdir, client, storage, faults, traffic, events)
    finally:
        service.close()
        emulator.stop()
        # MLClient sets this for the whole process; later clients would silently use the loopback address.
        os.environ.pop("AZUREML_CURRENT_CLOUD", None)
        if cloud_before is not None:
            os.environ["AZUREML_CURRENT_CLOUD"] = cloud_before


MLMODEL = """\
flavors:
  python_function:
    loader_module: toy_model
    code: code
    data: data
"""
LOADER = """\
import json, os, pathlib, time

class SumModel:
    def __init__(self, offset):
        self.offset = offset

    def predict(self, frame):
        if "crash" in frame.columns:
            os._exit(3)
        if "slow" in frame.columns:
            time.sleep(float(frame["slow"].iloc[0]))
        return frame.sum(axis=1) + self.offset

def _load_pyfunc(path):
    return SumModel(json.loads(pathlib.Path(path, "offset.json").read_text()))
"""


def write_toy_model(folder: Path, offset: int = 0, loader: str = LOADER) -> Path:
    """An MLflow model folder whose prediction is the sum of the columns plus an offset."""
    (folder / "code").mkdir(parents=True)
    (folder / "data").mkdir()
    (folder / "MLmodel").write_text(MLMODEL)
    (folder / "code" / "toy_model.py").write_text(loader)
    (folder / "data" / "offset.json").write_text(json.dumps(offset))
    (folder / "input_example.json").write_text(json.dumps({"columns": ["a", "b"], "data": [[1, 2]]}))
    return folder
