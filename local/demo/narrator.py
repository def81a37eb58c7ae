"""Tells the story on the terminal, and waits for what should happen next."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from rich.console import Console
from rich.markup import escape

from local.demo.waiting import Waiting

T = TypeVar("T")

# During a long wait its subject is printed this often; a terminal shows it all the time.
SAY_EVERY_SECONDS = 60.0


class StoryError(Exception):
    """Something that the story promises did not happen."""


class Narrator:
    """Prints acts and events with the seconds since the start."""

    def __init__(self, console: Console, waiting: Waiting) -> None:
        self._console = console
        self._waiting = waiting
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

    def wait(self, what: str, probe: Callable[[], T | None], moves: Callable[[], object] = lambda: None) -> T:
        """Return the first true value of `probe`, however long it takes, while the system gets on.

        Args:
            moves: what else than the system's own pulse shows that this gets on.

        Raises:
            StoodStillError: nothing has moved for minutes.
        """
        printed_at = 0.0
        pulse = self._waiting.pulse

        with self._console.status(f"[dim]{escape(what)} …") as status:

            def tell(waited: float, still: float) -> None:
                nonlocal printed_at
                since = f"for {waited:.0f} s" + (f", nothing moved for {still:.0f} s" if still > 20 else "")
                status.update(f"[dim]{escape(what)} … {since}")
                if waited - printed_at >= SAY_EVERY_SECONDS:
                    printed_at = waited
                    self.say(f"still waiting, {since}: {what}")

            return replace(self._waiting, pulse=lambda: (pulse(), moves())).until(what, probe, tell)

    def get(self, what: str, act: Callable[[], T]) -> T:
        """Return what `act` returns; it is called again as long as the cloud refuses or throttles it.

        Raises:
            StoodStillError: nothing has moved for minutes.
        """
        (result,) = self.wait(what, lambda: (act(),))
        return result

    def _line(self, mark: str, style: str, text: str) -> None:
        stamp = f"[dim]{self.seconds:6.1f} s[/]"
        self._console.print(f"{stamp} [{style}]{mark}[/] {escape(text)}", highlight=False)
