"""Policies in the documentation are read by the app's own sections.

A block that begins with ```` ```yaml policy ```` is a whole policy; with `policy-part` it is some sections of one.
docs/reference/policy.md has a test of its own (tests/unit/policy/test_examples.py).
"""

from __future__ import annotations

import pytest

from shared.bootstrap import policy_sections
from shared.policy.reading.load import load_policy
from tests.docs.pages import PAGES, ROOT, Block, blocks

SECTIONS = policy_sections()
OTHERS = ROOT / "docs" / "reference" / "policy.md"
YAML = [block for page in PAGES if page != OTHERS for block in blocks(page) if block.info[:1] == ("yaml",)]
WHOLE = [block for block in YAML if "policy" in block.info]
PARTS = [block for block in YAML if "policy-part" in block.info]
BASE = """\
model: flight-delay
kind: tabular
endpoint: {name: flight-delay, type: online}
people: {owner: ana@example.com, approvers: [ana@example.com, ben@example.com]}
"""


@pytest.mark.parametrize("block", WHOLE, ids=lambda block: block.place)
def test_a_policy_in_the_documentation_is_read(block: Block) -> None:
    assert load_policy(block.text, block.place, SECTIONS, ()).model


@pytest.mark.parametrize("block", PARTS, ids=lambda block: block.place)
def test_a_part_of_a_policy_in_the_documentation_is_read(block: Block) -> None:
    assert load_policy(BASE + block.text, block.place, SECTIONS, ()).sections


def test_no_policy_in_the_documentation_goes_unread() -> None:
    unmarked = [block.place for block in YAML if block.text.startswith("model:") and block not in WHOLE]
    assert WHOLE
    assert PARTS
    assert not unmarked, f"begin them with ```yaml policy: {', '.join(unmarked)}"
