"""Rows of the workspace's storage in batches: files of tables read by ranges, and collected requests line by
line, so that memory does not grow with the rows."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.adapters.tables.table_files import stream_table
from shared.errors import PermanentError, RetryableError

if TYPE_CHECKING:
    import pandas as pd

RANGE_BYTES = 4 * 1024 * 1024
# What is as long as this is read by itself: pieces of long columns are far from each other.
LONG_READ_BYTES = 256 * 1024
# More than a batch of rows takes, whose columns are read one after the other.
BLOCK_BYTES, MOST_BLOCKS = 1024 * 1024, 20
MOST_LINE_BYTES = 32 * 1024 * 1024
# Rows that a batch of collected requests has at least, but for the last.
COLLECTED_ROWS = 16_384


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A blob as it was listed. `md5` is empty where the writer gave none."""

    name: str
    size: int
    etag: str
    md5: bytes = b""


Download = Callable[[StoredFile, int, int], bytes]


class BlobFile(io.RawIOBase):
    """A blob as a seekable file. A long read downloads its range; short ones share blocks, of which the last are kept.

    Python's own buffer would not do: of a batch of rows pyarrow reads one column after the other, each through all row
    groups, so that a file of small row groups was downloaded once for each column.
    """

    def __init__(self, file: StoredFile, download: Download) -> None:
        self._file = file
        self._download = download
        self._at = 0
        self._blocks: dict[int, bytes] = {}

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._file.size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        length = min(len(buffer), self._file.size - self._at)
        if length <= 0:
            return 0
        content = self._content(length)
        buffer[: len(content)] = content
        self._at += len(content)
        return len(content)

    def _content(self, length: int) -> bytes:
        if length >= LONG_READ_BYTES:
            return self._download(self._file, self._at, length)
        first, last = self._at // BLOCK_BYTES, (self._at + length - 1) // BLOCK_BYTES
        content = b"".join(self._block(number) for number in range(first, last + 1))
        start = self._at - first * BLOCK_BYTES
        return content[start : start + length]

    def _block(self, number: int) -> bytes:
        block = self._blocks.pop(number, None)
        if block is None:
            start = number * BLOCK_BYTES
            block = self._download(self._file, start, min(BLOCK_BYTES, self._file.size - start))
            if len(self._blocks) >= MOST_BLOCKS:
                del self._blocks[next(iter(self._blocks))]
        # Last in order: the first is the one that was not used for the longest.
        self._blocks[number] = block
        return block


@dataclass
class TableBatches:
    """The rows of files; each iteration starts at the first. Files of equal content count once."""

    files: Sequence[StoredFile]
    download: Download
    findings: tuple[str, ...] = field(default=(), init=False)

    def __post_init__(self) -> None:
        originals: dict[tuple[int, bytes], str] = {}
        copies = []
        for file in self.files:
            key = (file.size, file.md5 or hashlib.sha256(file.name.encode()).digest())
            if key in originals:
                copies.append((file.name, originals[key]))
            else:
                originals[key] = file.name
        self.files = [file for file in self.files if file.name in originals.values()]
        self.findings = tuple(f"{name} is a copy of {original}: its rows count once" for name, original in copies)

    def __iter__(self) -> Iterator[Any]:
        for file in self.files:
            yield from stream_table(self._opener(file), file.name)

    def _opener(self, file: StoredFile) -> Callable[[], io.BufferedReader]:
        return lambda: io.BufferedReader(BlobFile(file, self.download), RANGE_BYTES)


@dataclass(frozen=True, slots=True)
class CollectedRecord:
    """One line of the data collector: its own id, the request's id, when, and the rows."""

    record_id: str
    request_id: str
    at: datetime
    rows: list[dict[str, Any]]


class Once:
    """Detects repeated records in memory that does not grow with the window: it keeps the ids of two hours."""

    def __init__(self) -> None:
        self._hour: datetime | None = None
        self._ids: set[int] = set()
        self._previous_ids: set[int] = set()
        self.repeated = 0

    def is_new(self, record: CollectedRecord) -> bool:
        """Return whether the record is new; one without an id always is."""
        if not record.record_id:
            return True
        hour = record.at.replace(minute=0, second=0, microsecond=0)
        if self._hour is None or hour > self._hour:
            self._previous_ids = self._ids if self._hour and hour - self._hour == timedelta(hours=1) else set()
            self._ids, self._hour = set(), hour
        digest = hashlib.blake2b(record.record_id.encode("utf-8", "replace"), digest_size=8).digest()
        short = int.from_bytes(digest, "big")
        if short in self._ids or short in self._previous_ids:
            self.repeated += 1
            return False
        self._ids.add(short)
        return True


@dataclass
class CollectedBatches:
    """Collected rows; each iteration starts at the first. Records that were written twice count once."""

    records: Callable[[], Iterator[CollectedRecord]]
    findings: tuple[str, ...] = field(default=(), init=False)

    def __iter__(self) -> Iterator[pd.DataFrame]:
        import pandas as pd

        once, rows = Once(), list[dict[str, Any]]()
        self.findings = ()
        for record in self.records():
            if once.is_new(record):
                rows += record.rows
            if len(rows) >= COLLECTED_ROWS:
                yield pd.DataFrame(rows)
                rows = []
        if rows:
            yield pd.DataFrame(rows)
        if once.repeated:
            self.findings = (f"{once.repeated} requests were collected twice: they count once",)


def whole_lines(chunks: Iterator[bytes], name: str, is_whole: Callable[[bytes], bool]) -> Iterator[bytes]:
    """Yield lines; a last one that is still being written is left out.

    Raises:
        PermanentError: a line is too long to be a record.
    """
    unfinished = b""
    for chunk in chunks:
        *lines, unfinished = (unfinished + chunk).split(b"\n")
        yield from lines
        if len(unfinished) > MOST_LINE_BYTES:
            message = f"{name} has a line of more than {MOST_LINE_BYTES:,} bytes"
            raise PermanentError("data.too_large", message, "see which program writes there")
    if unfinished and is_whole(unfinished):
        yield unfinished


def ranges(file: StoredFile, download: Download) -> Iterator[bytes]:
    """Yield a blob range by range, up to the size that it was listed with."""
    for start in range(0, file.size, RANGE_BYTES):
        yield download(file, start, min(RANGE_BYTES, file.size - start))


@contextmanager
def reachable(action: str) -> Iterator[None]:
    """Translate what Azure raises while its storage is asked to do that.

    Raises:
        RetryableError: it did not.
    """
    from azure.core.exceptions import AzureError

    try:
        yield
    except AzureError as exc:
        raise RetryableError("data.unreachable", f"the workspace's storage did not {action}") from exc


def downloader(container: Callable[[str, Callable[[Any], Any]], Any]) -> Download:
    """Return a function that reads a range of a blob.

    Args:
        container: calls a function with a container client; its first argument names the blob, for errors.
    """

    def download(file: StoredFile, offset: int, length: int) -> bytes:
        with reachable(f"return {file.name!r}"):
            content: bytes = container(
                file.name, lambda client: client.download_blob(file.name, offset=offset, length=length).readall()
            )
        return content

    return download
