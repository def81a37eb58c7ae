"""`dev.py up` with one's own policies, and what it keeps between two starts."""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.ai.ml.entities import ManagedOnlineDeployment, ManagedOnlineEndpoint, Model

from local.addresses import Addresses
from local.flights.workspace_files import WorkspaceFiles
from local.setup.commands import env
from local.setup.environment import Environment
from local.system import LocalSystem
from local.up.data import DataFolder
from local.up.policies import PolicyFolder
from tests.local.azureml.conftest import make_client, write_toy_model
from tests.system.conftest import CLOUD

POLICY = """\
model: churn
kind: tabular
endpoint: {name: churn, type: online}
people: {owner: eve@example.com, approvers: [ana@example.com]}
"""
APP = "import azure.functions as func\napp = func.FunctionApp()\n"


@pytest.fixture
def toy_app(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "function_app.py").write_text(APP)
    (folder / "host.json").write_text('{"version": "2.0"}')
    return folder


def deploy(system: LocalSystem, folder: Path) -> tuple[str, str]:
    """Return the address and key of an endpoint that serves the toy model."""
    client: Any = make_client(system.addresses.azureml)
    path = WorkspaceFiles.at(system.addresses).upload_folder(write_toy_model(folder), "toy")
    model = client.models.create_or_update(Model(name="toy", path=path, type="mlflow_model"))
    client.online_endpoints.begin_create_or_update(ManagedOnlineEndpoint(name="toy")).result()
    deployment = ManagedOnlineDeployment(name="v-1", endpoint_name="toy", model=model, instance_type="Standard_DS3_v2")
    client.online_deployments.begin_create_or_update(deployment).result()
    endpoint = client.online_endpoints.get("toy")
    endpoint.traffic = {"v-1": 100}
    client.online_endpoints.begin_create_or_update(endpoint).result()
    return endpoint.scoring_uri, client.online_endpoints.get_keys("toy").primary_key


def score(address: str, key: str) -> int:
    body = json.dumps({"input_data": {"columns": ["x"], "index": [0], "data": [[1.0]]}}).encode()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    with urllib.request.urlopen(urllib.request.Request(address, body, headers), timeout=10) as answer:
        return int(answer.status)


def test_files_are_data_assets_and_new_versions_when_they_change(tmp_path: Path, toy_app: Path) -> None:
    rows = tmp_path / "data"
    rows.mkdir()
    (rows / "wine.csv").write_text("a,b\n1,2\n")
    with LocalSystem(Addresses.free(), tmp_path / "work", app_folder=toy_app) as system:
        folder = DataFolder(rows, system.settings)
        assert list(folder.register()) == ["wine:1"]
        assert list(folder.register()) == []
        assert list(DataFolder(rows, system.settings).register()) == []

        (rows / "wine.csv").write_text("a,b\n3,4\n")

        assert list(folder.register()) == ["wine:2"]


@pytest.fixture(autouse=True)
def _no_cloud_of_other_tests() -> Iterator[None]:
    previous = os.environ.pop(CLOUD, None)
    yield
    os.environ.pop(CLOUD, None)
    if previous is not None:
        os.environ[CLOUD] = previous


def test_next_start_serves_what_the_last_one_kept(tmp_path: Path, toy_app: Path) -> None:
    addresses = Addresses.free()

    def system() -> LocalSystem:
        return LocalSystem(addresses, tmp_path / "work", app_folder=toy_app, keep=True)

    with system() as first:
        address, key = deploy(first, tmp_path / "toy")
        assert score(address, key) == 200
    with system() as second:
        client: Any = make_client(second.addresses.azureml)
        assert score(address, key) == 200
        assert client.online_deployments.get("v-1", "toy").provisioning_state == "Succeeded"
        assert client.models.get("toy", "1").type == "mlflow_model"


def test_policies_are_taken_over_when_they_are_right_and_only_then(tmp_path: Path) -> None:
    folder = PolicyFolder(tmp_path, tmp_path / "work" / "policies")
    folder.prepare(is_kept=False)
    (tmp_path / "churn.yaml").write_text(POLICY)
    assert (folder.has_changed(), folder.problems(), folder.has_changed()) == (True, "", False)

    folder.serve()
    (tmp_path / "churn.yaml").write_text(POLICY + "retrian: 1\n")

    assert folder.has_changed()
    assert "churn.yaml:5: retrian: is not a key here" in folder.problems()
    assert (folder.served / "churn.yaml").read_text() == POLICY
    assert folder.users().endswith(",eve@example.com:Approver+Operator")


def test_env_gives_a_shell_the_settings_of_the_running_system(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = {"VIGIA_WORKSPACE": "ws", "VIGIA_TEAMS_WEBHOOK": "http://x/?a=1&b=2", "FUNCTIONS_WORKER_RUNTIME": "python"}
    (tmp_path / "local.settings.json").write_text(json.dumps({"Values": values}))

    env(Environment(tmp_path / ".venv", "python3", "3.11", root=tmp_path), ["--workdir", str(tmp_path)])

    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["export VIGIA_WORKSPACE=ws", "export VIGIA_TEAMS_WEBHOOK='http://x/?a=1&b=2'"]
    assert lines[2] == f'export PATH={tmp_path / ".venv" / "bin"}:"$PATH"'
