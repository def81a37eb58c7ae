"""Commands that the documentation shows exist, with every option they are shown with."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from cli.main import app
from local.setup.commands import COMMANDS
from tests.docs.pages import PAGES, ROOT, Block, blocks, name

LANGUAGES = {"shell", "bash", "sh", "console"}
SHOWN = [block for page in PAGES for block in blocks(page) if set(block.info[:1]) <= LANGUAGES]
# Options of dev.py's own commands; what follows `test` goes to pytest.
DEV_OPTIONS = {
    "demo": {"--ask", "--serve", "--unkind", "--json", "--workdir", "--help"},
    "up": {"--data", "--free-ports", "--keep", "--policies", "--unkind", "--workdir", "--help"},
    "bench": {"--long", "--json", "--rivals", "--unkind", "--help"},
    "check": {"--help"},
}
ROOT_OPTIONS = {"--help", "--version", "--debug"}


def _lines(block: Block) -> Iterator[list[str]]:
    """Yield the words of each command; in a console block, of the lines that are typed."""
    for line in block.text.replace("\\\n", " ").splitlines():
        typed = line.strip()
        if block.info[:1] == ("console",):
            if not typed.startswith("$ "):
                continue
            typed = typed[2:]
        words = re.sub(r"^\s*(?:\w+=\S+\s+)*", "", typed)
        if re.match(r"(?:\.venv/bin/)?(?:vigia|python3? )", words):
            yield shlex.split(words, comments=True)


def _inline(page: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the commands in the running text, with their place."""
    text = page.read_text(encoding="utf-8")
    for match in re.finditer(r"`((?:python3 dev\.py|vigia) [a-z][^`\n]*)`", text):
        line = text.count("\n", 0, match.start()) + 1
        yield f"{name(page)}:{line}", shlex.split(match[1])


def _commands(program: str) -> list[Any]:
    shown = [(block.place, words) for block in SHOWN for words in _lines(block)]
    shown += [command for page in PAGES for command in _inline(page)]
    return [
        pytest.param(_until_pipe(arguments), id=f"{place} {' '.join(arguments)}")
        for place, words in shown
        if (arguments := _arguments(program, words)) is not None
    ]


def _arguments(program: str, words: list[str]) -> list[str] | None:
    """Return what follows the program's name; None when it is another program."""
    if program == "vigia" and words[0].endswith("vigia"):
        return words[1:]
    if program == "dev.py" and words[1:2] == ["dev.py"]:
        return words[2:]
    return None


def _until_pipe(words: list[str]) -> list[str]:
    end = next((i for i, word in enumerate(words) if word in {"|", "||", "&&", ">", "&", ";"}), len(words))
    return words[:end]


@pytest.mark.parametrize("words", _commands("dev.py"))
def test_a_command_of_dev_py_exists(words: list[str]) -> None:
    command, *rest = words
    assert command in {*COMMANDS, "--help"}
    if command in DEV_OPTIONS:
        assert {word for word in rest if word.startswith("-")} <= DEV_OPTIONS[command]


@pytest.mark.parametrize("words", _commands("vigia"))
def test_a_vigia_command_exists_with_its_options(words: list[str]) -> None:
    if words and words[0] in ROOT_OPTIONS:
        return
    command: Any = typer.main.get_command(app)
    rest = list(words)
    while rest and rest[0] in getattr(command, "commands", {}):
        command = command.commands[rest.pop(0)]
    assert command.name or rest != words, f"there is no vigia {words[0]}"
    options = {option for parameter in command.params for option in parameter.opts} | ROOT_OPTIONS
    assert {word for word in rest if re.match(r"--?[a-z]", word)} <= options
    takes_arguments = any(parameter.param_type_name == "argument" for parameter in command.params)
    assert takes_arguments or not rest or rest[0].startswith("-"), f"there is no {command.name} {rest[0]}"


def test_the_options_of_dev_py_are_really_its_own() -> None:
    """The table above is read from the modules' own parsers, as text: starting each would cost seconds."""
    sources = {"demo": "local/demo/__main__.py", "up": "local/up/__main__.py", "bench": "benchmarks/harness/command.py"}
    for command, source in sources.items():
        declared = set(re.findall(r"add_argument\(\s*\"(--[a-z-]+)\"", (ROOT / source).read_text(encoding="utf-8")))
        assert declared | {"--help"} == DEV_OPTIONS[command]
