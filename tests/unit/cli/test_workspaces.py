"""`vigia workspaces`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.kit import context
from tests.unit.cli.conftest import Run
from tests.unit.cli.world import SAMPLE
from tests.unit.test_workspaces import POLICY, WORKSPACES, Town


def test_it_lists_the_workspaces_with_their_models(tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "policies"
    folder.mkdir()
    (folder / "workspaces.yaml").write_text(WORKSPACES)
    (folder / "churn.yaml").write_text(POLICY.format(model="churn", workspace="workspace: staging"))
    file = tmp_path / "settings.json"
    values = {**json.loads(SAMPLE.read_text(encoding="utf-8"))["Values"], "VIGIA_POLICIES": "policies"}
    file.write_text(json.dumps({"Values": values}))
    answer = json.loads(run("workspaces", "-o", "json", "--settings", str(file)).stdout)
    assert [(place["name"], place["models"]) for place in answer["workspaces"]] == [("", []), ("staging", ["churn"])]
    assert "ws-fake" in run("workspaces", "--settings", str(file)).stdout


def test_the_status_is_of_every_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    town = Town(tmp_path)
    monkeypatch.setattr(context, "open_app", lambda _, name="": town.workspaces.app(name))
    answer = json.loads(run("status", "-o", "json").stdout)
    assert [model["model"] for model in answer["models"]] == ["churn"]
    assert [model["model"] for model in answer["workspaces"]["staging"]["models"]] == ["churn", "fraud"]
    shown = run("status").stdout
    assert shown.index("the app's own workspace") < shown.index("workspace staging") < shown.index("fraud")
