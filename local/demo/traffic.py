"""Real flights against the endpoint, in the background of the story."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

from local.flights.replay import Load, Replay


class BackgroundTraffic:
    """Runs a Replay on a thread of its own, until it is stopped."""

    def __init__(self, scoring_url: str, key: str, load: Load) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="traffic", daemon=True)
        self._thread.start()
        self.replay = Replay(scoring_url, key, load)
        self._is_sending = False

    def play(self, *months: int) -> None:
        """Send the flights of these months from now on, in the order they flew."""
        self._run(self.replay.play(months))
        if not self._is_sending:
            self._run(self.replay.start())
            self._is_sending = True

    def stop(self) -> None:
        """Send no more; the answers still due are waited for."""
        if self._is_sending:
            self._run(self.replay.stop())
            self._is_sending = False
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()
