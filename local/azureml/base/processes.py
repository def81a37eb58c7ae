"""Child processes: a log file, a group of their own, and a life tied to the emulator's."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from pathlib import Path


async def spawn(command: Sequence[str], folder: Path, environment: Mapping[str, str], log: Path) -> Process:
    """Start a command in `folder`, its output appended to `log`. It must end when its standard input closes."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            env={**os.environ, **environment},
            stdin=PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,  # so that it can be ended with all its own children
        )


async def kill(process: Process) -> None:
    """End a process and its children at once, and wait for it."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            if os.name == "posix":
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
    if process.stdin is not None:
        process.stdin.close()
    await process.wait()


def tail(log: Path, lines: int) -> str:
    """Return the last lines of a log, or a note that it is empty."""
    rows = log.read_text(errors="replace").splitlines()[-lines:] if log.exists() else []
    return "\n".join(rows) or "(nothing was written)"
