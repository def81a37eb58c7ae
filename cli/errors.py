"""The border of the command: errors become a line for people and an exit code."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from shared.errors import AmbiguousWriteError, RetryableError, VigiaError

HEALTHY = 0
NEEDS_A_PERSON = 1
NOT_DONE = 2
DEBUG = "--debug"


class CommandError(VigiaError):
    """The command cannot be carried out as it was given; whoever gave it can mend it."""


class BorderGroup(TyperGroup):
    """The outermost group: takes --debug anywhere, and shows a traceback only with it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        # People add --debug where they notice that they need it: at the end.
        if DEBUG in args:
            args = [DEBUG, *(arg for arg in args if arg != DEBUG)]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        if ctx.params.get("debug"):
            return super().invoke(ctx)
        try:
            return super().invoke(ctx)
        except VigiaError as exc:
            _show(exc.message, exc.hint or _hint(exc))
        except (OSError, ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError) as exc:
            if isinstance(exc, BrokenPipeError):
                raise
            _show(f"unexpected {type(exc).__name__}: {exc}", f"run it again with {DEBUG} to see where, and report it")
        raise typer.Exit(NOT_DONE)


def _show(message: str, hint: str) -> None:
    typer.echo(f"error: {message}", err=True)
    if hint:
        typer.echo(f"  → {hint}", err=True)


def _hint(exc: VigiaError) -> str:
    if isinstance(exc, AmbiguousWriteError):
        return "look with `vigia status` whether it was done, then try again"
    if exc.code.startswith("storage."):
        return "is it up, and are AzureWebJobsStorage… and your sign-in right? try again"
    return "try again" if isinstance(exc, RetryableError) else ""
