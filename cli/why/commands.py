"""`vigia why`: what was decided, on what, and what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.kit import context
from cli.kit.options import Format, OutputOption, SettingsOption
from cli.kit.output import console, print_json, waiting

if TYPE_CHECKING:
    from cli.why.report import Answer


def command(
    what: Annotated[str, typer.Argument(metavar="WHAT", help="A fact's key or its beginning, a job, or a release.")],
    output: OutputOption = Format.TABLE,
    settings: SettingsOption = None,
) -> None:
    """Say why something was done, or why nothing was: the fact, the decision, the guardrails, the outcome.

    \b
    Examples:
      vigia why flight-delay-3
      vigia why job-8f14e45fceea167a-0
      vigia why 8f14e45f
    """
    with waiting("reading the ledger"):
        answer = _answer(settings, what)
    if output is Format.JSON:
        print_json(answer)
        return
    from cli.why.view import answer_tree

    console().print(answer_tree(answer))


def _answer(settings: Path | None, what: str) -> Answer:
    app = context.open_app(settings)
    from cli.why.report import find_answer

    return find_answer(app, what)
