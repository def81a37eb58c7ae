"""Having the person at the terminal agree before something is done that others feel."""

from __future__ import annotations

import typer

from cli.kit.errors import CommandError
from cli.kit.options import is_interactive


def confirm(question: str, yes: bool, what: str, otherwise: str) -> None:
    """Ask, unless `yes` says it was answered already.

    Args:
        what: is to be confirmed, in a word, such as "undo".
        otherwise: what the person is told who does not agree.

    Raises:
        CommandError: nobody is there, or they do not agree.
    """
    if yes:
        return
    if not is_interactive():
        raise CommandError("cli.unconfirmed", f"nobody is here to confirm the {what}", "add --yes")
    if not typer.confirm(question, err=True):
        raise CommandError("cli.unconfirmed", otherwise, "")
