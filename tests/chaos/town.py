"""The system that the workers live in: Azurite, the emulated cloud, a workspace, policies, and a nursery."""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Iterator
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
from tests.chaos import policies
from tests.chaos.crowd import Crowd
from tests.chaos.seeding import KEYS
from tests.chaos.workers import Workers

LEASE_SECONDS = 2
QUEUES = ("events", "releases", "notices", "looks")
VERSIONS = ("1", "2")
TRAINED = tuple(f"trained-{number}" for number in range(16))
# The workers take their events off the queue; what the emulators publish has no reader here.
SUBSCRIPTIONS = """\
subscriptions:
  - {name: nobody, topic: workspace, function: nobody, schema: event-grid, types: [Chaos.Never]}
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
    released: list[str] = field(default_factory=list)  # models whose first version is still to be released at once
    in_steps: list[str] = field(default_factory=list)  # and whose second one beside the first, which serves
    late: str = "late"  # whose traffic is written late
    addresses: Addresses = field(default_factory=Addresses.free)
    killed: list[int] = field(default_factory=list)

    def __enter__(self) -> Town:
        self.folder.mkdir(parents=True, exist_ok=True)
        folder = self.folder / "policies"
        folder.mkdir()
        written = {model: policies.TRAINED.format(model=model) for model in TRAINED}
        written |= {model: policies.RELEASED.format(model=model) for model in (*self.released, self.late)}
        written |= {model: policies.in_steps(model) for model in self.in_steps}
        for model, policy in written.items():
            (folder / f"{model}.yaml").write_text(policy)
        (self.folder / "subscriptions.yaml").write_text(SUBSCRIPTIONS)
        config = CloudConfig(self.addresses, self.folder / "cloud", self.folder / "subscriptions.yaml")
        config.write(self.folder / "cloud.json")
        self._azurite = Azurite(self.addresses, log=self.folder / "azurite.log")
        command = [sys.executable, "-m", "local.cloud", str(self.folder / "cloud.json")]
        self._cloud = ChildProcess("the emulated cloud", command, self.folder / "cloud.log", {"PYTHONPATH": str(ROOT)})
        self.settings = {
            **settings_for(self.addresses, folder),
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
        if hasattr(self, "_crowd"):
            self._crowd.leave()
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
            container.upload_blob("chaos/scores.parquet", _scores())
        self._app = App(Settings.read(self.settings))
        list(self._app.ledger.open_keys())  # creates the container
        models = ",".join(
            f"{model}:{version}" for model in (*self.released, *self.in_steps, self.late) for version in VERSIONS
        )
        self.workers.run("seed", CHAOS_MODELS=models, CHAOS_SERVING=",".join(self.in_steps))
        keys = json.loads((self.folder / KEYS).read_text())
        if keys:
            self._crowd = Crowd(self._app, self.addresses.url("scoring"), keys)


def _scores() -> bytes:
    """Return what an evaluation finds: both versions score alike, and well in each group."""
    import numpy as np
    import pandas as pd

    rows, chance = np.arange(600), np.random.default_rng(1)
    scores = np.clip(0.25 + 0.5 * (rows % 2) + chance.normal(0, 0.12, len(rows)), 0.001, 0.999)
    columns = {"row_id": rows.astype(str), "label": rows % 2, "champion_score": scores, "challenger_score": scores}
    return pd.DataFrame({**columns, "carrier": np.where(rows % 4 < 2, "AA", "BB")}).to_parquet(index=False)
