"""The rows of monitors' looks, as one table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cli.kit.errors import CommandError

if TYPE_CHECKING:
    import pyarrow as pa

    from shared.bootstrap import App


def read_rows(app: App, since: str) -> pa.Table:
    """Return all rows of the days of the last `since`, oldest first.

    Raises:
        CommandError: that is no duration.
    """
    import pyarrow as pa

    from shared.policy.sections.quantities import parse_duration
    from shared.store.monitors.rows import table_of

    now = app.clock.now()
    try:
        first = now - parse_duration(since)
    except (ValueError, OverflowError) as exc:
        raise CommandError("cli.window", f"--since {since!r} is not a duration", "write e.g. 7d or 24h") from exc
    # An older file has fewer columns: null stands in the others.
    tables = [table_of(()), *app.monitor_rows.since(first.date(), now.date())]
    return pa.concat_tables(tables, promote_options="default")


def written(table: pa.Table, kind: str) -> bytes:
    from shared.store.monitors.rows import as_parquet

    if kind == "parquet":
        return as_parquet(table)
    if kind == "csv":
        import pyarrow as pa
        import pyarrow.csv as csv

        body = pa.BufferOutputStream()
        csv.write_csv(table, body)
        content: bytes = body.getvalue().to_pybytes()
        return content
    return json.dumps(table.to_pylist(), default=lambda moment: moment.isoformat(), ensure_ascii=False).encode() + b"\n"
