"""The whole loop, as a newcomer runs it: the real SDKs, real processes, duplicated and shuffled events."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


# What somebody who works with Vigia on Azure has in their folder and shell; the demo must not look at it.
ELSEWHERE = {
    "AzureWebJobsStorage": "DefaultEndpointsProtocol=http;AccountName=x;AccountKey=eA==;BlobEndpoint=http://127.0.0.1:9/x;",
    "VIGIA_WORKSPACE": "somebody-elses",
    "VIGIA_ARM_ENDPOINT": "http://127.0.0.1:9",
    "VIGIA_TOPIC_ENDPOINT": "http://127.0.0.1:9/api/events",
    "VIGIA_POLICIES": "nowhere",
    "VIGIA_LEASE_SECONDS": "no number",
    "VIGIA_IDENTITY_CLIENT_ID": "somebody-elses",
}
SHELL = {**ELSEWHERE, "AZUREML_CURRENT_CLOUD": "Nowhere", "http_proxy": "http://127.0.0.1:9"}


def test_the_loop_closes_whatever_the_caller_s_folder_and_shell_say(tmp_path: Path, profile: str) -> None:
    (tmp_path / "local.settings.json").write_text(json.dumps({"IsEncrypted": False, "Values": ELSEWHERE}))
    outcome_file = tmp_path / "outcome.json"
    command = [sys.executable, "-m", "local.demo", "--json", str(outcome_file), "--workdir", str(tmp_path / "work")]
    command += ["--unkind"] if profile == "unkind" else []
    environment = {**os.environ, **SHELL, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
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
    assert any(decision["reason"].startswith("retraining is frozen: budget") for decision in outcome["suppressed"])
