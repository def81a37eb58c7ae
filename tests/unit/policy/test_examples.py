"""The example policies, and the ones in the documentation, are read by the app's own sections."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from shared.bootstrap import policy_sections
from shared.policy.reading.json_schema import policy_schema
from shared.policy.reading.load import load_policies, load_policy
from shared.policy.reading.people import load_people, load_people_file
from tests.unit.policy.schema_reading import accepts, as_an_editor_reads

ROOT = Path(__file__).parents[3]
REFERENCE = ROOT / "docs" / "reference" / "policy.md"
SECTIONS = policy_sections()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", REFERENCE.read_text(), re.DOTALL)


def test_example_policies_are_read() -> None:
    policies = load_policies(ROOT / "policies", SECTIONS, ())
    assert {policy.model for policy in policies} == {"flight-delay"}
    assert set(policies[0].sections) == set(SECTIONS) - {"labelling"}


@pytest.mark.parametrize("file", sorted((ROOT / "policies" / "examples").glob("*.yaml")), ids=lambda file: file.name)
def test_policies_to_copy_are_read(file: Path) -> None:
    schema = policy_schema(SECTIONS)
    assert load_policy(file.read_text(), file.name, SECTIONS, ()).sections
    assert accepts(as_an_editor_reads(file.read_text()), schema, schema)


def test_schema_for_editors_accepts_the_example() -> None:
    schema = policy_schema(SECTIONS)
    text = (ROOT / "policies" / "flight-delay.yaml").read_text()
    assert accepts(as_an_editor_reads(text), schema, schema)


def test_example_people_are_read() -> None:
    assert load_people_file(ROOT / "policies" / "people.yaml").person("ana@example.com").locale == "pt-BR"


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_example_in_the_reference_is_read(number: int) -> None:
    text = EXAMPLES[number]
    if text.startswith("people:"):
        assert load_people(text, "people.yaml").people
        return
    whole = text if text.startswith(("model:", "#")) else f"{MINIMAL}{text}"
    assert load_policy(whole, "example.yaml", SECTIONS, ()).model in {"flight-delay", "damage", "churn-scores"}


MINIMAL = """\
model: flight-delay
kind: tabular
endpoint: {name: flight-delay, type: online}
people: {owner: ana@example.com, approvers: [ana@example.com, ben@example.com]}
"""


def test_every_key_is_in_the_reference() -> None:
    text = REFERENCE.read_text()
    schema = policy_schema(SECTIONS)
    keys = {key for part in (schema, *schema["$defs"].values()) for key in part.get("properties", {})}
    missing = sorted(key for key in keys if f"`{key}`" not in text)
    assert not missing, f"docs/reference/policy.md explains no {', '.join(missing)}"
