"""Puts a fake app behind the command."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import Result

from cli.kit import context
from tests.fakes.terminal import vigia
from tests.unit.cli.world import FakeApp

Run = Callable[..., Result]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeApp:
    replacement = FakeApp()
    monkeypatch.setattr(context, "open_app", lambda *_: replacement)
    return replacement


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command in a wide terminal; `run("status", "-o", "json")`."""
    monkeypatch.setenv("COLUMNS", "140")

    return vigia


@pytest.fixture
def run_json(run: Run) -> Callable[..., Any]:
    """Run the command with -o json and return what it wrote."""

    def call(*arguments: str, **options: Any) -> Any:
        return json.loads(run(*arguments, "-o", "json", **options).stdout)

    return call
