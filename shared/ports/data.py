"""Rows of data in the workspace's storage."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from shared.domain.ids import DeploymentName, EndpointName
from shared.domain.releases.batch import PredictionLayout
from shared.domain.releases.measurement import Predictions

if TYPE_CHECKING:
    import pandas as pd


class Batches(Protocol):
    """Rows in pieces, in bounded memory. Going through them again reads them again, from the first.

    `findings` says what reading them found odd, one sentence each; it is complete after the last piece.
    """

    @property
    def findings(self) -> tuple[str, ...]: ...

    def __iter__(self) -> Iterator[Any]:
        """Yield pandas DataFrames or pyarrow RecordBatches; raises as `DataReader.table`."""
        ...


class DataReader(Protocol):
    def table(self, uri: str, lists: Collection[str] = ()) -> pd.DataFrame:
        """Return the rows of a parquet file, or of all parquet files in a folder, without columns of lists other than
        `lists`.

        `uri` is "azureml:NAME:VERSION", "azureml:NAME@latest", an ARM id or an azureml://datastores/… URI.
        Raises PermanentError for a missing or unreadable file, RetryableError when the storage does not answer.
        """
        ...

    def document(self, uri: str) -> object:
        """Return what a JSON file holds, or an XML file's text; None when there is no such file. Raises as `table`."""
        ...

    def batch_predictions(self, uri: str, layout: PredictionLayout) -> pd.DataFrame:
        """Return the lines of a batch job's file of predictions as texts, one column per name of the layout.

        Raises as `table`.
        """
        ...

    def batches(self, uri: str) -> Batches:
        """Return the rows of a parquet or CSV file, or of all those in a folder, without columns of lists; files of
        equal content count once, as far as storage knows their MD5. `uri` and errors as `table`."""
        ...

    def files(self, uri: str) -> tuple[tuple[str, int], ...]:
        """Return each file of a table at that place, not of the folders in it, by its URI, with its bytes. `uri` and
        errors as `table`."""
        ...

    def collected_batches(
        self, endpoint: EndpointName, deployment: DeploymentName, start: datetime, end: datetime
    ) -> Batches:
        """Return what the data collector wrote about requests in [start, end), one row per scored row; what was written
        twice counts once."""
        ...

    def collected_bytes(
        self, endpoint: EndpointName, deployment: DeploymentName, start: datetime, end: datetime
    ) -> int:
        """Return how many bytes are read to see the requests of [start, end): those of its hours, which are read
        whole."""
        ...

    def scored_bytes(self, endpoint: EndpointName, deployment: DeploymentName, start: datetime, end: datetime) -> int:
        """Return how many bytes are read to see the requests of [start, end) with their answers."""
        ...

    def collected_predictions(
        self, endpoint: EndpointName, deployment: DeploymentName, start: datetime, end: datetime
    ) -> pd.DataFrame:
        """Return the same rows with the model's answer as column `prediction`; unanswered requests are left out."""
        ...

    def scored_batches(
        self, endpoint: EndpointName, deployment: DeploymentName, start: datetime, end: datetime
    ) -> Batches:
        """Return the rows that `collected_predictions` returns; in memory are the answers of an hour at most."""
        ...

    def mean_predictions(
        self, endpoint: EndpointName, deployment: DeploymentName, start: datetime, end: datetime, width: timedelta
    ) -> tuple[Predictions, ...]:
        """Return what was predicted per `width` in [start, end), oldest first; answers that are no numbers, and
        intervals without any, are left out."""
        ...

    def pinned(self, uri: str) -> str:
        """Return the reference with its version: "azureml:NAME@latest" as "azureml:NAME:VERSION"."""
        ...
