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


def _where_words_live() -> list[tuple[str, str]]:
    rows = re.findall(
        r"^\| \*\*(.+?)\*\* \| .* \| (.*?) ?\|$", (ROOT / "docs/glossary.md").read_text("utf-8"), re.MULTILINE
    )
    return [(word, where) for word, where in rows if where]


@pytest.mark.parametrize(("word", "where"), _where_words_live(), ids=[word for word, _ in _where_words_live()])
def test_the_glossary_names_where_a_word_lives(word: str, where: str) -> None:
    *names, path = re.findall(r"`([^`]+)`", where)
    if path[-1].isalnum() and "/" not in path:
        names, path = [*names, path], ""
    assert (ROOT / "shared" / path).exists(), f"{word}: there is no shared/{path}"
    files = [ROOT / "shared" / path] if path.endswith(".py") else sorted((ROOT / "shared" / path).rglob("*.py"))
    source = "\n".join(file.read_text("utf-8") for file in files)
    for defined in names:
        kind, _, part = defined.removesuffix("()").partition(".")
        assert re.search(rf"\b(class|def) {kind}\b", source), f"{word}: {path or 'shared'} defines no {kind}"
        assert part in source
