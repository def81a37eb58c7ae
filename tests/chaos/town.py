"""The system that the workers live in: Azurite, the emulated cloud, a workspace, policies, and a nursery."""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from local.addresses import WORKSPACE_CONTAINER, Addresses
from local.app_settings import settings_for
from local.child_process import ChildProcess
from local.cloud_config import ROOT, CloudConfig
from local.storage import Azurite
from shared.bootstrap import App
from shared.settings import Settings
from tests.chaos.workers import Workers

LEASE_SECONDS = 2
QUEUES = ("events", "releases", "notices")
VERSIONS = ("1", "2")
TRAINED = tuple(f"trained-{number}" for number in range(16))
# The workers take their events off the queue; what the emulators publish has no reader here.
SUBSCRIPTIONS = """\
subscriptions:
  - {name: nobody, topic: workspace, function: nobody, schema: event-grid, types: [Chaos.Never]}
"""
TRAINED_POLICY = """\
model: {model}
kind: tabular
endpoint: {{name: {model}, type: online}}
people: {{owner: ana@example.com}}
retrain: {{job: "azureml:train_toy@latest", on: [drift], cooldown: 1s}}
notify: [{{on: [training-started], to: [owner], by: [teams, email]}}]
"""
RELEASED_POLICY = """\
model: {model}
kind: tabular
endpoint: {{name: {model}, type: online}}
people: {{owner: ana@example.com}}
rollout: {{strategy: all-at-once, watch_for: 1s, judge: {{interval: 1s, log_delay: 1s}}}}
notify: [{{on: [release-opened, promoted], to: [owner], by: [teams]}}]
"""
TOY = {
    "MLmodel": "flavors:\n  python_function: {loader_module: toy, code: code}\n",
    "code/toy.py": "class Toy:\n    def predict(self, frame):\n        return [0] * len(frame)\n\n\n"
    "def _load_pyfunc(path):\n    return Toy()\n",
}


@dataclass
class Town:
    """Start it, feed it events, let workers loose in it, and read what became of them."""

    folder: Path
    released: Sequence[str] = ()  # models to be released, each on an endpoint of its own
    addresses: Addresses = field(default_factory=Addresses.free)
    killed: list[int] = field(default_factory=list)

    def __enter__(self) -> Town:
        self.folder.mkdir(parents=True, exist_ok=True)
        policies = self.folder / "policies"
        policies.mkdir()
        for model in TRAINED:
            (policies / f"{model}.yaml").write_text(TRAINED_POLICY.format(model=model))
        for model in self.released:
            (policies / f"{model}.yaml").write_text(RELEASED_POLICY.format(model=model))
        (self.folder / "subscriptions.yaml").write_text(SUBSCRIPTIONS)
        config = CloudConfig(self.addresses, self.folder / "cloud", self.folder / "subscriptions.yaml")
        config.write(self.folder / "cloud.json")
        self._azurite = Azurite(self.addresses, log=self.folder / "azurite.log")
        command = [sys.executable, "-m", "local.cloud", str(self.folder / "cloud.json")]
        self._cloud = ChildProcess("the emulated cloud", command, self.folder / "cloud.log", {"PYTHONPATH": str(ROOT)})
        self.settings = {
            **settings_for(self.addresses, policies),
            "VIGIA_LEASE_SECONDS": str(LEASE_SECONDS),
            "CHAOS_JOURNAL": str(self.folder / "journal.jsonl"),
            "CHAOS_FOLDER": str(self.folder),
        }
        try:
            self._azurite.start()
            self._cloud.start()
            self.workers = Workers(self.settings, self.folder)
            self._cloud.wait_until(lambda: self._cloud.has_printed("ready"), 60)
            self._prepare()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        if hasattr(self, "workers"):
            self.workers.close()
        if hasattr(self, "_queues"):
            self._queues.close()
        self._cloud.stop()
        self._azurite.stop()

    @property
    def app(self) -> App:
        """Return an app over the town's storage, for reading what the workers wrote."""
        return self._app

    def send(self, body: str, copies: int = 1) -> None:
        from base64 import b64encode

        queue = self._queues.get_queue_client("events")
        for _ in range(copies):
            queue.send_message(b64encode(body.encode()).decode())

    def waiting(self) -> dict[str, int]:
        """Return how many messages each queue holds, hidden ones included."""
        clients = {name: self._queues.get_queue_client(name) for name in QUEUES}
        return {name: client.get_queue_properties().approximate_message_count or 0 for name, client in clients.items()}

    def ask(self, part: str, path: str) -> Any:
        """Return what an emulator says of itself under `/_local/`."""
        with urllib.request.urlopen(f"{self.addresses.url(part)}/_local/{path}", timeout=20) as answer:
            return json.load(answer)

    def journal(self) -> Iterator[dict[str, Any]]:
        path = Path(self.settings["CHAOS_JOURNAL"])
        if path.exists():
            yield from map(json.loads, path.read_text().splitlines())

    def _prepare(self) -> None:
        storage = self.addresses.storage_connection_string
        self._queues = QueueServiceClient.from_connection_string(storage)
        for name in QUEUES:
            self._queues.create_queue(name)
        with BlobServiceClient.from_connection_string(storage) as blobs:
            container = blobs.get_container_client(WORKSPACE_CONTAINER)
            if not container.exists():
                container.create_container()
            for name, content in TOY.items():
                container.upload_blob(f"chaos/toy/{name}", content)
        self._app = App(Settings.read(self.settings))
        list(self._app.ledger.open_keys())  # creates the container
        models = ",".join(f"{model}:{version}" for model in self.released for version in VERSIONS)
        self.workers.run("seed", CHAOS_COMPONENT="yes", CHAOS_MODELS=models)
