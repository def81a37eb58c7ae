"""The border of the command: errors become a line for people and an exit code."""

from __future__ import annotations

import re
from contextvars import ContextVar
from itertools import islice
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

from shared.errors import AmbiguousWriteError, RetryableError, VigiaError

HEALTHY = 0
NEEDS_A_PERSON = 1
NOT_DONE = 2
# No command answers with it. Source: sysexits.h of 4.3BSD, EX_SOFTWARE.
UNEXPECTED = 70
DEBUG = "--debug"
WORKSPACE = "--workspace"
# Where the settings are from, and which storage they name; an error may want to say so.
SOURCE: ContextVar[str] = ContextVar("source", default="nowhere yet")

# What a stored text must not do to the terminal it is shown in: move, colour, or turn the writing direction.
_UNPRINTABLE = re.compile(r"[\u0000-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]+")


class CommandError(VigiaError):
    """The command cannot be carried out as given; its caller can correct it."""


class BorderGroup(TyperGroup):
    """The outermost group: takes --debug and --workspace anywhere, and shows a traceback only with it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        # People add these where they notice that they need them: at the end.
        return super().parse_args(ctx, _first(args))

    def invoke(self, ctx: Any) -> Any:
        if ctx.params.get("debug"):
            return super().invoke(ctx)
        try:
            return super().invoke(ctx)
        except (typer.Exit, TyperException, BrokenPipeError):
            raise  # Typer's own: ends, and complaints about how the command was called
        except typer.Abort:
            _show("stopped", "")
        except VigiaError as exc:
            show_error(exc)
        except Exception as exc:
            _show(f"unexpected {type(exc).__name__}: {exc}", f"run it again with {DEBUG} to see where, and report it")
            raise typer.Exit(UNEXPECTED) from exc
        raise typer.Exit(NOT_DONE)


def _first(args: list[str]) -> list[str]:
    """Return the arguments with those of the outermost command before all others."""
    own: list[str] = []
    others: list[str] = []
    rest = iter(args)
    for arg in rest:
        if arg == "--":
            return [*own, *others, arg, *rest]
        if arg == DEBUG:
            own.append(arg)
        elif arg == WORKSPACE or arg.startswith(f"{WORKSPACE}="):
            option = [arg] if "=" in arg else [arg, *islice(rest, 1)]
            # An ARM id is that of `events explain`, which needs no app and knows no names.
            (others if "/" in option[-1] else own).extend(option)
        else:
            others.append(arg)
    return [*own, *others]


class AnswerCommand(TyperCommand):
    """A command that answers with 2: what keeps it from answering, a wrong call too, is NEEDS_A_PERSON."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except TyperException as exc:
            exc.exit_code = NEEDS_A_PERSON
            raise

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except VigiaError as exc:
            show_error(exc)
            raise typer.Exit(NEEDS_A_PERSON) from exc


def printable(text: str) -> str:
    """Return the text on one line, without what would drive the terminal."""
    return _UNPRINTABLE.sub(" ", text)


def show_error(exc: VigiaError) -> None:
    """Write what is wrong and what to do about it, for people."""
    _show(exc.message, exc.hint or _hint(exc))


def _show(message: str, hint: str) -> None:
    lines = [printable(line) for line in message.splitlines()] or [""]
    typer.echo("\n".join([f"error: {lines[0]}", *lines[1:]]), err=True)
    if hint:
        typer.echo(f"  → {printable(hint)}", err=True)


def _hint(exc: VigiaError) -> str:
    if isinstance(exc, AmbiguousWriteError):
        return "look with `vigia status` whether it was done, then try again"
    if exc.code.startswith("storage."):
        return f"is it up, and is it the right one? settings are from {SOURCE.get()}"
    return "try again" if isinstance(exc, RetryableError) else ""
