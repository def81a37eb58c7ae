"""Runs commands, logged or at the terminal, and explains why an installation failed."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NO_NETWORK = re.compile(
    "NewConnectionError|ConnectTimeout|ReadTimeout|ProxyError|Max retries exceeded|name resolution|getaddrinfo"
    "|Network is unreachable|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH"
)


class SetupError(Exception):
    """Something on this machine is missing or failed; the message says what to do."""


Run = Callable[[Sequence[str], Path, Path], int]


def run_logged(command: Sequence[str], folder: Path, log: Path) -> int:
    """Run a command with its output in a log file; return its exit code."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        return subprocess.run(
            list(command), cwd=folder, stdout=output, stderr=subprocess.STDOUT, check=False
        ).returncode


def run_shown(command: Sequence[str], folder: Path = ROOT) -> int:
    """Run a command at the terminal; return its exit code. Ctrl-C goes to the command, which cleans up by itself."""
    with subprocess.Popen(list(command), cwd=folder, env=_environment()) as process:
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue


def become(command: Sequence[str], folder: Path) -> int:
    """Run a command at the terminal in place of this process, where the system can do that; return its exit code."""
    if os.name == "posix":
        os.chdir(folder)
        os.execve(command[0], list(command), _environment())
    return run_shown(command, folder)


def _environment() -> dict[str, str]:
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    # Set in many container images. Tests and emulators are dozens of processes of the same files: compiled once.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


def say(text: str) -> None:
    print(f"dev.py: {text}", file=sys.stderr, flush=True)


def explain(tool: str, log: Path, what: str) -> str:
    """Return why an installation failed, in words, with the end of its log."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    if NO_NETWORK.search(text):
        return (
            f"{tool} can't reach its registry, so {what} can't be installed: is this machine online, "
            f"and does it need a proxy (HTTPS_PROXY) or a mirror?\n{tail(log)}"
        )
    return f"{tool} could not install {what}; the whole log is {log}\n{tail(log)}"


def tail(log: Path, lines: int = 8) -> str:
    """Return the last lines of a log, indented."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    return "\n".join(f"  | {line[:200]}" for line in text.strip().splitlines()[-lines:])


def digest(*files: Path) -> str:
    """Return a hash over the contents of the files."""
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()
