"""docs/reference/settings.md is what shared/settings.py says."""

from __future__ import annotations

from cli.reference import settings as settings_reference
from shared.settings import SETTINGS


def test_the_reference_is_current() -> None:
    written = settings_reference.FILE.read_text(encoding="utf-8")
    assert written == settings_reference.reference(), "write it: python -m cli.reference.settings"


def test_every_setting_is_a_row() -> None:
    rows = [line for line in settings_reference.reference().splitlines() if line.startswith("| `")]
    assert len(rows) == len(SETTINGS)
    assert all(row.count("|") == 5 for row in rows)
