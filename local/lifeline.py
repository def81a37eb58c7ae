"""Ends this process when its parent is gone."""

from __future__ import annotations

import os
import signal
import sys
import threading


def end_with_parent() -> None:
    """Send ourselves SIGTERM when standard input, a pipe held open by the parent, closes.

    Only for processes that were started by the local system: at a terminal there is no such pipe, and nothing happens.
    """
    if sys.stdin is None or sys.stdin.closed or sys.stdin.isatty():
        return
    threading.Thread(target=_wait_for_end, name="lifeline", daemon=True).start()


def _wait_for_end() -> None:
    # os.read, not sys.stdin.read: a buffered reader's lock would block the interpreter's shutdown.
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
