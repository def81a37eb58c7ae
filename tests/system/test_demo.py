"""The whole loop, as a newcomer runs it: the real SDKs, real processes, duplicated and shuffled events."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(500)
def test_the_loop_closes(tmp_path: Path) -> None:
    outcome_file = tmp_path / "outcome.json"
    command = [sys.executable, "-m", "local.demo", "--json", str(outcome_file), "--workdir", str(tmp_path / "work")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=480)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    outcome = json.loads(outcome_file.read_text())
    assert outcome["ok"] is True
    assert outcome["duplicate_effects"] == 0
    assert outcome["deliveries"] > outcome["facts"]
    assert {check["promise"] for check in outcome["checks"] if not check["kept"]} == set()
    assert [(r["version"], r["state"], r["traffic_steps"]) for r in outcome["releases"]] == [
        ("1", "finished", [100]),
        ("2", "finished", [10, 50, 95, 100]),
        ("3", "rolled_back", [10]),
    ]
    assert [job["cause"] for job in outcome["jobs"] if job["cause"] != "evaluation"] == ["request", "drift"]
    assert any(each["reason"].startswith("retraining is frozen: budget") for each in outcome["suppressed"])
