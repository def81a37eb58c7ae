"""docs/reference/errors.md against the code: the tree of our exceptions, and who raises and handles each."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.docs.pages import ROOT

PAGE = ROOT / "docs/reference/errors.md"
MOST_FILES = 4
_TABLE = re.compile(r"(?<=test_errors_reference\.py -->\n)(.*?)(?=<!-- end -->)", re.DOTALL)
_TREE_LINE = re.compile(r"^(?P<indent>[│├└─ ]*)(?P<name>\w+)", re.MULTILINE)


@dataclass
class Uses:
    base: str
    raised: set[Path] = field(default_factory=set)
    handled: set[Path] = field(default_factory=set)


def _trees() -> Iterator[tuple[Path, ast.Module]]:
    for folder in ("shared", "functions", "cli"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            yield file.relative_to(ROOT), ast.parse(file.read_text(encoding="utf-8"))


def _names(node: ast.expr | None) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} if node else set()


def _raised(node: ast.AST) -> set[str]:
    match node:
        case ast.Call(func=ast.Name(id=name)):
            return {name}
        case ast.Raise(exc=ast.Name(id=name)):
            return {name}
    return set()


def _handled(node: ast.AST) -> set[str]:
    match node:
        case ast.ExceptHandler(type=kind):
            return _names(kind)
        case ast.Call(func=ast.Name(id="isinstance" | "suppress"), args=[*arguments]):
            return set().union(*map(_names, arguments))
        case ast.MatchClass(cls=kind):
            return _names(kind)
    return set()


def _errors() -> dict[str, Uses]:
    trees = list(_trees())
    classes = {
        node.name: node.bases[0].id
        for _, tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.bases and isinstance(node.bases[0], ast.Name)
    }
    errors = {name: Uses(base) for name, base in classes.items() if _is_exception(name, classes)}
    for file, tree in trees:
        for node in ast.walk(tree):
            for name in _raised(node) & errors.keys():
                errors[name].raised.add(file)
            for name in _handled(node) & errors.keys():
                errors[name].handled.add(file)
    return errors


def _is_exception(name: str, classes: dict[str, str]) -> bool:
    while name in classes:
        name = classes[name]
    return name in {"Exception", "ValueError"}


def _table(errors: dict[str, Uses]) -> str:
    rows = [
        f"| `{name}` | {_places(error.raised)} | {_places(error.handled)} |\n" for name, error in sorted(errors.items())
    ]
    return "\n| error | raised in | handled in |\n|---|---|---|\n" + "".join(rows) + "\n"


def _places(files: set[Path]) -> str:
    places = files if len(files) <= MOST_FILES else {Path(*file.parent.parts[:2]) for file in files}
    return ", ".join(f"`{place.as_posix()}`" for place in sorted(places))


def _tree(page: str) -> dict[str, str]:
    """Return each error of the page's drawing with the one above it."""
    drawing = page.split("```")[1]
    above: list[tuple[int, str]] = []
    bases = {}
    for line in _TREE_LINE.finditer(drawing):
        depth = len(line["indent"])
        above = [(other, name) for other, name in above if other < depth]
        bases[line["name"]] = above[-1][1] if above else ""
        above.append((depth, line["name"]))
    return bases


def test_the_tree_shows_every_exception_class_below_its_base() -> None:
    drawn = _tree(PAGE.read_text(encoding="utf-8"))

    assert {name: base for name, base in drawn.items() if name not in {"Exception", "ValueError"}} == {
        name: error.base for name, error in _errors().items()
    }


def test_the_table_says_who_raises_and_who_handles() -> None:
    table = _TABLE.search(PAGE.read_text(encoding="utf-8"))
    due = _table(_errors())

    assert table is not None
    missing = [row for row in due.splitlines() if row not in table[1].splitlines()]
    assert not missing, "run python -m tests.docs.test_errors_reference:\n" + "\n".join(missing)
    assert table[1] == due


if __name__ == "__main__":
    PAGE.write_text(_TABLE.sub(lambda _: _table(_errors()), PAGE.read_text(encoding="utf-8")), encoding="utf-8")
