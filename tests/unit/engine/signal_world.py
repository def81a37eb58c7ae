"""A monitored model whose requests are answered and labelled, with every signal that can be asked for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import numpy as np
import pandas as pd

from shared.domain.fact import DriftDetected
from shared.domain.ids import DeploymentName, EndpointName
from shared.store.monitors.monitors import MonitorRun
from tests.unit.engine.fact_world import POLICY, a_policy
from tests.unit.engine.monitors.test_run_due import TRAINED_ON, TimedData, World
from tests.unit.events.wire import cloud, fact_from

SCORED = "azureml:churn-scored:1"
LABELS = "azureml:customers-labelled@latest"
PERFORMANCE = f"performance: {{metric: roc_auc, at_least: 0.6, key: id, labels_within: 1d, labels: '{LABELS}'}}"
LABELLED = f"labelled: {{data: '{SCORED}'}}"


def a_monitor(*parts: str) -> str:
    return f"{POLICY}monitor: {{every: 1h, {', '.join(parts)}}}\n"


class ScoredData(TimedData):
    """Requests that were answered, too."""

    def collected_predictions(
        self, endpoint: EndpointName, deployment: DeploymentName, start: datetime, end: datetime
    ) -> pd.DataFrame:
        frames = [frame for name, at, frame in self.answered if name == deployment and start <= at < end]
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()

    def __init__(self) -> None:
        super().__init__()
        self.answered: list[tuple[str, datetime, pd.DataFrame]] = []


class SignalWorld(World):
    def __init__(self, *parts: str) -> None:
        super().__init__(a_policy(a_monitor(*parts)))
        self.data: ScoredData = ScoredData()
        self.data.tables[TRAINED_ON] = self.customers(5000)
        self.served = 0
        self.labels = pd.DataFrame({"id": [], "label": []})

    def people(self, rows: int, shift: float = 0.0, turned: float = 0.0) -> pd.DataFrame:
        """Return served rows with scores that mean what they say, but for a share whose labels are turned round."""
        frame = self.customers(rows, shift)
        score = 1 / (1 + np.exp(-(frame["age"] - 40) / 5))
        truth = self.random.random(rows) < score
        truth = np.where(self.random.random(rows) < turned, ~truth, truth)
        ids = range(self.served, self.served + rows)
        self.served += rows
        return frame.assign(id=ids, prediction=score, label=truth.astype(int))

    def serve_people(self, rows: int, shift: float = 0.0, turned: float = 0.0, *, is_labelled: bool = True) -> None:
        people = self.people(rows, shift, turned)
        now = self.clock.now()
        vectors = self.random.normal(shift / 15, 1, (rows, 4))
        inputs = people[["age", "id"]].assign(vector=list(vectors.tolist()))
        self.data.requests.append(("v-1", now, inputs))
        self.data.answered.append(("v-1", now, people[["age", "id", "prediction"]]))
        if is_labelled:
            self.labels = pd.concat([self.labels, people[["id", "label"]]])

    def look_with_attributions(self, rows: int = 500, **sizes: float) -> None:
        """Look after answers that say what each feature counted for."""
        people = self.people(rows)
        counted = {f"attribution_{name}": self.random.normal(0, size, rows) for name, size in sizes.items()}
        self.data.requests.append(("v-1", self.clock.now(), people[["age", "id"]]))
        self.data.answered.append(
            ("v-1", self.clock.now(), people[["age", "id", "prediction"]].assign(attribution_city=0.01, **counted))
        )
        self.look()

    def labels_arrive(self, version: int) -> None:
        self.data.latest[LABELS] = f"azureml:customers-labelled:{version}"
        self.data.tables[self.data.latest[LABELS]] = self.labels

    def add_scored(self, rows: int = 4000, version: str = "1") -> None:
        self.data.tables[SCORED] = self.people(rows).assign(model_version=version)

    @property
    def newest(self) -> Mapping[str, MonitorRun]:
        return {run.signal: run for run in self.runs}

    @property
    def verdict_by_signal(self) -> dict[str, str]:
        return {name: run.verdict for name, run in self.newest.items()}

    @property
    def announced(self) -> list[str]:
        bodies = [fact_from(cloud(event)).body for event in self.topic.events]
        return [body.signal for body in bodies if isinstance(body, DriftDetected)]

    @property
    def troubles(self) -> list[str]:
        return [notice.parameters["reason"] for notice in self.outbox.notices.values()]


ALL = (
    "data_drift: {ignore: [id]}",
    "data_quality: {ignore: [id]}",
    "prediction_drift: {}",
    "estimated_performance: {}",
    "embedding_drift: {column: vector}",
    "concept_drift: {}",
    PERFORMANCE,
    LABELLED,
)
