"""Names are nouns and verbs of the field, and sentences its plain English: `docs/glossary.md` says which word is which.

A relative clause without its noun (`told`, `found`, `each`) says how a value came about, not what it is.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

ROOMS = ("functions", "shared", "cli", "local", "benchmarks", "tests")
VAGUE = {
    *("told", "said", "seen", "known", "found", "asked", "wanted", "kept", "left"),
    *("of", "each", "before", "after", "why", "anew", "astray", "mend", "mended"),
}
DIALECT = re.compile(
    r"\b(anew|of old|astray|befalls?|befell|lies still|dies in between|mends?|mended|refused for good)\b", re.IGNORECASE
)
# Fields of stored records and keys of policies, which keep their names, and the left side of a plot.
UNCHANGED = {
    "shared/domain/reaction.py": {"why"},
    "shared/domain/releases/release.py": {"left"},
    "shared/drift/calibrate/persistence.py": {"of"},
    "shared/drift/profiles/counts.py": {"known"},
    "shared/drift/results/comparison.py": {"before"},
    "shared/policy/sections/signals.py": {"of"},
    "shared/release/core/observation.py": {"told"},
    "shared/store/facts/polls.py": {"seen", "of"},
    "shared/texts/plots.py": {"left"},
    "cli/why/report.py": {"asked"},
}


def _files(*endings: str) -> list[Path]:
    paths = [path for room in ROOMS for ending in endings for path in (ROOT / room).rglob(f"*{ending}")]
    return sorted(path for path in paths if "node_modules" not in path.parts)


def _names(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield every name that the code gives to something, with its line."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name, node.lineno
            case ast.arg(arg=name):
                yield name, node.lineno
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name, node.lineno


@pytest.mark.parametrize("room", ROOMS)
def test_names_say_what_a_value_is(room: str) -> None:
    vague = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in _files(".py")
        if path.relative_to(ROOT).parts[0] == room
        for name, line in _names(ast.parse(path.read_text(encoding="utf-8")))
        if name.strip("_").lower() in VAGUE and name not in UNCHANGED.get(path.relative_to(ROOT).as_posix(), set())
    ]
    assert not vague, "name what the value is:\n" + "\n".join(vague)


def test_what_keeps_its_name_is_still_there() -> None:
    for path, names in UNCHANGED.items():
        given = {name for name, _ in _names(ast.parse((ROOT / path).read_text(encoding="utf-8")))}
        assert names <= given, path


def test_sentences_are_plain_english() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *_files(".py", ".toml", ".j2", ".html", ".bicep")]
    dialect = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in pages
        if path != Path(__file__)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if DIALECT.search(line)
    ]
    assert not dialect, "say it in plain English:\n" + "\n".join(dialect)
