"""How the processes of the local system react to SIGTERM and Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
from types import FrameType


def raise_on_stop_signals() -> None:
    """Raise KeyboardInterrupt in the main thread on SIGTERM: `with` blocks and `finally` clean up as on Ctrl-C."""
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


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
