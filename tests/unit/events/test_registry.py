"""Event types are found by their files, and every one is in the reference."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from shared.domain.fact import Ignored
from shared.events.registry import by_type, parse_fact, specs
from shared.events.spec import OURS, EventSpec
from shared.events.wire.envelope import read_events
from tests.unit.events.wire import fact_from, grid

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "events.md"
TYPES = sorted(kind for spec in specs() for kind in spec.types)


def _ignore(envelope: object) -> Ignored:
    raise AssertionError


def test_two_files_with_one_type_are_refused() -> None:
    one, other = EventSpec(("A.B",), _ignore, "one"), EventSpec(("a.b",), _ignore, "other")
    with pytest.raises(ValueError, match=r"A\.B is claimed twice|a\.b is claimed twice"):
        by_type([one, other])


def test_unknown_type_is_ignored_whatever_its_data() -> None:
    [envelope] = read_events(json.dumps(grid("SomethingNew", "any data at all")))
    fact = parse_fact(envelope)
    assert isinstance(fact, Ignored)
    assert not fact.is_known


@pytest.mark.parametrize("kind", TYPES)
def test_every_type_is_in_the_reference(kind: str) -> None:
    assert f"`{kind}`" in REFERENCE.read_text(), f"docs/reference/events.md lacks a section about `{kind}`"


@pytest.mark.parametrize("kind", [kind for kind in TYPES if kind.startswith(OURS)])
def test_every_example_of_our_own_events_in_the_reference_is_read(kind: str) -> None:
    section = REFERENCE.read_text().split(f"## `{kind}`")[1].split("\n## ")[0]
    examples = re.findall(r"```json\n(.*?)```", section, re.DOTALL)
    assert examples, f"docs/reference/events.md shows no example of {kind}"
    for example in examples:
        assert fact_from(example).occurred_at
