"""Runs Microsoft's live tests of the clients that Vigia uses, by folders, against emulators of their own."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from local.addresses import RESOURCE_GROUP, SUBSCRIPTION_ID, WORKSPACE, WORKSPACE_ID, Addresses
from local.azureml import AzureMl, AzureMlConfig
from local.eventgrid import BlobDeadLetters, EventGrid
from local.eventgrid.emulator import LOCAL_KEY
from local.monitor import Monitor
from local.storage import Azurite
from local.traffic_log import Request, TrafficLog
from tests.local.running import call, running
from tests.microsoft.credentials import SECRET, TENANT, make_token
from tests.microsoft.sdists import HERE, libraries, tests_of

# Per folder of tests in azure-ai-ml's sdist; the other clients have one folder each.
PIPELINES = ("pipeline_job",)
JOBS = ("component", "command_job", "sweep_job", "batch_services", "online_services")
ASSETS = ("model", "environment", "dataset", "datastore", "code_asset", "compute", "schedule", "monitoring")
PLACES = ("workspace", "registry")
LOGS = ("00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000001")  # the workspaces' ids
OTHERS = {
    "eventgrid": "azure-eventgrid",
    "monitorlogs": "azure-monitor-query",
    "metrics": "azure-monitor-querymetrics",
}
ALL = (*PIPELINES, *JOBS, *ASSETS, *PLACES, *OTHERS)
_GREETED = {"component_in_number": {"type": "number", "default": "10.99"}, "component_in_path": {"type": "uri_folder"}}
SKIPPED_FILES = (
    "perfstress",
    "eg_consumer",
    "dual_client",
)  # load tests, and Event Grid namespaces, which Vigia doesn't use


@dataclass(frozen=True, slots=True)
class CaseResult:
    """How a test ended; `reason` is its error, or why Microsoft skips it."""

    result: Literal["passed", "skipped", "failed"]
    reason: str = ""


def run(folders: Sequence[str]) -> dict[str, CaseResult]:
    """Run the folders' tests; return how each ended, by a name like `model/test_model.py::TestModel::test_list`.

    Raises:
        FetchError: the tests are neither in the cache nor can they be fetched.
        AssertionError: a folder's tests could not be collected; carries pytest's words.
    """
    azure_ml = [folder for folder in folders if folder not in OTHERS]
    groups = [("azure-ai-ml", azure_ml)] if azure_ml else []
    groups += [(OTHERS[folder], [folder]) for folder in folders if folder in OTHERS]
    results: dict[str, CaseResult] = {}
    roots = {package: tests_of(package) for package, _ in groups}
    with _emulators() as environment:
        for package, members in groups:
            results |= _run_group(roots[package], members, environment)
    return results


def _run_group(root: Path, folders: Sequence[str], environment: dict[str, str]) -> dict[str, CaseResult]:
    is_other = folders[0] in OTHERS
    if is_other:
        files = sorted((root / "tests").glob("test_*.py"))
        chosen = [f"tests/{file.name}" for file in files if not any(part in file.name for part in SKIPPED_FILES)]
    else:
        chosen = [f"tests/{folder}/e2etests" for folder in folders]
    with tempfile.TemporaryDirectory() as scratch:
        outcomes = Path(scratch) / "outcomes.jsonl"
        paths = [str(HERE.parents[1]), str(libraries()), str(root / "tests")]
        options = ["-c", str(HERE / "pytest.ini"), "--rootdir", str(root), "-p", "tests.microsoft.plugin"]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *chosen],
            cwd=root,
            env={
                # Our own run of pytest, and a cloud that an SDK noted, are none of its business.
                **{name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "AZUREML"))},
                **environment,
                "PYTHONPATH": os.pathsep.join(paths),
                "PYTHONDONTWRITEBYTECODE": "1",
                "VIGIA_TEST_OUTCOMES": str(outcomes),
                # The SDK keeps there which anonymous components a workspace has: an emulator starts without any.
                "TMPDIR": scratch,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        # 0: all passed, 1: some failed; anything else: pytest could not do its work.
        assert done.returncode in (0, 1), done.stdout[-3000:] + done.stderr[-3000:]
        lines = outcomes.read_text(encoding="utf-8").splitlines()
    return _by_name([json.loads(line) for line in lines], folders[0] if is_other else None)


def _by_name(entries: Sequence[dict[str, Any]], other: str | None) -> dict[str, CaseResult]:
    """A test that fails in its fixtures, too, ends as its worse part."""
    results: dict[str, CaseResult] = {}
    for entry in entries:
        name = entry["test"].removeprefix("tests/").replace("/e2etests/", "/")
        name = f"{other}/{name}" if other else name
        if name not in results or entry["outcome"] != "passed":
            results[name] = CaseResult(entry["outcome"], entry["reason"])
    return results


@contextmanager
def _emulators() -> Iterator[dict[str, str]]:
    """Azurite and the emulators, with what Microsoft's test workspace has; yields the tests' environment."""

    async def publish(event: dict[str, Any]) -> None: ...

    addresses = Addresses.free()
    with Azurite(addresses), tempfile.TemporaryDirectory(prefix="microsoft-") as workdir:
        azure_ml = AzureMl(AzureMlConfig(addresses, Path(workdir)), publish, TrafficLog())
        dead_letters = BlobDeadLetters(addresses.storage_connection_string)
        grid = EventGrid(addresses.eventgrid, [], "http://127.0.0.1:9", dead_letters)
        with running(azure_ml, grid, Monitor(addresses.monitor, _traffic(), workspaces=LOGS)):
            _furnish(addresses.url("azureml") + WORKSPACE_ID)
            yield _environment(addresses)


def _furnish(workspace: str) -> None:
    """Make the environment, the component and the computes that Microsoft's tests find in their workspace."""
    token = make_token("https://management.azure.com/.default").token
    image = "mcr.microsoft.com/azureml/curated/sklearn-1.0-ubuntu20.04-py38-cpu"
    environment = "environments/AzureML-sklearn-1.0-ubuntu20.04-py38-cpu/versions"
    cluster = {"computeType": "AmlCompute", "properties": {"vmSize": "STANDARD_DS3_V2"}}
    bodies: dict[str, object] = {f"{environment}/{version}": {"image": f"{image}:{version}"} for version in (1, 33)}
    bodies |= {f"computes/{name}": cluster for name in ("testCompute", "cpu-cluster", "gpu-cluster", "batch-cluster")}
    greeting = {"type": "command", "command": "echo Hello", "inputs": _GREETED, "outputs": {}}
    bodies["components/microsoftsamples_command_component_basic/versions/0.0.1"] = {"componentSpec": greeting}
    for path, properties in bodies.items():
        url = f"{workspace}/{path}?api-version=2024-04-01"
        headers = {"Authorization": f"Bearer {token}"}
        status, answer, _ = call("PUT", url, {"location": "local", "properties": properties}, headers)
        assert status < 300, answer


