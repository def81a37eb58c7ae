"""One child process of the local system: started with a log file, waited for, and stopped with its parent."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from local.errors import LocalSystemError
from local.lifeline import MARK

POLL_SECONDS = 0.05
LINES_SHOWN = 15


# Settings of another app, cloud or proxy that the caller may have: the parts of the local system have their own files.
# The Azure ML SDK, too, notes its cloud in the environment of the process that used it.
FOREIGN = ("VIGIA_", "AZURE", "FUNCTIONS_", "WEBSITE_", "APPLICATIONINSIGHTS_", "MLFLOW_", "MSI_", "IDENTITY_")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
OURS = "VIGIA_SPARK_PYTHON"


def own_environment() -> dict[str, str]:
    """Return this process's environment without what would change how the local system behaves."""
    return {
        name: value
        for name, value in os.environ.items()
        if name == OURS or not name.upper().startswith((*FOREIGN, *PROXIES))
    }


@dataclass
class ChildProcess:
    """A command that writes its output to `log` and ends when the pipe on its standard input closes.

    The pipe is the lifeline: the system closes it however the parent dies, on every platform. Python
    children watch it with `local.lifeline`, Azurite with `local/azurite/lifeline.cjs`.
    """

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None
    _log_start: int = 0

    def start(self) -> None:
        """Start the command; its standard output and error are appended to the log.

        Raises:
            LocalSystemError: the program of the command does not exist.
        """
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as output:
            try:
                self._process = subprocess.Popen(
                    list(self.command),
                    stdin=subprocess.PIPE,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env={**own_environment(), **self.environment, MARK: "1"},
                    start_new_session=True,  # Ctrl-C goes to the parent, which stops its children in order
                )
            except OSError as exc:
                raise LocalSystemError(f"{self.name} can't start: {self.command[0]}: {exc.strerror}") from exc

    @property
    def pid(self) -> int:
        """Return the process id.

        Raises:
            LocalSystemError: it was not started.
        """
        if self._process is None:
            raise LocalSystemError(f"{self.name} was not started")
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def has_printed(self, line: str) -> bool:
        """Return whether the process has written this line since its last start."""
        return line in self.output().splitlines()

    def wait_until(self, is_ready: Callable[[], bool], timeout_seconds: float) -> None:
        """Return once `is_ready` says so.

        Raises:
            LocalSystemError: the process ended, or was not ready in time; carries the log's last lines.
        """
        deadline = time.monotonic() + timeout_seconds
        while not is_ready():
            if not self.is_running:
                code = self._process.returncode if self._process else None
                raise LocalSystemError(f"{self.name} ended with exit code {code} before it was ready", self.log_tail())
            if time.monotonic() > deadline:
                raise LocalSystemError(f"{self.name} was not ready after {timeout_seconds:g} s", self.log_tail())
            time.sleep(POLL_SECONDS)

    def stop(self, grace_seconds: float = 10) -> None:
        """Ask the process to end, and kill it when it has not ended after the grace time."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        finally:
            # Not before: closing it is a second request to end, and that one Azurite obeys without saving.
            if process.stdin:
                process.stdin.close()

    def kill(self) -> None:
        """End the process at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
        self.stop()

    def log_tail(self) -> str:
        """Return the last lines of the log, each indented, below the log's name."""
        lines = self.output().splitlines()[-LINES_SHOWN:]
        shown = "\n".join(f"    {line}" for line in lines) or "    (nothing was written)"
        return f"last lines of {self.log}:\n{shown}"

    def output(self) -> str:
        """Return what the process has written since its last start."""
        return self.log.read_bytes()[self._log_start :].decode(errors="replace") if self.log.exists() else ""
