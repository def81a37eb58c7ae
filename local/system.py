"""The local system as a whole: storage, the emulated cloud and the app's host, started in order, stopped in reverse."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from local.addresses import ANSWER_SECONDS, WORKSPACE_CONTAINER, Addresses, require_free
from local.app_settings import settings_for, write_settings
from local.child_process import ChildProcess
from local.cloud_config import ROOT, CloudConfig
from local.errors import LocalSystemError
from local.profile import profile_named
from local.storage import Azurite

QUEUES = ("events", "releases", "notices", "looks")
# A message whose host was killed comes back after this time; on Azure that takes ten minutes.
QUEUE_LEASE_SECONDS = 30
ERROR_LINE = re.compile(r"[\d:.]+ error ")
PARTS = {
    "azureml": "Azure ML",
    "scoring": "the scoring proxy",
    "eventgrid": "Event Grid",
    "monitor": "Monitor",
    "inbox": "the inbox page",
    "smtp": "the inbox's SMTP server",
    "functions": "the Functions host",
}


class LocalSystem:
    """Runs everything that the app needs, and the app. Logs are in `workdir`/logs.

    `faults` are Event Grid's, e.g. {"duplicate": 0.3, "reorder": True}; `extra_settings` go over `settings_for`;
    `profile` is a name of local/profile.py. With `keep` the next start in this folder finds what this one leaves:
    storage, and what is registered and served in the workspace.
    """

    def __init__(
        self,
        addresses: Addresses,
        workdir: Path,
        faults: Mapping[str, Any] | None = None,
        python: str = sys.executable,
        extra_settings: Mapping[str, str] | None = None,
        app_folder: Path = ROOT,
        profile: str = "quick",
        keep: bool = False,
    ) -> None:
        self.addresses = addresses
        self.workdir = workdir.resolve()
        self.settings = {**settings_for(addresses), **(extra_settings or {})}
        self.settings_file = self.workdir / "local.settings.json"
        logs = self.workdir / "logs"
        config = self.workdir / "cloud.json"
        home = self.workdir / "kept" if keep else None
        self._cloud_config = CloudConfig(
            addresses, home or self.workdir, python=python, faults=dict(faults or {}), profile=profile, is_kept=keep
        )
        self._cloud_file = config
        self._azurite = Azurite(addresses, home and home / "storage", log=logs / "azurite.log")
        # The repository is on the path of both, wherever they are started from.
        environment = {"PYTHONPATH": str(ROOT)}
        self._cloud = ChildProcess(
            "the emulated cloud", [python, "-m", "local.cloud", str(config)], logs / "cloud.log", environment
        )
        command = [python, "-m", "local.functions_host", "--settings", str(self.settings_file)]
        command += ["--port", str(addresses.functions), "--app-dir", str(app_folder)]
        command += ["--queue-lease-seconds", str(QUEUE_LEASE_SECONDS)]
        command += ["--reject-first-deliveries", str(profile_named(profile).rejected_first_deliveries)]
        self._functions = ChildProcess("the Functions host", command, logs / "functions.log", environment)

    @property
    def logs(self) -> Path:
        return self.workdir / "logs"

    def start(self) -> None:
        """Start every part and return when all of them are ready; nothing is left running when one fails.

        Raises:
            PortInUseError: names the part and the port.
            LocalSystemError: names the part that failed, with the last lines of its log.
        """
        for name, part in PARTS.items():
            require_free(part, getattr(self.addresses, name))
        self.workdir.mkdir(parents=True, exist_ok=True)
        write_settings(self.settings_file, self.settings)
        self._cloud_config.write(self._cloud_file)
        try:
            self._azurite.start()
            self._prepare_storage()
            self._start(self._cloud)
            self._start(self._functions)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop every part, the last one started first."""
        self._functions.stop(grace_seconds=20)
        self._cloud.stop(grace_seconds=20)
        self._azurite.stop()

    def require_running(self) -> None:
        """Check that no part has ended by itself.

        Raises:
            LocalSystemError: names the first one that has, with the last lines of its log.
        """
        if not self._azurite.is_running:
            raise LocalSystemError("Azurite has ended", f"its log is {self.logs / 'azurite.log'}")
        for child in (self._cloud, self._functions):
            if not child.is_running:
                raise LocalSystemError(f"{child.name} has ended", child.log_tail())

    def errors(self) -> list[str]:
        """Return what the Functions host has logged as errors since it was last started, oldest first."""
        return [line for line in self._functions.output().splitlines() if ERROR_LINE.match(line)]

    def kill_functions(self) -> None:
        """End the Functions host at once, as a crash would."""
        self._functions.kill()

    def start_functions(self) -> None:
        """Start the Functions host again, after `kill_functions`."""
        self._start(self._functions)

    def change_settings(self, changes: Mapping[str, str]) -> None:
        """Have the app start again with other settings, once it has finished what it is at."""
        self.settings |= changes
        write_settings(self.settings_file, self.settings)
        self._functions.stop(grace_seconds=20)
        self.start_functions()

    def __enter__(self) -> LocalSystem:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    def _start(self, child: ChildProcess) -> None:
        child.start()
        child.wait_until(lambda: child.has_printed("ready"), ANSWER_SECONDS)

    def _prepare_storage(self) -> None:
        """Create what Azure has before the app starts: the workspace's container and the app's queues."""
        connection_string = self.addresses.storage_connection_string
        with (
            BlobServiceClient.from_connection_string(connection_string) as blobs,
            QueueServiceClient.from_connection_string(connection_string) as queues,
        ):
            with suppress(ResourceExistsError):
                blobs.create_container(WORKSPACE_CONTAINER)
            for name in QUEUES:
                with suppress(ResourceExistsError):
                    queues.create_queue(name)
