"""The `vigia` command at a terminal, in this process."""

from __future__ import annotations

from functools import cache
from typing import Any

from typer import testing
from typer.testing import CliRunner, Result

from cli.main import app

# The runner builds the command for every call, which takes longer than most calls.
testing._get_command = cache(testing._get_command)  # type: ignore[attr-defined]


def vigia(*arguments: str, **options: Any) -> Result:
    """Run the command: `vigia("status", "-o", "json")`."""
    return CliRunner().invoke(app, list(arguments), **options)
