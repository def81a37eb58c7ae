"""Ends this process when its parent is gone."""

from __future__ import annotations

import os
import signal
import threading

MARK = "VIGIA_LOCAL_LIFELINE"  # set by local.child_process: standard input is a pipe that the parent holds open


def end_with_parent() -> None:
    """Send ourselves SIGTERM when the parent's pipe closes; does nothing in a process that was started by hand."""
    if os.environ.pop(MARK, None):  # popped: our own children have no such pipe
        threading.Thread(target=_wait_for_end, name="lifeline", daemon=True).start()


def _wait_for_end() -> None:
    # os.read, not sys.stdin.read: a buffered reader's lock would block the interpreter's shutdown.
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
