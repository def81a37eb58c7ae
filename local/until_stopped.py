"""Waits, in a process of the local system, for the order to stop."""

from __future__ import annotations

import asyncio
import signal


async def until_stopped() -> None:
    """Return on SIGTERM or SIGINT (Ctrl-C)."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, stopped.set)
        except NotImplementedError:  # Windows: no handlers in the loop
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stopped.set))
    await stopped.wait()
