"""Runs a job's command and ends it, with all it started, when the emulator is gone.

Standard input is a pipe that the emulator holds open; the system closes it however the emulator dies. This file is run
by its path and imports only the standard library, so that a job's folder and packages can't disturb it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading


def _end_with_parent() -> None:
    while os.read(0, 1024):
        pass
    if os.name == "posix":
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def main() -> int:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if os.name == "posix":
        os.nice(5)  # training must not starve the endpoints that serve beside it
    return subprocess.call(sys.argv[1], shell=True, stdin=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
