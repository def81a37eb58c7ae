"""The release vertical on a batch endpoint: as `release_world`, with predictions instead of traffic."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas as pd

from shared.domain.ids import DeploymentName, ModelName, ModelVersion
from shared.domain.releases.batch import BatchPlan, BatchResources, BatchTolerances
from shared.ports.batch_endpoints import BatchRequest
from shared.ports.endpoints import DeploymentRecord, EndpointRecord
from tests.fakes.batch_endpoints import FakeBatchEndpoints
from tests.unit.engine.release_world import ENDPOINT, World

PLAN = BatchPlan(
    sample="azureml:churn-sample@latest",
    resources=BatchResources("cpu-cluster"),
    tolerances=BatchTolerances(changed_at_most=0.02),
)
BATCH: dict[str, Any] = {
    "strategy": "batch",
    "steps": (100,),
    "batch": PLAN,
    "decide_within": timedelta(hours=6),
    "watch_for": timedelta(hours=6),
}


class BatchWorld(World):
    """`changed` is how many of a thousand rows a deployment predicts otherwise than v-1 does; deployments that
    `writes_fractions` has write 7.0 for the row 7."""

    def __init__(self, champion: bool = True) -> None:
        super().__init__(champion=False)
        self.azure: FakeBatchEndpoints = self.workspace.batch
        self.azure.now, self.azure.scored = self.clock.now, self._predict
        self.data.latest["azureml:churn-sample@latest"] = "azureml:churn-sample:7"
        self.changed: dict[str, int] = {}
        self.writes_fractions: set[str] = set()
        self.workspace.register("flight-delay", "4")
        if champion:
            serving = DeploymentRecord(DeploymentName("v-1"), ModelName("flight-delay"), ModelVersion("1"), "Succeeded")
            self.azure.endpoints[ENDPOINT] = EndpointRecord(
                ENDPOINT, "Succeeded", {serving.name: 100}, {}, (serving,), ""
            )

    @property
    def default(self) -> str:
        return next(iter(self.traffic), "")

    @property
    def traffic(self) -> dict[str, int]:
        return {str(name): share for name, share in self.azure.endpoints[ENDPOINT].traffic.items()}

    @property
    def deployments(self) -> set[str]:
        return {str(deployment.name) for deployment in self.azure.endpoints[ENDPOINT].deployments}

    @property
    def swaps(self) -> list[str]:
        return [what for call, what in self.azure.calls if call == "set_traffic"]

    def predictions(self, changed: int) -> pd.DataFrame:
        predicted = [1] * changed + [0] * (1000 - changed)
        return pd.DataFrame({"row": range(1000), "prediction": predicted, "file": "a.csv"}).astype(str)

    def _predict(self, request: BatchRequest) -> None:
        predicted = self.predictions(self.changed.get(request.deployment, 0))
        if request.deployment in self.writes_fractions:
            predicted["row"] += ".0"
        self.data.tables[request.output] = predicted

    def _measure(self) -> None:
        """Nobody measures the traffic of a batch endpoint."""
