"""A monitored endpoint whose requests, answers and labels lie in Azurite as the data collector writes them."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from shared.adapters.storage.blobs import blob_service
from shared.bootstrap import App, policy_sections
from shared.domain.ids import DeploymentName, EndpointName, JobName, ModelName, ModelVersion
from shared.policy.reading.load import load_policy
from shared.policy.sections.model import Policy
from shared.ports.endpoints import DeploymentRecord, EndpointRecord
from shared.ports.jobs import JobRecord
from shared.reactions.registry import reactions
from shared.settings import Settings
from tests.fakes.app import look_at_models
from tests.fakes.blobs import MemoryBlobStore
from tests.fakes.clock import FakeClock
from tests.fakes.publisher import FakePublisher
from tests.fakes.queues import FakeQueues
from tests.fakes.workspace import FakeWorkspace

if TYPE_CHECKING:
    from azure.storage.blob import ContainerClient

MODEL, ENDPOINT, DEPLOYMENT = ModelName("churn"), EndpointName("churn"), DeploymentName("v-1")
HOUR = timedelta(hours=1)
STORE = "azureml://datastores/workspaceblobstore/paths/"
TRAINING_ROWS = 20_000
NUMBERS, CATEGORIES = 6, 3
# Every signal but that of vectors, as a policy names them that leaves the rest to us.
POLICY = """\
model: churn
kind: tabular
endpoint: {name: churn, type: online}
people: {owner: ana@example.com, approvers: [ben@example.com]}
monitor:
  every: 1h
  data_drift: {ignore: [id]}
  data_quality: {ignore: [id]}
  prediction_drift: {}
  estimated_performance: {}
  concept_drift: {}
  performance: {metric: roc_auc, at_least: 0.6, key: id, labels: "azureml:labels@latest", labels_within: 1d}
"""


@dataclass
class Registry(FakeWorkspace):
    """The workspace's assets; `labels` is the newest version of the labels."""

    labels: int = field(default=1)

    def data_uri(self, reference: str) -> str:
        return f"{STORE}{reference.removeprefix('azureml:').replace(':', '/')}.parquet"

    def pinned_data(self, reference: str) -> str:
        return reference.replace("@latest", f":{self.labels}")


class WatchedApp(App):
    """The app as it runs, with its own storage in memory, a workspace that is a fake, and a clock that is set."""

    def __init__(self, settings: Settings) -> None:
        registry = Registry()
        super().__init__(settings)
        self.time = FakeClock()
        self.registry = registry
        self.clock = self.time  # type: ignore[assignment]
        self.blobs = MemoryBlobStore(self.time.now)
        self.queue = FakeQueues(self.time)
        self.publisher = FakePublisher()  # type: ignore[assignment]
        self.workspace = registry  # type: ignore[assignment]
        self.data._workspace = self.workspace

    @cached_property
    def policies(self) -> tuple[Policy, ...]:
        return (load_policy(POLICY, "churn.yaml", policy_sections(), tuple(reactions().values())),)


class WatchedTown:
    """Serves rows, one a request, and has them labelled."""

    def __init__(self, settings: Settings) -> None:
        self.app = WatchedApp(settings)
        self.random = np.random.default_rng(7)
        self.bytes_by_hour: dict[datetime, int] = {}
        self._served, self._labels = 0, list[pd.DataFrame]()
        self._container: ContainerClient = blob_service(settings, settings.workspace_storage).get_container_client(
            settings.workspace_container
        )
        self._container.create_container()
        self._register()

    def serve(self, rows: int, hour: datetime) -> None:
        """Put an hour's requests and answers where the collector does; their labels arrive with the next version."""
        frame = self._rows(rows)
        score = _score(frame)
        step = HOUR / rows
        inputs, outputs = io.StringIO(), io.StringIO()
        for number, (row, answer) in enumerate(zip(frame.to_dict("records"), score, strict=True)):
            at, request = (hour + number * step).isoformat(), f"r-{row['id']}"
            about = {"specversion": "1.0", "time": at, "correlationid": request}
            inputs.write(json.dumps({**about, "id": f"i-{request}", "data": [row]}) + "\n")
            outputs.write(
                json.dumps({**about, "id": f"o-{request}", "data": [{"prediction": round(answer, 6)}]}) + "\n"
            )
        truth = (self.random.random(rows) < score).astype(int)
        self._labels.append(pd.DataFrame({"id": frame["id"], "label": truth}))
        for part, written in (("model_inputs", inputs), ("model_outputs", outputs)):
            path = f"modelDataCollector/{ENDPOINT}/{DEPLOYMENT}/{part}/{hour:%Y/%m/%d/%H}/a.jsonl"
            self._put(path, written.getvalue().encode())
            self.bytes_by_hour[hour] = self.bytes_by_hour.get(hour, 0) + written.tell()

    def labels_arrive(self) -> None:
        self.app.registry.labels += 1
        self._put_table(f"labels/{self.app.registry.labels}.parquet", pd.concat(self._labels))

    def look(self) -> Mapping[str, str]:
        """Have the app's timer look, and return what each signal came to in its last run."""
        look_at_models(self.app)
        state, _ = self.app.monitor_states.read(MODEL)
        assert state is not None
        return {run.signal: run.verdict for run in state.runs}

    def lines(self, hour: datetime) -> int:
        """Read an hour's files and parse each line, as any look must at least; return how many there are."""
        count = 0
        for part in ("model_inputs", "model_outputs"):
            path = f"modelDataCollector/{ENDPOINT}/{DEPLOYMENT}/{part}/{hour:%Y/%m/%d/%H}/a.jsonl"
            for line in self._container.download_blob(path).readall().splitlines():
                json.loads(line)
                count += 1
        return count

    def _rows(self, rows: int) -> pd.DataFrame:
        numbers = {f"n{number}": self.random.normal(0, 1, rows).round(4) for number in range(NUMBERS)}
        words = {f"c{number}": self.random.choice(list("abcdefgh"), rows) for number in range(CATEGORIES)}
        ids = range(self._served, self._served + rows)
        self._served += rows
        return pd.DataFrame({"id": ids, **numbers, **words})

    def _register(self) -> None:
        self._put_table("training.parquet", self._rows(TRAINING_ROWS))
        self._put_table("labels/1.parquet", pd.DataFrame({"id": [-1], "label": [0]}))
        registry, job = self.app.registry, JobName("job-1")
        registry.jobs[job] = JobRecord(job, "Completed", {}, "ana", {"training_data": f"{STORE}training.parquet"})
        registry.register(MODEL, "1", job=job)
        serving = DeploymentRecord(DEPLOYMENT, MODEL, ModelVersion("1"), "Succeeded")
        registry.endpoints[ENDPOINT] = EndpointRecord(ENDPOINT, "Succeeded", {DEPLOYMENT: 100}, {}, (serving,), "")

    def _put_table(self, path: str, frame: pd.DataFrame) -> None:
        buffer = io.BytesIO()
        frame.to_parquet(buffer, index=False)
        self._put(path, buffer.getvalue())

    def _put(self, path: str, content: bytes) -> None:
        self._container.upload_blob(path, content, overwrite=True)


def _score(frame: pd.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    scores: np.ndarray[tuple[int], np.dtype[np.float64]] = 1 / (
        1 + np.exp(-frame["n0"].to_numpy() - frame["n1"].to_numpy())
    )
    return scores
