"""The rows of monitors' looks as parquet: a file per look, in a folder per day, as engines of tables partition them."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator, Sequence
from datetime import UTC, date, timedelta
from typing import TYPE_CHECKING, Any

from shared.drift.results.rows import MonitorRow
from shared.ports.blobs import BlobStore

if TYPE_CHECKING:
    import pyarrow as pa

PREFIX = "monitor-rows/"


class MonitorRows:
    """Written once per look; the same look written again is the same file."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def save(self, look: str, rows: Sequence[MonitorRow]) -> None:
        """Store a look's rows under the look's id, the report's."""
        if rows:
            day = rows[0].looked_at.astimezone(UTC)
            self._blobs.put(f"{PREFIX}date={day:%Y-%m-%d}/{look}.parquet", as_parquet(table_of(rows)))

    def since(self, first: date, last: date) -> Iterator[pa.Table]:
        """Yield the looks of these days, UTC, day by day; reads a file per look."""
        import pyarrow.parquet as pq

        for day in range((last - first).days + 1):
            for item in self._blobs.list(f"{PREFIX}date={first + timedelta(days=day):%Y-%m-%d}/"):
                if blob := self._blobs.get(item.name):
                    yield pq.ParquetFile(io.BytesIO(blob.body)).read()


def table_of(rows: Sequence[MonitorRow]) -> pa.Table:
    """Return the rows as a table, whose types are the same whatever is missing."""
    import pyarrow as pa

    types: dict[Any, pa.DataType] = {"float | None": pa.float64(), "int": pa.int64()}
    types["datetime"] = pa.timestamp("us", tz="UTC")
    declared = [(field.name, types.get(field.type, pa.string())) for field in dataclasses.fields(MonitorRow)]
    return pa.Table.from_pylist([dataclasses.asdict(row) for row in rows], schema=pa.schema(declared))


def as_parquet(table: pa.Table) -> bytes:
    import pyarrow.parquet as pq

    body = io.BytesIO()
    pq.write_table(table, body)
    return body.getvalue()
