"""Parquet files and collected requests in the workspace's storage."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from shared.adapters.storage import blob_service
from shared.domain.ids import DeploymentName, EndpointName
from shared.errors import PermanentError, RetryableError
from shared.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

    from shared.adapters.workspace import AzureWorkspace

DATASTORE = "azureml://datastores/workspaceblobstore/paths/"


class WorkspaceData:
    """The DataReader port over the container behind datastore `workspaceblobstore`."""

    def __init__(self, settings: Settings, workspace: AzureWorkspace) -> None:
        self._settings = settings
        self._workspace = workspace

    @cached_property
    def _container(self) -> Any:
        service = blob_service(self._settings, self._settings.workspace_storage)
        return service.get_container_client(self._settings.workspace_container)

    def table(self, uri: str) -> pd.DataFrame:
        import pandas as pd

        path = self._path(uri).rstrip("/")
        # Storage lists by prefix: data/1 is also how data/10 begins.
        names = [n for n in self._names(path) if n.endswith(".parquet") and (n == path or n.startswith(path + "/"))]
        if not names:
            raise PermanentError("data.missing", f"no parquet file at {uri}", "write one there, or mend the reference")
        return pd.concat([_parquet(self._read(name), name) for name in names], ignore_index=True)

    def collected_inputs(
        self, endpoint: EndpointName, deployment: DeploymentName, start: datetime, end: datetime
    ) -> pd.DataFrame:
        import pandas as pd

        rows: list[dict[str, Any]] = []
        for hour in _hours(start, end):
            # Source: learn.microsoft.com "Collect production data from models deployed for real-time inferencing".
            prefix = f"modelDataCollector/{endpoint}/{deployment}/model_inputs/{hour:%Y/%m/%d/%H}/"
            for name in self._names(prefix):
                rows.extend(_rows(self._read(name), name, start, end))
        return pd.DataFrame(rows)

    def _path(self, uri: str) -> str:
        if not uri.startswith("azureml://"):
            uri = self._workspace.data_uri(uri)
        store, _, path = uri.partition("/paths/")
        if not path or not store.endswith("/datastores/workspaceblobstore"):
            raise PermanentError(
                "data.elsewhere", f"{uri} is not in the workspace's own datastore", f"use {DATASTORE}…"
            )
        return path

    def _names(self, prefix: str) -> list[str]:
        from azure.core.exceptions import AzureError

        try:
            return list(self._container.list_blob_names(name_starts_with=prefix))
        except AzureError as exc:
            raise RetryableError("data.unreachable", f"the workspace's storage did not list {prefix!r}") from exc

    def _read(self, name: str) -> bytes:
        from azure.core.exceptions import AzureError

        try:
            content: bytes = self._container.download_blob(name).readall()
        except AzureError as exc:
            raise RetryableError("data.unreachable", f"the workspace's storage did not give {name!r}") from exc
        return content


def _parquet(content: bytes, name: str) -> pd.DataFrame:
    import pandas as pd
    import pyarrow as pa

    try:
        return pd.read_parquet(io.BytesIO(content))
    except (pa.lib.ArrowException, OSError, ValueError) as exc:
        raise PermanentError("data.unreadable", f"{name} is not a readable parquet file: {exc}") from exc


def _hours(start: datetime, end: datetime) -> Iterator[datetime]:
    hour = start.replace(minute=0, second=0, microsecond=0)
    while hour <= end:
        yield hour
        hour += timedelta(hours=1)


def _rows(content: bytes, name: str, start: datetime, end: datetime) -> Iterator[dict[str, Any]]:
    lines = content.splitlines()
    if lines and not content.endswith(b"\n") and not _is_whole(lines[-1]):
        # The file is being appended to while we read it.
        lines.pop()
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield from _record(line, f"{name}, line {number}", start, end)


def _is_whole(line: bytes) -> bool:
    """Return whether the line is all of a record: no beginning of a JSON object is one itself."""
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _record(line: bytes, place: str, start: datetime, end: datetime) -> list[dict[str, Any]]:
    """Return the rows of one request, none when it was made outside [start, end)."""
    try:
        record = json.loads(line)
        is_inside = start <= datetime.fromisoformat(record["time"]) < end
        rows: list[dict[str, Any]] = [dict(row) for row in record["data"]] if is_inside else []
    except (ValueError, KeyError, TypeError) as exc:
        raise PermanentError("data.unreadable", f"{place} is not a collected request: {exc!r:.200}") from exc
    return rows
