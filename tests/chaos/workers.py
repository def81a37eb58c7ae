"""The harness's side of the nursery: forks workers there, and asks how they are."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from local.cloud_config import ROOT

POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class End:
    """How a worker is: `code` is the signal that killed it, or its exit code."""

    state: Literal["running", "frozen", "killed", "ended"]
    code: int

    @property
    def is_mistaken(self) -> bool:
        """Return whether it ended by a mistake of its own: an exception, or a signal that nobody here sends."""
        return (self.state == "ended" and self.code != 0) or (self.state == "killed" and self.code != signal.SIGKILL)


class Workers:
    """The harness's side of the nursery."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        with (folder / "nursery.log").open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.nursery"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=ROOT,
                env={**os.environ, **environment, "PYTHONPATH": str(ROOT)},
                text=True,
                start_new_session=True,
            )
        self._answer()

    def fork(self, task: str = "work", **environment: str) -> int:
        """Return the process id of a new worker with these variables."""
        log = str(self._folder / "workers.log")
        return int(self._ask(do="fork", task=task, environment=environment, log=log)["pid"])

    def wait(self, pid: int, seconds: float = 30) -> End:
        """Return how it is, once it has ended or is frozen, or after so many seconds."""
        deadline = time.monotonic() + seconds
        while True:
            end = End(**self._ask(do="look", pid=pid))
            if end.state != "running" or time.monotonic() >= deadline:
                return end
            time.sleep(POLL_SECONDS)

    def run(self, task: str, seconds: float = 600, **environment: str) -> None:
        """Run a task to its end.

        Raises:
            RuntimeError: it failed.
        """
        end = self.wait(self.fork(task, **environment), seconds)
        if end != End("ended", 0):
            raise RuntimeError(f"{task} ended as {end}: {self.log_tail()}")

    def close(self) -> None:
        if self._process.stdin:
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    def _ask(self, **order: object) -> dict[str, Any]:
        with self._lock:
            assert self._process.stdin
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the nursery has ended: {(self._folder / 'nursery.log').read_text()[-2000:]}")
        return json.loads(line)  # type: ignore[no-any-return]

    def log_tail(self) -> str:
        log = self._folder / "workers.log"
        return log.read_text()[-2000:] if log.exists() else ""
