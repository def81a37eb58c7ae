"""The schema for editors accepts what the loader accepts."""

from __future__ import annotations

import json
import re

import pytest

from shared.policy.reading.json_schema import policy_schema, policy_schema_text
from tests.unit.policy.schema_reading import accepts, as_an_editor_reads
from tests.unit.policy.toys import SECTIONS, TEXT

SCHEMA = policy_schema(SECTIONS)


def test_schema_accepts_a_good_policy() -> None:
    assert accepts(as_an_editor_reads(TEXT), SCHEMA, SCHEMA)


@pytest.mark.parametrize(
    ("old", "new"),
    [("6h", "6"), ("10%,", "10,"), ("2 per day", "2/day"), ("kind: tabular", "kind: x"), ("roll:", "rol:")],
)
def test_schema_refuses_what_the_loader_refuses(old: str, new: str) -> None:
    assert not accepts(as_an_editor_reads(TEXT.replace(old, new, 1)), SCHEMA, SCHEMA)


def test_defaults_are_as_a_file_would_write_them() -> None:
    cooldown = SCHEMA["$defs"]["Train"]["properties"]["cooldown"]
    assert re.search(cooldown["pattern"], cooldown.get("default", "0s"))


def test_schema_text_is_the_same_for_the_same_sections() -> None:
    assert policy_schema_text(SECTIONS) == policy_schema_text(dict(SECTIONS))
    assert json.loads(policy_schema_text(SECTIONS)) == SCHEMA
