"""`vigia workspaces`."""

from __future__ import annotations

import json
from pathlib import Path

from tests.unit.cli.conftest import Run
from tests.unit.cli.world import SAMPLE
from tests.unit.test_workspaces import POLICY, WORKSPACES


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
