"""Tells the story on the terminal, and waits for what should happen next."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from rich.console import Console
from rich.markup import escape

T = TypeVar("T")

POLL_SECONDS = 0.25


class StoryError(Exception):
    """Something that the story promises did not happen."""


class Narrator:
    """Prints acts and events with the seconds since the start; `check` is called while waiting and may raise."""

    def __init__(self, console: Console, check: Callable[[], None]) -> None:
        self._console = console
        self._check = check
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    def act(self, title: str) -> None:
        self._console.print()
        self._console.rule(f"[bold]{escape(title)}", align="left")

    def say(self, text: str) -> None:
        self._line("·", "dim", text)

    def happened(self, text: str) -> None:
        self._line("✓", "green", text)

    def wait(self, what: str, probe: Callable[[], T | None], timeout_seconds: float = 60) -> T:
        """Return the first true value of `probe`, asked four times a second.

        Raises:
            StoryError: it did not happen in time.
        """
        deadline = time.monotonic() + timeout_seconds
        with self._console.status(f"[dim]{escape(what)} …"):
            while True:
                if found := probe():
                    return found
                self._check()
                if time.monotonic() > deadline:
                    raise StoryError(f"after {timeout_seconds:.0f} s: still waiting for this: {what}")
                time.sleep(POLL_SECONDS)

    def _line(self, mark: str, style: str, text: str) -> None:
        stamp = f"[dim]{self.seconds:6.1f} s[/]"
        self._console.print(f"{stamp} [{style}]{mark}[/] {escape(text)}", highlight=False)
