"""Hostile parquet files, made when they are needed: small on disk, and large, or broken, once they are read."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def written(table: pa.Table, **options: Any) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, **options)
    return buffer.getvalue()


def good() -> bytes:
    return written(pa.table({"age": [41, 42, None], "carrier": ["AA", None, "UA"]}))


def _equal_numbers() -> bytes:
    # 168 KB that decode to 320 MB.
    return written(pa.table({"x": np.zeros(40_000_000)}))


def _one_long_text() -> bytes:
    # One text of 1 MB that stands in 2,000 rows: 2 GB.
    indices = pa.array(np.zeros(2_000, dtype="int32"))
    return written(pa.table({"x": pa.DictionaryArray.from_arrays(indices, pa.array(["x" * 1_000_000]))}))


def _one_long_text_among_few_values() -> bytes:
    return written(pa.table({"x": ["x" * 100_000] * 5_000}), use_dictionary=True)


def _compressed_texts() -> bytes:
    texts = pa.array([str(number) + "x" * 300_000 for number in range(1_000)])
    return written(pa.table({"x": texts}), use_dictionary=False, compression="zstd")


def _long_list() -> bytes:
    # One row, thirty million values.
    values = pa.array(np.zeros(30_000_000, dtype="int8"))
    return written(pa.table({"x": pa.ListArray.from_arrays(pa.array([0, 30_000_000], pa.int32()), values)}))


def _many_columns() -> bytes:
    return written(pa.table({f"c{number}": [1] for number in range(6_000)}))


def _changed(old: bytes, new: bytes) -> bytes:
    content = good()
    assert old in content
    return content.replace(old, new)


def _footer(length: int) -> bytes:
    return good()[:-8] + length.to_bytes(4, "little", signed=length < 0) + b"PAR1"


def with_hostile_notes_for_pandas() -> bytes:
    table = pa.table({"x": [1]})
    return written(table.replace_schema_metadata({"pandas": '{"index_columns": [{"kind": "range", "start": {}}]}'}))


# Found by fuzzing: asked what a row group says of a column, pyarrow ends the process instead of raising.
_LEVELS_THAT_DO_NOT_FIT = (
    "UEFSMRUEFSAVJEwVBBUAEgAAEDwpAAAAAAAAACoAAAAAAAAAFQAVEhUWLBUGFRAVBhUGHBgIKgAAAAAAAAAYCCkAAAAAAAAAFgIoCCoAAAAAAA"
    "AAGAgpAAAAAAAAABERAAAACSACAAAAAwMBAwIVBBUYFRxMFQQVABIAAAwsAgAAAEFBAgAAAFVBFQAVEhUWLBUGFRAVBhUGHDYCKAJVQRgCQUER"
    "EQAAAAkgAgAAAAMFAQMCFQQZPDUAGAZzY2hlbWEVBAAVBCUCGANhZ2UAFQwlJhgHY2FycmllciUATBwAAAAWBhkcGSwmABwVBBk1AAYQGRgDYW"
    "dlFQIWBhbMARbUASZIJggcGAgqAAAAAAAAABgIKQAAAAAAAAAWAigIKgAAAAAAAAAYCCkAAAAAAAAAEREAGSwVBBUAFQIAFQAVEBUCADwpBhkm"
    "AgQAAAAmABwVDBk1AAYQGRgHY2FycmllchUCFgYWhAEWjAEmlAIm3AEcNgIoAlVBGAJBQRERABksFQQVABUCABUAFRAVAgA8FggZBhkmAgQAAA"
    "AW0AIWBiYIFuACABkcGAxBUlJPVzpzY2hlbWEY7AEvLy8vLzZnQUFBQVFBQUFBQUFBS0FBd0FCZ0FGQUFnQUNnQUFBQUFCQkFBTUFBQUFDQUFJ"
    "QUFBQUJBQUlBQUFBQkFBQUFBSUFBQUJFQUFBQUJBQUFBTlQvLy84QUFBRUZFQUFBQUJ3QUFBQUVBQUFBQUFBQUFBY0FBQUJqWVhKeWFXVnlBQV"
    "FBQkFBRUFBQUFFQUFVQUFnQUJnQUhBQXdBQUFBUUFCQUFBQUFBQUFFQ0VBQUFBQndBQUFBRUFBQUFBQUFBQUFNQUFBQmhaMlVBQ0FBTUFBZ0FC"
    "d0FJQUFBQUFBQUFBVUFBQUFBPQAYIHBhcnF1ZXQtY3BwLWFycm93IHZlcnNpb24gMjYuMC4xGSwcAAAcAAAAHwIAAFBBUjE="
)

HOSTILE: Mapping[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "not a readable parquet file"),
    "word": (lambda: b"hello", "not a readable parquet file"),
    "marks-alone": (lambda: b"PAR1PAR1", "not a readable parquet file"),
    "csv": (lambda: b"age,carrier\n41,AA\n", "not a readable parquet file"),
    "pickle": (lambda: b"\x80\x04\x95\x1c\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix", "not a readable parquet file"),
    "encrypted": (lambda: good()[:-4] + b"PARE", "not a readable parquet file"),
    "cut-in-half": (lambda: good()[: len(good()) // 2], "not a readable parquet file"),
    "without-its-end": (lambda: good()[:-1], "not a readable parquet file"),
    "without-its-beginning": (lambda: good()[100:], "not a readable parquet file"),
    "footer-of-no-length": (lambda: _footer(0), "not a readable parquet file"),
    "footer-longer-than-the-file": (lambda: _footer(2**31 - 1), "not a readable parquet file"),
    "footer-of-negative-length": (lambda: _footer(-1), "not a readable parquet file"),
    "footer-of-zeros": (lambda: good()[:-200] + bytes(192) + good()[-8:], "not a readable parquet file"),
    "pages-of-zeros": (lambda: b"PAR1" + bytes(60) + good()[64:], "not a readable parquet file"),
    "pages-of-ones": (lambda: b"PAR1" + b"\xff" * 60 + good()[64:], "not a readable parquet file"),
    "equal-numbers": (_equal_numbers, "40,000,000 values"),
    "one-long-text": (_one_long_text, "bytes"),
    "one-long-text-among-few-values": (_one_long_text_among_few_values, "bytes"),
    "compressed-texts": (_compressed_texts, "bytes"),
    "long-list": (_long_list, "no column of plain values"),
    "levels-that-do-not-fit": (lambda: base64.b64decode(_LEVELS_THAT_DO_NOT_FIT), "not a readable parquet file"),
    "many-columns": (_many_columns, "6,000 columns"),
}
