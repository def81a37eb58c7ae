"""The options that every command has."""

from __future__ import annotations

import getpass
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.kit import context
from cli.kit.errors import CommandError


class Format(StrEnum):
    """How a command writes its result."""

    TABLE = "table"
    JSON = "json"


OutputOption = Annotated[
    Format, typer.Option("--output", "-o", help="A table for people, or JSON with stable keys for programs.")
]
SettingsOption = Annotated[
    Path | None,
    typer.Option(
        "--settings",
        metavar="FILE",
        help="The app's settings; by default ./local.settings.json when it exists, else the environment.",
        show_default=False,
    ),
]
ByOption = Annotated[
    str | None,
    typer.Option(
        "--by",
        metavar="PERSON",
        help="Who asks, as it is recorded: whoever is signed in to Azure, and no other name.",
        show_default=False,
    ),
]

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The release, or the beginning of its id.")]
ReasonOption = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why, in a few words; people will read it.")
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
TimeoutOption = Annotated[
    int,
    typer.Option(
        "--timeout",
        "--wait",
        min=0,
        metavar="SECONDS",
        help="Wait so long for it to be done; exit code 2 when it is not. 0: ask, and do not wait.",
    ),
]


def person(by: str | None, settings: Path | None) -> str:
    """Return who asks: whoever is signed in to Azure, and nobody else.

    On loopback nobody is signed in, and nothing is anybody's: there it is as given, else the user of this machine.

    Raises:
        CommandError: nobody is named, or the name is not that of who is signed in.
    """
    given, signed_in = (by or "").strip(), context.signed_in(settings)
    if signed_in is not None:
        if given and given.lower() != signed_in.lower():
            raise CommandError(
                "cli.somebody_else",
                f"--by {given} is not who is signed in to Azure: {signed_in}",
                "leave --by out, or sign in as that person: az login",
            )
        return signed_in
    if given == "schedule":
        raise CommandError("cli.no_person", "--by schedule names no person", "say who asks, e.g. ana@example.com")
    if given:
        return given
    try:
        return getpass.getuser()
    except (KeyError, OSError) as exc:
        raise CommandError("cli.nobody", "the user of this machine has no name", "give --by PERSON") from exc


def required_text(value: str, option: str) -> str:
    """Return the text without surrounding blanks; a reason that says nothing is none.

    Raises:
        CommandError: the text is empty.
    """
    if not value.strip():
        raise CommandError(
            "cli.empty", f"{option} is empty", f"say it in a few words, e.g. {option} 'month-end closing'"
        )
    return value.strip()


def is_interactive() -> bool:
    return sys.stdin.isatty()
