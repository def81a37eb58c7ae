"""infra/scripts against a stand-in for the Azure CLI, which answers from a table and writes down what it was asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from shared.console.principal import DECIDING_ROLES
from tests.infra.files import INFRA

APP_ID = "11111111-1111-4111-8111-111111111111"
OBJECT_ID = "22222222-2222-4222-8222-222222222222"
CHANGES = ("ad app create", "ad app owner add", "ad app federated-credential create", "ad sp create", "rest")

# First match wins: the start of a command and what it prints. An exit status of 1 stands for "not found".
Answers = list[tuple[str, str | None]]
COMMON: Answers = [
    ("ad app create", APP_ID),
    ("ad app show --id APP --query id", OBJECT_ID),
    ("ad signed-in-user show", "33333333-3333-4333-8333-333333333333"),
    ("ad sp create", "44444444-4444-4444-8444-444444444444"),
    ("functionapp list", "func-vigia-dev.azurewebsites.net"),
    ("identity show", "55555555-5555-4555-8555-555555555555"),
    ("cloud show", "https://login.microsoftonline.com/"),
    ("account show", "66666666-6666-4666-8666-666666666666"),
]
EMPTY_TENANT: Answers = [("ad sp show", None), *COMMON]
FULL_TENANT: Answers = [
    ("ad app list", APP_ID),
    ("ad app show --id APP --query appRoles", "77777777-7777-4777-8777-777777777777"),
    ("ad app owner list", "33333333-3333-4333-8333-333333333333"),
    ("ad app federated-credential list", "88888888-8888-4888-8888-888888888888"),
    ("ad sp show", "44444444-4444-4444-8444-444444444444"),
    ("rest --method GET", "99999999-9999-4999-8999-999999999999"),
    *COMMON,
]

FAKE_AZ = f"""#!{sys.executable}
import json, os, sys
from pathlib import Path
folder = Path(os.environ["FAKE_AZ"])
with (folder / "calls.jsonl").open("a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\\n")
asked = " ".join(sys.argv[1:]).replace("{APP_ID}", "APP")
for start, answer in json.loads((folder / "answers.json").read_text()):
    if asked.startswith(start):
        if answer is None:
            sys.exit(1)
        if "--output none" not in asked:
            print(answer)
        break
"""


@dataclass(frozen=True)
class ScriptResult:
    status: int
    printed: str
    complaint: str
    calls: list[list[str]]

    def changes(self) -> list[str]:
        """Return the commands that write, without their options."""
        texts = [" ".join(call) for call in self.calls]
        return [text for text in texts if text.startswith(CHANGES) and not text.startswith("rest --method GET")]

    def bodies(self) -> list[dict[str, object]]:
        """Return the JSON that was sent, in order."""
        flags = {"--body", "--parameters"}
        return [json.loads(call[index + 1]) for call in self.calls for index, word in enumerate(call) if word in flags]


def run_script(name: str, arguments: list[str], answers: Answers, folder: Path) -> ScriptResult:
    (folder / "answers.json").write_text(json.dumps(answers), encoding="utf-8")
    (folder / "calls.jsonl").touch()
    az = folder / "az"
    az.write_text(FAKE_AZ, encoding="utf-8")
    az.chmod(0o755)
    done = subprocess.run(
        ["bash", str(INFRA / "scripts" / name), *arguments],
        env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "FAKE_AZ": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    calls = [json.loads(line) for line in (folder / "calls.jsonl").read_text(encoding="utf-8").splitlines()]
    return ScriptResult(done.returncode, done.stdout, done.stderr, calls)


def test_alerts_app_is_registered_with_its_role_for_action_groups(tmp_path: Path) -> None:
    outcome = run_script("register-alerts-app.sh", ["dev"], EMPTY_TENANT, tmp_path)

    application, assignment = outcome.bodies()
    assert outcome.status == 0, outcome.complaint
    # Version 2 tokens carry the issuer that sign-in is told to trust.
    assert application["api"] == {"requestedAccessTokenVersion": 2}
    assert application["identifierUris"] == [f"api://{APP_ID}"]
    assert application["appRoles"][0]["value"] == "ActionGroupsSecureWebhook"  # type: ignore[index]
    assert assignment["appRoleId"] == application["appRoles"][0]["id"]  # type: ignore[index]
    assert any("461e8683-5575-4561-ac7f-899cc907d62a" in change for change in outcome.changes())


def test_alerts_app_prints_what_belongs_into_the_environment_file(tmp_path: Path) -> None:
    outcome = run_script("register-alerts-app.sh", ["dev"], EMPTY_TENANT, tmp_path)

    assert yaml.safe_load(outcome.printed) == {
        "entra": {"alerts": {"objectId": OBJECT_ID, "identifierUri": f"api://{APP_ID}"}}
    }


def test_alerts_app_changes_nothing_the_second_time(tmp_path: Path) -> None:
    outcome = run_script("register-alerts-app.sh", ["dev"], FULL_TENANT, tmp_path)

    assert outcome.status == 0, outcome.complaint
    assert outcome.changes() == []


def test_sign_in_app_trusts_the_identity_of_the_app_and_defines_the_roles(tmp_path: Path) -> None:
    outcome = run_script("register-sign-in-app.sh", ["dev"], EMPTY_TENANT, tmp_path)

    web, roles, credential = outcome.bodies()
    assert outcome.status == 0, outcome.complaint
    assert "https://func-vigia-dev.azurewebsites.net/.auth/login/aad/callback" in str(web)
    assert {role["value"] for role in roles["appRoles"]} == DECIDING_ROLES  # type: ignore[attr-defined]
    assert credential["subject"] == "55555555-5555-4555-8555-555555555555"
    assert credential["issuer"] == "https://login.microsoftonline.com/66666666-6666-4666-8666-666666666666/v2.0"
    assert yaml.safe_load(outcome.printed) == {"entra": {"signIn": {"clientId": APP_ID}}}
    assert any("appRoleAssignmentRequired=true" in str(call) for call in outcome.calls)


def test_sign_in_app_asks_for_the_first_layer_when_there_is_no_app(tmp_path: Path) -> None:
    outcome = run_script("register-sign-in-app.sh", ["dev"], [("functionapp list", "")], tmp_path)

    assert outcome.status == 1
    assert "deploy layer 1 (infra/base) first" in outcome.complaint
    assert outcome.changes() == []


@pytest.mark.parametrize("name", ["register-alerts-app.sh", "register-sign-in-app.sh"])
def test_missing_environment_is_answered_with_the_usage(name: str, tmp_path: Path) -> None:
    outcome = run_script(name, [], EMPTY_TENANT, tmp_path)

    assert outcome.status == 2
    assert "usage:" in outcome.complaint
    assert outcome.calls == []
