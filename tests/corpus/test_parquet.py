"""Parquet files in a process of their own, whose memory is measured: what fills it is not Python's."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from shared.adapters.tables.parquet import read_parquet, stream_parquet
from shared.errors import PermanentError
from tests.corpus.parquet_files import HOSTILE, good, with_hostile_notes_for_pandas, written
from tests.fuzz.parsers import PARSERS

ROOT = Path(__file__).parents[2]
MOST_MEGABYTES = 100
# What is refused when it is read whole may be streamed; the memory it takes has the same limit.
STREAMED = {"equal-numbers", "one-long-text", "one-long-text-among-few-values"}
PROGRAM = """
import io, sys, time
from tests.corpus.parquet_files import good
from shared.adapters.tables.parquet import read_parquet, stream_parquet
from shared.errors import PermanentError

def read_whole(content, name):
    read_parquet(content, name)

def stream(content, name):
    for batch in stream_parquet(io.BytesIO(content), name):
        pass

read = {"whole": read_whole, "streamed": stream}[sys.argv[1]]

def megabytes(of):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(of)) / 1024

read(good(), "good.parquet")
for path in sys.argv[2:]:
    with open(path, "rb") as file:
        content = file.read()
    with open("/proc/self/clear_refs", "w") as peak:
        peak.write("5")
    before, began = megabytes("VmRSS"), time.perf_counter()
    try:
        read(content, "x.parquet")
        told = "accepted"
    except PermanentError as exc:
        told = str(exc)
    print(f"{megabytes('VmHWM') - before:.0f}|{time.perf_counter() - began:.2f}|{told}")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process's memory is read from /proc")
@pytest.mark.parametrize("way", ["whole", "streamed"])
def test_no_file_fills_the_memory(tmp_path: Path, way: str) -> None:
    for name, (make, _) in HOSTILE.items():
        (tmp_path / name).write_bytes(make())
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, way, *(str(tmp_path / name) for name in HOSTILE)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for (name, (_, says)), line in zip(HOSTILE.items(), done.stdout.splitlines(), strict=True):
        peak, seconds, result = line.split("|", 2)
        if way == "whole" or result != "accepted":
            assert says in result, (name, result)
        else:
            assert name in STREAMED
        assert float(peak) < MOST_MEGABYTES, name
        assert float(seconds) < 2, name


def test_a_good_file_is_read() -> None:
    assert PARSERS["parquet"](good()).outcome == "accepted"


def test_columns_of_lists_are_left_out() -> None:
    table = pa.table(
        {"age": [41, 42], "path": [[1, 2], [3]], "who": [{"name": "a", "tags": ["x"]}] * 2, "carrier": ["AA", "UA"]}
    )
    frame = read_parquet(written(table), "a.parquet")
    assert {"age", "carrier"} <= set(frame.columns)
    assert "path" not in frame.columns
    assert list(frame["carrier"]) == ["AA", "UA"]


def test_what_a_file_tells_pandas_to_do_is_not_done() -> None:
    assert PARSERS["parquet"](with_hostile_notes_for_pandas()).outcome == "accepted"


def test_what_is_refused_says_what_to_do() -> None:
    with pytest.raises(PermanentError, match=r"at most 5 are read at once .*smaller sample") as caught:
        read_parquet(good(), "a.parquet", most_cells=5)
    assert caught.value.code == "data.too_large"


def test_what_is_streamed_is_what_is_read_whole() -> None:
    table = pa.table({"x": range(70_000), "carrier": ["AA", None, "UA", "AA", "B6"] * 14_000})
    content = written(table, row_group_size=30_000)
    batches = list(stream_parquet(io.BytesIO(content), "a.parquet"))
    assert len(batches) > 2
    streamed = pd.concat([batch.to_pandas() for batch in batches], ignore_index=True)
    streamed["carrier"] = streamed["carrier"].astype("str")
    pd.testing.assert_frame_equal(streamed, read_parquet(content, "a.parquet"))


def test_what_cannot_be_streamed_says_why() -> None:
    with pytest.raises(PermanentError, match=r"at most 5 are read at once .*smaller sample"):
        list(stream_parquet(io.BytesIO(good()), "a.parquet", most_cells=5))
    with pytest.raises(PermanentError, match=r"b.parquet is not a readable parquet file"):
        list(stream_parquet(io.BytesIO(good()[:-3]), "b.parquet"))


def test_columns_of_lists_are_read_where_they_are_named() -> None:
    lists = pa.array([["red"], [], ["red", "round"]])
    table = pa.table({"label": lists, "other": lists, "records": pa.array([[{"a": 1}]] * 3), "row": [1, 2, 3]})
    frame = read_parquet(written(table), "a.parquet", lists=("label", "records"))
    assert (list(frame.columns), [list(row) for row in frame["label"]]) == (
        ["label", "row"],
        [["red"], [], ["red", "round"]],
    )
