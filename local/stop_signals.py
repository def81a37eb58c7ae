"""Makes SIGTERM behave as Ctrl-C does, so that `with` blocks and `finally` clean up."""

from __future__ import annotations

import signal
from types import FrameType


def raise_on_stop_signals() -> None:
    """Raise KeyboardInterrupt in the main thread on SIGTERM."""
    signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
