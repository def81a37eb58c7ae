"""What the documents say about records, roles and secrets is what the code and the Bicep do."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
RECORDS = (ROOT / "docs/explanation/how-it-works.md").read_text(encoding="utf-8").partition("## What is kept")[2]
ROLES = (ROOT / "infra/README.md").read_text(encoding="utf-8")
PREFIX = re.compile(r"\"((?:[a-z]+-)*[a-z]+)/(?:[a-z-]+\.(?:json|txt))?\"$", re.MULTILINE)


def test_every_place_that_records_are_kept_in_is_listed() -> None:
    modules = [*(ROOT / "shared/store").rglob("*.py"), ROOT / "shared/engine/facts/schedules.py"]
    places = {place for module in modules for place in PREFIX.findall(module.read_text(encoding="utf-8"))}
    assert places >= {"ledger", "polls", "schedules", "storms", "batch-runs", "monitor-reports"}
    assert {place for place in places if f"`{place}/`" not in RECORDS} == set()


def test_every_role_on_the_workspace_is_named() -> None:
    bicep = (ROOT / "infra/base/workspace.bicep").read_text(encoding="utf-8")
    assert len(re.findall(r"resource \w+ 'Microsoft.Authorization/roleAssignments", bicep)) == 3
    assert "three role assignments" in ROLES
    assert "below `labelling/` of its containers Storage Blob Data Contributor" in ROLES


def test_no_person_has_a_role_on_the_secret_of_the_pages_and_the_decisions() -> None:
    people = (ROOT / "infra/base/people.bicep").read_text(encoding="utf-8")
    assert "vigia-decisions" not in re.sub(r"//.*", "", people)
    assert "nobody but the app | containers `vigia-decisions`" in ROLES
    for place in ("`approvals/`, in the container `vigia-decisions`", "`secrets/`, there too"):
        assert place in RECORDS
