"""Outcomes of rows that the emulator's own collector wrote, through the real reader: keys, hours, labels that grow."""

from __future__ import annotations

import asyncio
import io
import json
import random
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from azure.storage.blob import ContainerClient

from local.addresses import WORKSPACE_CONTAINER, Addresses
from local.azureml.base.arm import Resource
from local.azureml.base.blobs import Blobs
from local.azureml.online.collector import Collector
from local.azureml.online.deployment import Deployment
from shared.adapters.tables.data import WorkspaceData
from shared.domain.ids import DeploymentName, EndpointName
from shared.domain.releases.outcome import AbPlan, LabelSource, QualityPlan
from shared.domain.releases.release import Release, ReleaseState, Serving
from shared.domain.releases.verdict import Verdict
from shared.engine.releases.judge import judged
from shared.engine.releases.outcomes import outcome_of
from shared.errors import WorkspaceError
from tests.fakes.releases import NOW, a_plan, a_release
from tests.fakes.telemetry import FakeTelemetry
from tests.settings import settings_for

V1, V2 = DeploymentName("v-1"), DeploymentName("v-2")
HOUR = timedelta(hours=1)
SOURCE = LabelSource("azureml:labels@latest", "flight_id", "late")
TEST = AbPlan("roc_auc", SOURCE, needed_gain=0.0)
QUALITY = QualityPlan("accuracy", SOURCE, worse_by_at_most=0.02)


def collecting(name: str) -> Deployment:
    collections = {part: {"dataCollectionMode": "Enabled"} for part in ("model_inputs", "model_outputs")}
    resource = Resource(f"/deployments/{name}", "onlineEndpoints/deployments", {}, {})
    resource.properties["dataCollector"] = {"collections": collections}
    return Deployment(resource, f"flight-delay:{name[-1]}", Path("log"))


class Flights:
    """An endpoint of its own in the workspace's container, and the labels of what it served."""

    def __init__(self, addresses: Addresses) -> None:
        self.addresses, self.endpoint = addresses, EndpointName(f"flights-{uuid.uuid4().hex[:8]}")
        self.labels: dict[int, int] = {}
        self.version = 0
        self.chance = np.random.default_rng(20261120)
        connection = addresses.storage_connection_string
        settings = settings_for(VIGIA_WORKSPACE_STORAGE=connection, VIGIA_WORKSPACE_CONTAINER=WORKSPACE_CONTAINER)
        catalogue: Any = self
        self.data = WorkspaceData(settings, catalogue)
        self.container = ContainerClient.from_connection_string(connection, WORKSPACE_CONTAINER)

    def pinned_data(self, reference: str) -> str:
        if not self.version:
            raise WorkspaceError("workspace.no_data", f"the workspace has no data asset {reference}")
        return f"azureml:labels:{self.version}"

    def data_uri(self, reference: str) -> str:
        folder = f"labels/{self.endpoint}/{reference.rsplit(':', 1)[1]}/"
        return f"azureml://datastores/workspaceblobstore/paths/{folder}"

    def serve(self, skill: dict[DeploymentName, float], hours: int, requests_per_hour: int = 40) -> None:
        """Have each version answer requests of two rows each; a skill is how far its scores tell late from not."""
        asyncio.run(self._serve(skill, hours, requests_per_hour))

    async def _serve(self, skill: dict[DeploymentName, float], hours: int, requests_per_hour: int) -> None:
        blobs = Blobs(self.addresses)
        await blobs.start()
        collector = Collector(blobs, random.Random(7))
        for deployment, gain in skill.items():
            for number in range(hours * requests_per_hour):
                self._keep(collector, collecting(deployment), gain, NOW + number * HOUR / requests_per_hour)
        await collector.flush()
        await blobs.stop()

    def _keep(self, collector: Collector, deployment: Deployment, gain: float, when: Any) -> None:
        flights = [len(self.labels) + place for place in range(2)]
        late = self.chance.integers(0, 2, 2)
        self.labels |= dict(zip(flights, late.tolist(), strict=True))
        scores = 1 / (1 + np.exp(-(gain * (late - 0.5) + self.chance.normal(size=2))))
        body = {"input_data": {"columns": ["flight_id", "hour"], "data": [[flight, 7] for flight in flights]}}
        answer = json.dumps(scores.tolist()).encode()
        collector.keep(self.endpoint, deployment, uuid.uuid4().hex, when, json.dumps(body).encode(), answer)

    def arrive(self, share: float = 1.0) -> None:
        """Register a version of the labels that holds the first share of them; keys are texts there."""
        self.version += 1
        labelled = list(self.labels.items())[: int(len(self.labels) * share)]
        buffer = io.BytesIO()
        frame = pd.DataFrame({"flight_id": [str(key) for key, _ in labelled], "late": [label for _, label in labelled]})
        frame.sample(frac=1, random_state=1).to_parquet(buffer, index=False)
        self.container.upload_blob(f"labels/{self.endpoint}/{self.version}/part.parquet", buffer.getvalue())

    def release(self, ab: AbPlan | None = None, quality: QualityPlan | None = None) -> Release:
        plan = a_plan(ab=ab, bake=6 * HOUR, decide_within=7 * HOUR, steps=(50, 100))
        plan = replace(plan, judge=replace(plan.judge, quality=quality))
        return replace(
            a_release(plan=plan),
            endpoint=self.endpoint,
            champion=Serving(V1, None),
            state=ReleaseState.CANARY,
            phase="baking",
            traffic_since=NOW,
        )


@pytest.fixture
def flights(azurite: Addresses) -> Iterator[Flights]:
    made = Flights(azurite)
    yield made
    made.container.close()


def test_the_better_of_two_versions_is_found_in_what_the_collector_wrote(flights: Flights) -> None:
    flights.serve({V1: 0.8, V2: 2.0}, hours=8)
    flights.arrive()
    outcome = outcome_of(flights.data, flights.release(ab=TEST), NOW + 6 * HOUR)
    assert outcome
    assert outcome.verdict is Verdict.PASS
    # Six of the eight hours, forty requests an hour, two rows each.
    assert (outcome.numbers["rows"], outcome.numbers["champion_rows"]) == (480, 480)
    assert outcome.numbers["value"] > outcome.numbers["champion_value"] + 0.1


def test_an_asset_that_is_not_there_yet_decides_nothing(flights: Flights) -> None:
    flights.serve({V1: 0.8, V2: 2.0}, hours=2)
    outcome = outcome_of(flights.data, flights.release(ab=TEST), NOW + 6 * HOUR)
    assert outcome
    assert outcome.verdict is Verdict.INCONCLUSIVE
    assert "the workspace has no data asset" in outcome.reason


def test_quality_grows_with_the_labels(flights: Flights) -> None:
    flights.serve({V2: 0.0, V1: 3.0}, hours=6)
    release = flights.release(quality=QUALITY)
    rows = []
    for share in (0.0, 0.54, 1.0):
        flights.arrive(share)
        judgement = judged(FakeTelemetry(), flights.data, release, NOW, timedelta(0), NOW + 6 * HOUR)
        assert judgement
        release = replace(release, judgement=judgement)
        rows.append(
            (judgement.verdict, judgement.numbers.get("quality_rows"), judgement.numbers.get("champion_quality_rows"))
        )
    assert rows == [
        (Verdict.INCONCLUSIVE, None, None),
        (Verdict.INCONCLUSIVE, None, None),
        (Verdict.FAIL, 480, 480),
    ]
