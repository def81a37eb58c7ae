"""Threads that take turns: exactly one runs at any time, so that a seed always gives the same run."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Hand:
    """One thread of the crew. `work` runs in it until it pauses or ends; nothing may escape from `work`."""

    def __init__(self, conductor: threading.Lock) -> None:
        self._conductor = conductor
        self._turn = threading.Lock()
        self._turn.acquire()
        self._work: Callable[[], None] | None = None
        threading.Thread(target=self._live, daemon=True).start()

    @property
    def is_idle(self) -> bool:
        return self._work is None

    def begin(self, work: Callable[[], None]) -> None:
        """Run `work` until it pauses for the first time or ends."""
        self._work = work
        self.go_on()

    def go_on(self) -> None:
        """Give the hand its turn; returns when it pauses or ends."""
        self._turn.release()
        self._conductor.acquire()

    def pause(self) -> None:
        """Give the turn back; called by the work, in this hand's thread."""
        self._conductor.release()
        self._turn.acquire()

    def _live(self) -> None:
        while True:
            self._turn.acquire()
            if self._work is not None:
                self._work()
            self._work = None
            self._conductor.release()


class Crew:
    """Hands, used again from run to run: starting a thread costs more than a run's whole scheduling."""

    def __init__(self) -> None:
        self._conductor = threading.Lock()
        self._conductor.acquire()
        self._hands: list[Hand] = []

    def hand(self) -> Hand:
        """Return a hand with nothing to do."""
        for hand in self._hands:
            if hand.is_idle:
                return hand
        self._hands.append(Hand(self._conductor))
        return self._hands[-1]
