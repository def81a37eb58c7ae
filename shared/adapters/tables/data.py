"""Where a monitor's window, and other tables, are read: collected requests and files in the workspace's storage."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.adapters.renewal import Renewable
from shared.adapters.storage.blobs import blob_service
from shared.adapters.tables.batch_predictions import parse_predictions
from shared.adapters.tables.data_batches import (
    CollectedBatches,
    CollectedRecord,
    Once,
    StoredFile,
    TableBatches,
    downloader,
    ranges,
    reachable,
    whole_lines,
)
from shared.adapters.tables.parquet import MOST_BYTES, MOST_CELLS, read_parquet
from shared.adapters.tables.table_files import WORDS, is_table
from shared.domain.assets import DATASTORE, datastore_path, datastore_uri
from shared.domain.ids import DeploymentName, EndpointName
from shared.domain.releases.batch import PredictionLayout
from shared.domain.releases.measurement import Predictions
from shared.errors import PermanentError
from shared.ports.workspace import PROBE_MARK
from shared.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

    from shared.adapters.azure_ml.workspace import AzureWorkspace

# Where Log Analytics counts its bins from, so that predictions and requests fall into the same intervals.
_EPOCH = datetime.min.replace(tzinfo=UTC)


class WorkspaceData:
    """The DataReader port over the container behind datastore `workspaceblobstore`."""

    def __init__(self, settings: Settings, workspace: AzureWorkspace) -> None:
        self._settings = settings
        self._workspace = workspace
        self._containers: Renewable[Any] = Renewable(self._container)

    def _container(self) -> Any:
        service = blob_service(self._settings, self._settings.workspace_storage)
        return service.get_container_client(self._settings.workspace_container)

    def table(self, uri: str, lists: Collection[str] = ()) -> pd.DataFrame:
        import pandas as pd

        names = [file.name for file in self._files_at(uri) if file.name.endswith(".parquet")]
        if not names:
            raise PermanentError(
                "data.missing", f"no parquet file at {uri}", "write one there, or correct the reference"
            )
        frames: list[pd.DataFrame] = []
        for name in names:
            most_cells = MOST_CELLS - sum(frame.size for frame in frames)
            frames.append(read_parquet(self._read(name), name, most_cells, lists))
        return pd.concat(frames, ignore_index=True)

    def document(self, uri: str) -> object:
        path = self._path(uri)
        if all(file.name != path for file in self._files(path)):
            return None
        if path.endswith(".xml"):
            return self._read(path).decode(errors="replace")
        try:
            return json.loads(self._read(path))
        except (ValueError, RecursionError) as exc:
            raise PermanentError(
                "data.unreadable", f"{uri} is no JSON: {exc!s:.200}", "correct what writes it"
            ) from exc

    def batches(self, uri: str) -> TableBatches:
        return TableBatches(self._tables_at(uri), downloader(self._containers.call))

    def files(self, uri: str) -> tuple[tuple[str, int], ...]:
        tables = self._tables_at(uri)
        # As deep as the uppermost: a batch endpoint does not look into the folders of its input.
        depth = min(file.name.count("/") for file in tables)
        return tuple((datastore_uri(file.name), file.size) for file in tables if file.name.count("/") == depth)

    def _tables_at(self, uri: str) -> list[StoredFile]:
        files = [file for file in self._files_at(uri) if is_table(file.name)]
        if not files:
            message = f"no table at {uri}"
            raise PermanentError("data.missing", message, f"write one there ({WORDS}), or correct the reference")
        return files

    def batch_predictions(self, uri: str, layout: PredictionLayout) -> pd.DataFrame:
        path = self._path(uri)
        if all(file.name != path for file in self._files(path)):
            raise PermanentError("data.missing", f"there is no file {uri}", "see which files the job wrote")
        return parse_predictions(self._read(path), path, layout)

    def collected_bytes(
        self, endpoint: EndpointName, deployment: DeploymentName, start: datetime, end: datetime
    ) -> int:
        return self._size(f"{endpoint}/{deployment}/model_inputs", start, end)

    def scored_bytes(self, endpoint: EndpointName, deployment: DeploymentName, start: datetime, end: datetime) -> int:
        folder = f"{endpoint}/{deployment}"
        return sum(self._size(f"{folder}/{part}", start, end) for part in ("model_inputs", "model_outputs"))

    def _size(self, folder: str, start: datetime, end: datetime) -> int:
        return sum(file.size for hour in _hour_folders(folder, start, end) for file in self._files(hour))

    def collected_batches(
        self, endpoint: EndpointName, deployment: DeploymentName, start: datetime, end: datetime
    ) -> CollectedBatches:
        def records() -> Iterator[CollectedRecord]:
            for record in self._records(f"{endpoint}/{deployment}/model_inputs", start, end):
                if not record.request_id.startswith(PROBE_MARK):
                    yield record

        return CollectedBatches(records)

    def collected_predictions(
        self, endpoint: EndpointName, deployment: DeploymentName, start: datetime, end: datetime
    ) -> pd.DataFrame:
        import pandas as pd

        once, answered = Once(), self._answered(f"{endpoint}/{deployment}", start, end)
        return pd.DataFrame([row for request in answered if once.is_new(request) for row in request.rows])

    def scored_batches(
        self, endpoint: EndpointName, deployment: DeploymentName, start: datetime, end: datetime
    ) -> CollectedBatches:
        def records() -> Iterator[CollectedRecord]:
            for begin, until in _whole_hours(start, end):
                yield from self._answered(f"{endpoint}/{deployment}", begin, until)

        return CollectedBatches(records)

    def _answered(self, folder: str, start: datetime, end: datetime) -> Iterator[CollectedRecord]:
        """Yield each request with its answer's columns beside its own, as often as it was written."""
        # An answer may be noted a moment after its request, on the other side of the window's end.
        noted = self._requests(f"{folder}/model_outputs", start, end + timedelta(minutes=1))
        answers = {answer.request_id: answer.rows for answer in noted}
        for request in self._records(f"{folder}/model_inputs", start, end):
            answer_rows = answers.get(request.request_id, [])
            if len(answer_rows) == len(request.rows) and not request.request_id.startswith(PROBE_MARK):
                rows = [{**row, **answer} for row, answer in zip(request.rows, answer_rows, strict=True)]
                yield replace(request, rows=rows)

    def mean_predictions(
        self, endpoint: EndpointName, deployment: DeploymentName, start: datetime, end: datetime, width: timedelta
    ) -> tuple[Predictions, ...]:
        sums: dict[datetime, tuple[int, float, float]] = {}
        for answer in self._requests(f"{endpoint}/{deployment}/model_outputs", start, end):
            interval = answer.at - (answer.at - _EPOCH) % width
            for row in answer.rows:
                value = row.get("prediction")
                if isinstance(value, int | float) and math.isfinite(value):
                    count, mean, squares = sums.get(interval, (0, 0.0, 0.0))
                    # Welford's update keeps the digits that a sum of squares would lose.
                    updated = mean + (value - mean) / (count + 1)
                    sums[interval] = count + 1, updated, squares + (value - mean) * (value - updated)
        return tuple(Predictions(at, count, mean, total / count) for at, (count, mean, total) in sorted(sums.items()))

    def pinned(self, uri: str) -> str:
        return self._workspace.pinned_data(uri) if uri.endswith("@latest") else uri

    def _requests(self, folder: str, start: datetime, end: datetime) -> Iterator[CollectedRecord]:
        """Yield each record once, however often it was written."""
        once = Once()
        yield from (record for record in self._records(folder, start, end) if once.is_new(record))

    def _records(self, folder: str, start: datetime, end: datetime) -> Iterator[CollectedRecord]:
        download = downloader(self._containers.call)
        for hour in _hour_folders(folder, start, end):
            for file in self._files(hour):
                lines = whole_lines(ranges(file, download), file.name, _is_whole)
                for number, line in enumerate(lines, start=1):
                    record = _record(line, f"{file.name}, line {number}", start, end) if line.strip() else None
                    if record is not None:
                        yield record

    def _path(self, uri: str) -> str:
        # A job shows the data asset that it read as azureml://locations/…/data/NAME/versions/VERSION.
        if not uri.startswith("azureml://") or (datastore_path(uri) is None and "/versions/" in uri):
            uri = self._workspace.data_uri(uri)
        path = datastore_path(uri)
        if not path:
            raise PermanentError(
                "data.elsewhere", f"{uri} is not in the workspace's own datastore", f"use {DATASTORE}…"
            )
        return path

    def _files_at(self, uri: str) -> list[StoredFile]:
        """Return the file of that name, or all files in that folder."""
        path = self._path(uri).rstrip("/")
        # Storage lists by prefix: data/1 is a prefix of data/10, too.
        return [file for file in self._files(path) if file.name == path or file.name.startswith(path + "/")]

    def _files(self, prefix: str) -> list[StoredFile]:
        with reachable(f"list {prefix!r}"):
            blobs = self._containers.call(prefix, lambda container: list(container.list_blobs(name_starts_with=prefix)))
        return [
            StoredFile(blob.name, blob.size, str(blob.etag), bytes(blob.content_settings.content_md5 or b""))
            for blob in blobs
        ]

    def _read(self, name: str) -> bytes:
        with reachable(f"return {name!r}"):
            download = self._containers.call(name, lambda container: container.download_blob(name))
            if download.size > MOST_BYTES:
                message = f"{name} has {download.size:,} bytes; at most {MOST_BYTES:,} are read"
                raise PermanentError("data.too_large", message, "write smaller files")
            content: bytes = download.readall()
        return content


