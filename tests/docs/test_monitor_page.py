"""What docs/how-to/monitor-a-model.md shows is what the command prints."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from local.flights.data import FEATURES, flights
from tests.docs.pages import PAGES, blocks
from tests.fakes.terminal import vigia

SHOWN = next(block for page in PAGES for block in blocks(page) if "example=monitor-files" in block.info)
# The time it is read at.
_MOMENTS = re.compile(r"\d+ \w{3} \d{4}, \d\d:\d\d UTC|\d{8}T\d{6}Z")


def test_comparing_two_files_prints_what_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "110")
    for number, name in ((1, "january"), (7, "july")):
        flights([number])[list(FEATURES)].to_parquet(f"{name}.parquet")
    command, *lines = SHOWN.text.splitlines()
    result = vigia(*shlex.split(command)[2:])
    assert (result.exit_code, _as_shown(result.stdout)) == (2, _as_shown("\n".join(lines)))
    assert (tmp_path / "drift.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def _as_shown(printed: str) -> list[str]:
    return [_MOMENTS.sub("…", line.rstrip()) for line in printed.splitlines() if line.strip()]
