"""What the documents say about records, roles and secrets is what the code and the Bicep do."""

from __future__ import annotations

import re
from pathlib import Path

from cli.reference import storage
from shared.store.retention import DECISIONS, STORED

ROOT = Path(__file__).parents[2]
ROLES = (ROOT / "infra/README.md").read_text(encoding="utf-8")
PREFIX = re.compile(r"\"((?:[a-z]+-)*[a-z]+/)(?:[a-z-]+(?:\.(?:json|txt))?)?\"", re.MULTILINE)


def test_the_reference_is_current() -> None:
    written = storage.FILE.read_text(encoding="utf-8")
    assert written == storage.reference(), "write it: python -m cli.reference.storage"


def test_every_place_that_the_stores_write_to_is_in_the_table() -> None:
    modules = [*(ROOT / "shared/store").rglob("*.py"), ROOT / "shared/engine/facts/schedules.py"]
    code = [module.read_text(encoding="utf-8") for module in modules if module.name != "retention.py"]
    places = {place for text in code for place in PREFIX.findall(text)} - {"votes/"}
    assert places >= {"ledger/", "polls/", "schedules/", "storms/", "batch-runs/", "monitor-reports/"}
    assert places - {row.place for row in STORED} == set()


def test_every_role_on_the_workspace_is_named() -> None:
    bicep = (ROOT / "infra/base/workspace.bicep").read_text(encoding="utf-8")
    assert len(re.findall(r"resource \w+ 'Microsoft.Authorization/roleAssignments", bicep)) == 3
    assert "three role assignments" in ROLES
    assert "below `labelling/` of its containers Storage Blob Data Contributor" in ROLES


def test_no_person_has_a_role_on_the_secret_of_the_pages_and_the_decisions() -> None:
    people = (ROOT / "infra/base/people.bicep").read_text(encoding="utf-8")
    assert "vigia-decisions" not in re.sub(r"//.*", "", people)
    assert "nobody but the app | containers `vigia-decisions`" in ROLES
    assert {row.place for row in STORED if row.container == DECISIONS} == {"approvals/", "open/", "secrets/"}