def _hours(start: datetime, end: datetime) -> Iterator[datetime]:
    hour = start.replace(minute=0, second=0, microsecond=0)
    while hour <= end:
        yield hour
        hour += timedelta(hours=1)


def _hour_folders(folder: str, start: datetime, end: datetime) -> Iterator[str]:
    """Yield the folder of each hour that the window touches."""
    # Source: learn.microsoft.com "Collect production data from models deployed for real-time inferencing".
    return (f"modelDataCollector/{folder}/{hour:%Y/%m/%d/%H}/" for hour in _hours(start, end))


def _whole_hours(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield [start, end) hour by hour, as the collector's folders cut it."""
    for hour in _hours(start, end):
        begin, until = max(hour, start), min(hour + timedelta(hours=1), end)
        if begin < until:
            yield begin, until


def _is_whole(line: bytes) -> bool:
    """Return whether the line is all of a record: no beginning of a JSON object is one itself."""
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _record(line: bytes, place: str, start: datetime, end: datetime) -> CollectedRecord | None:
    """Return one record; None when it was made outside [start, end).

    Raises:
        PermanentError: it is not a collected request.
    """
    try:
        record = json.loads(line)
        if b"\\ud" in line.lower():
            record = _encodable(record)
        at = datetime.fromisoformat(record["time"])
        if not start <= at < end:
            return None
        rows = [dict(row) for row in record["data"]]
        return CollectedRecord(str(record.get("id", "")), str(record.get("correlationid", "")), at, rows)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise PermanentError("data.unreadable", f"{place} is not a collected request: {exc!r:.200}") from exc


def _encodable(value: Any) -> Any:
    """Return the value without halves of characters, which JSON can hold and no table can."""
    match value:
        case str():
            return value.encode("utf-8", "replace").decode()
        case list():
            return [_encodable(element) for element in value]
        case dict():
            return {_encodable(key): _encodable(element) for key, element in value.items()}
    return value
