"""Writes results: tables through rich, JSON with nothing else beside it, and a spinner for people who wait."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cli.kit.errors import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text


def console() -> Console:
    from rich.console import Console

    return Console(highlight=False)


def text(value: object, style: str = "") -> Text:
    """Return a value as text that is shown as it is, on one line: never read as markup or as commands."""
    from rich.text import Text

    return Text(printable(str(value)), style=style)


def print_json(value: object) -> None:
    typer.echo(json.dumps(plain(value), indent=2, ensure_ascii=False))


def plain(value: object) -> object:
    """Return JSON values: dataclasses become objects, times ISO 8601, durations seconds."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(element) for key, element in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(element) for element in value]
    return _plain_scalar(value)


def _plain_scalar(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    return str(value) if isinstance(value, Path) else value


def counted(number: int, word: str, plural: str = "") -> str:
    """Return e.g. "1 fact", "2 facts"."""
    return f"{number} {word if number == 1 else plural or f'{word}s'}"


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Show that something takes a while, when somebody is there to see it."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(what):
        yield
