"""Every number of a look as a row: in a file of the day, in the log, and with the fields that the page lists."""

from __future__ import annotations

import dataclasses
import io
import json
import logging
import re
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cli.monitor.rows import read_rows, written
from shared.drift.results.rows import MonitorRow
from tests.fakes.app import MemoryApp
from tests.unit.engine.fact_world import SETTINGS
from tests.unit.engine.monitors.test_run_due import World

PAGE = Path(__file__).parents[4] / "docs/reference/monitor-rows.md"
FIELDS = [field.name for field in dataclasses.fields(MonitorRow)]


def looked(*shifts: float) -> World:
    world = World()
    for shift in shifts:
        world.traffic(1000, shift)
        world.look()
    return world


def test_a_look_leaves_a_row_per_signal_and_column_in_the_folder_of_its_day() -> None:
    world = looked(15)
    (item,) = world.blobs.list("monitor-rows/")
    day = f"{world.clock.now():%Y-%m-%d}"
    assert re.fullmatch(rf"monitor-rows/date={day}/churn-[0-9TZ]+\.parquet", item.name)
    blob = world.blobs.get(item.name)
    assert blob is not None
    table = pq.ParquetFile(io.BytesIO(blob.body)).read()
    assert table.column_names == FIELDS
    signal, column = table.to_pylist()
    assert (signal["signal"], signal["column"], signal["verdict"]) == ("data-drift", "", "drift")
    assert (column["column"], column["measure"], column["rows"], column["version"]) == ("age", "KS", 1000, "1")
    assert column["value"] > column["threshold"] >= 0.05
    assert column["window_end"] - column["window_start"] == timedelta(hours=1)
    assert world.blobs.get(column["report"]) is not None


def test_each_signal_and_drifted_column_is_a_log_line_with_all_fields(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "vigia.monitors"):
        looked(0, 15)
    rows = [record.vigia for record in caplog.records if record.msg == "monitor.row"]  # type: ignore[attr-defined]
    assert [(row["column"], row["verdict"]) for row in rows] == [("", "no-drift"), ("", "drift"), ("age", "drift")]
    assert all(set(row) == set(FIELDS) for row in rows)
    assert json.loads(json.dumps(rows)) == rows


def test_the_command_gives_all_rows_of_the_last_days() -> None:
    world = looked(0, 15)
    app = MemoryApp(SETTINGS, world.clock, world.policies, blobs=world.blobs)
    table = read_rows(app, "1d")
    assert table.num_rows == 4
    assert written(table, "csv").decode().splitlines()[0].replace('"', "").split(",") == FIELDS
    assert [row["verdict"] for row in json.loads(written(table, "json"))] == ["no-drift", "no-drift", "drift", "drift"]
    assert pq.ParquetFile(io.BytesIO(written(table, "parquet"))).read().equals(table)
    world.clock.advance(timedelta(days=3))
    assert read_rows(app, "1d").num_rows == 0


def test_the_page_lists_the_fields_in_their_order() -> None:
    table = PAGE.read_text(encoding="utf-8").split("## Where they are")[0]
    cells = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    assert [name for cell in cells for name in re.findall(r"`(\w+)`", cell)] == FIELDS
