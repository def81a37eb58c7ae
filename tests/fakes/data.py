"""Tables in memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import datetime, timedelta

import pandas as pd

from shared.domain.ids import DeploymentName, EndpointName
from shared.domain.releases.batch import PredictionLayout
from shared.domain.releases.measurement import Predictions
from shared.errors import PermanentError


class FakeBatches(list[pd.DataFrame]):
    """A `Batches` over frames."""

    findings: tuple[str, ...] = ()


class FakeCollected:
    """A `Batches` that reads when it is gone through, as the real one does."""

    findings: tuple[str, ...] = ()

    def __init__(self, read: Callable[[], pd.DataFrame]) -> None:
        self._read = read

    def __iter__(self) -> Iterator[pd.DataFrame]:
        frame = self._read()
        if len(frame):
            yield frame


class FakeData:
    """A `DataReader` over the tables it was given by URI."""

    def __init__(self) -> None:
        self.tables: dict[str, pd.DataFrame] = {}
        self.documents: dict[str, object] = {}
        self.inputs: dict[tuple[str, str], pd.DataFrame] = {}
        self.predictions: dict[tuple[str, str], pd.DataFrame] = {}
        self.means: dict[tuple[str, str], list[Predictions]] = {}
        self.latest: dict[str, str] = {}
        self.errors: list[Exception] = []
        self.size = self.scored_size = 0

    def table(self, uri: str, lists: Collection[str] = ()) -> pd.DataFrame:
        if self.errors:
            raise self.errors.pop(0)
        if uri not in self.tables:
            raise PermanentError("data.missing", f"there is nothing at {uri}")
        return self.tables[uri]

    def document(self, uri: str) -> object:
        return self.documents.get(uri)

    def batch_predictions(self, uri: str, layout: PredictionLayout) -> pd.DataFrame:
        return self.table(uri)

    def batches(self, uri: str) -> FakeBatches:
        return FakeBatches([self.table(uri)])

    def files(self, uri: str) -> tuple[tuple[str, int], ...]:
        """Return the tables whose URIs lie below that folder, or the one of that name."""
        names = [name for name in self.tables if name == uri or name.startswith(f"{uri.rstrip('/')}/")]
        if not names:
            raise PermanentError("data.missing", f"no table at {uri}")
        return tuple((name, self.size) for name in names)

    def collected_batches(
        self, endpoint: EndpointName, deployment: DeploymentName, start: datetime, end: datetime
    ) -> FakeCollected:
        return FakeCollected(lambda: self.collected_inputs(endpoint, deployment, start, end))

    def collected_bytes(
        self, endpoint: EndpointName, deployment: DeploymentName, start: datetime, end: datetime
    ) -> int:
        return self.size

    def scored_bytes(self, endpoint: EndpointName, deployment: DeploymentName, start: datetime, end: datetime) -> int:
        return self.scored_size

    def collected_inputs(
        self, endpoint: EndpointName, deployment: DeploymentName, start: datetime, end: datetime
    ) -> pd.DataFrame:
        return self.inputs.get((endpoint, deployment), pd.DataFrame())

    def collected_predictions(
        self, endpoint: EndpointName, deployment: DeploymentName, start: datetime, end: datetime
    ) -> pd.DataFrame:
        return self.predictions.get((endpoint, deployment), pd.DataFrame())

    def scored_batches(
        self, endpoint: EndpointName, deployment: DeploymentName, start: datetime, end: datetime
    ) -> FakeCollected:
        return FakeCollected(lambda: self.collected_predictions(endpoint, deployment, start, end))

    def mean_predictions(
        self,
        endpoint: EndpointName,
        deployment: DeploymentName,
        start: datetime,
        end: datetime,
        width: timedelta,
    ) -> tuple[Predictions, ...]:
        return tuple(
            interval for interval in self.means.get((endpoint, deployment), []) if start <= interval.start < end
        )

    def pinned(self, uri: str) -> str:
        return self.latest.get(uri, uri)
