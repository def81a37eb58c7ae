"""docs/reference/cli.md, written from the command's own help."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from cli.main import app

FILE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"
INTRODUCTION = """\
# The `vigia` command

`vigia` shows what happens to your models and lets you step in. Written from `vigia --help`; to regenerate it after a
change: `python -m cli.reference.commands`.

| exit code | what it says |
|---|---|
| 0 | all is well, or it was done |
| 1 | something needs a person or is wrong; of `monitor run` and `plan`: it could not be carried out |
| 2 | it could not be carried out, or was a wrong call; of `monitor run`: drift; of `plan`: something would change |
| 3 | too little data to tell |
| 70 | an unexpected error, a mistake of `vigia` itself |

`-o json` is for programs: JSON on standard output, nothing beside it, and keys that stay. Settings come from
`--settings FILE`, else from `./local.settings.json` when it exists, else from the environment; a relative
`VIGIA_POLICIES` in such a file is relative to the file. `--debug`, anywhere in the line, shows where an error came
from.
"""


def reference() -> str:
    """Return the whole file: a chapter per command that does something, in the order of `vigia --help`."""
    root = typer.main.get_command(app)
    return "\n".join([INTRODUCTION, *(_chapter(name, command) for name, command in _commands("vigia", root))])


def _commands(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    subcommands = getattr(command, "commands", {})
    if not subcommands or command.invoke_without_command:
        yield name, command
    for key, subcommand in subcommands.items():
        yield from _commands(f"{name} {key}", subcommand)


def _chapter(name: str, command: Any) -> str:
    rows = [_row(parameter) for parameter in command.params if not getattr(parameter, "hidden", False)]
    table = "\n".join(["", "| parameter | what it is |", "|---|---|", *rows, ""]) if rows else ""
    return f"## `{name}`\n\n{_prose(command.help or '')}\n{table}"


def _prose(help_text: str) -> str:
    """Return the help as Markdown: paragraphs as they are, examples as a code block."""
    text, marker, examples = help_text.partition("\b")
    paragraphs = "\n\n".join(re.sub(r"\s*\n\s*", " ", part).strip() for part in text.strip().split("\n\n"))
    lines = [line.strip() for line in examples.strip().splitlines()[1:] if line.strip()]
    return f"{paragraphs}\n\n```shell\n{chr(10).join(lines)}\n```" if marker else paragraphs


def _row(parameter: Any) -> str:
    is_argument = parameter.param_type_name == "argument"
    name = parameter.metavar or parameter.name.upper() if is_argument else ", ".join(parameter.opts)
    takes = "" if is_argument or parameter.is_flag or not parameter.metavar else f" {parameter.metavar}"
    about = (parameter.help or "").replace("|", "\\|")
    needed = " Required." if parameter.required else _default(parameter)
    return f"| `{name}{takes}` | {about}{needed} |"


def _default(parameter: Any) -> str:
    default = parameter.default
    if default is None or isinstance(default, bool) or callable(default):
        return ""
    return f" Default: `{getattr(default, 'value', default)}`."


if __name__ == "__main__":
    FILE.write_text(reference(), encoding="utf-8")
    typer.echo(f"wrote {FILE}")
