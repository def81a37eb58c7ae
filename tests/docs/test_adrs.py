"""Decision records are numbered without gaps and say the four things that make them worth reading."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, name

ADRS = sorted((ROOT / "docs" / "adr").glob("*.md"))
HEADINGS = ["Status", "Context", "Decision", "Consequences"]


def test_they_are_numbered_without_gaps() -> None:
    assert [adr.name[:5] for adr in ADRS] == [f"{number:04}-" for number in range(1, len(ADRS) + 1)]
    assert ADRS


@pytest.mark.parametrize("adr", ADRS, ids=name)
def test_it_has_its_four_parts_and_its_number(adr: Path) -> None:
    text = adr.read_text(encoding="utf-8")
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)

    assert text.startswith(f"# {int(adr.name[:4])}. ")
    assert parts[1::2] == HEADINGS
    assert all(part.strip() for part in parts[2::2])
