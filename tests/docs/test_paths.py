"""Paths of the code that the documentation names exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, name

PATH = re.compile(r"`((?:shared|functions|cli|local|tests|benchmarks|infra|policies)/[\w./*-]+)`")
# What the worked examples have their reader write, and a folder of Microsoft's own repository.
ELSEWHERE = {
    "tests/recordings/batch_services",
    "shared/release/gates/alarms.py",
    "shared/reactions/pause_retraining.py",
    "tests/unit/reactions/test_pause_retraining.py",
    "shared/adapters/channels/pager.py",
    "shared/events/types/table_refreshed.py",
}


@pytest.mark.parametrize("page", PAGES, ids=[name(page) for page in PAGES])
def test_every_path_that_a_page_names_exists(page: Path) -> None:
    paths = set(PATH.findall(page.read_text(encoding="utf-8"))) - ELSEWHERE
    missing = sorted(path for path in paths if not any(ROOT.glob(path.rstrip("/"))))
    assert not missing, f"{name(page)} names {', '.join(missing)}"