def _traffic() -> TrafficLog:
    """Requests of the last hour, one every half minute, a tenth of them failed: of iris, and every sixth of another
    endpoint, as Microsoft's tables have rows of two tenants."""
    traffic, now = TrafficLog(), datetime.now(UTC)
    scored = Request(now, "iris", "blue", 200, 200, 20, 5, 5, 100, 50, "")
    for number in range(120, 0, -1):
        code = 200 if number % 10 else 424
        at = now - timedelta(seconds=30 * number)
        name = "iris" if number % 6 else "roses"
        traffic.append(
            dataclasses.replace(
                scored, time_generated=at, endpoint_name=name, response_code=code, request_id=f"r{number}"
            )
        )
    return traffic


def _environment(addresses: Addresses) -> dict[str, str]:
    topics = addresses.url("eventgrid") + "/topics"
    return {
        "VIGIA_TEST_AZURE_ML": addresses.url("azureml"),
        "VIGIA_TEST_MONITOR": addresses.url("monitor"),
        "VIGIA_TEST_BLOB": addresses.url("blob"),
        "AZURE_TEST_RUN_LIVE": "true",
        "AZURE_SKIP_LIVE_RECORDING": "true",
        "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION_ID,
        "ML_SUBSCRIPTION_ID": SUBSCRIPTION_ID,
        "ML_RESOURCE_GROUP": RESOURCE_GROUP,
        "ML_WORKSPACE_NAME": WORKSPACE,
        "ML_TENANT_ID": TENANT,
        "ML_CLIENT_ID": "11111111-0000-0000-0000-000000000000",
        "ML_CLIENT_SECRET": SECRET,
        "EVENTGRID_TOPIC_ENDPOINT": f"{topics}/workspace/api/events",
        "EVENTGRID_TOPIC_KEY": LOCAL_KEY,
        "EVENTGRID_CLOUD_EVENT_TOPIC_ENDPOINT": f"{topics}/custom/api/events",
        "EVENTGRID_CLOUD_EVENT_TOPIC_KEY": LOCAL_KEY,
        "AZURE_MONITOR_WORKSPACE_ID": LOGS[0],
        "AZURE_MONITOR_SECONDARY_WORKSPACE_ID": LOGS[1],
        "AZURE_MONITOR_TABLE_NAME": "AmlOnlineEndpointTrafficLog",
        "METRICS_RESOURCE_ID": f"{WORKSPACE_ID}/onlineEndpoints/iris",
    }
