"""Which records are open, found without listing what is closed: one marker beside each open record.

A marker is an empty blob `open/NAME` with the metadata that its record was last written with. It stands before its
record is made and goes after the record was closed, so that a worker that crashes in between leaves a marker too many,
never one too few. Closed records are not opened again. Facts are the exception: as long as their event is on the queue,
it stands in for the marker (`shared/store/facts/ledger.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from shared.errors import RetryableError
from shared.ports.blobs import Blob, BlobItem, BlobStore, Written

OPEN = "open/"
# Longer than any worker may run: a record that was not made by then will never be.
ABANDONED_AFTER = timedelta(days=1)
# A marker that is older may say what its record said before: the record is read.
TRUSTED_FOR = timedelta(hours=1)
# Well before any rule deletes a record (the minimum of `ledgerDays` in infra/environment.bicep).
RENEWED_AFTER = timedelta(days=30)


class OpenIndex:
    """Writes records and keeps their markers; everything else is the blob store's."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def create(self, name: str, body: bytes, metadata: Mapping[str, str], *, is_open: bool) -> Written | None:
        """Write a record that does not exist yet; None when it does.

        Raises:
            RetryableError: nothing was written, except perhaps the marker.
            AmbiguousWriteError: the record may have been written.
        """
        if is_open:
            self.mark(name, metadata)
        return self._blobs.create(name, body, metadata)

    def replace(
        self,
        name: str,
        body: bytes,
        etag: str,
        metadata: Mapping[str, str],
        *,
        is_open: bool,
        marks_first: bool = False,
    ) -> Written | None:
        """Overwrite exactly the version with `etag`; None when it is another one by now.

        Args:
            marks_first: an open record's marker is written before the record. It usually follows, so that whoever loses
                the race does not say what the winner's marker says.

        Raises:
            RetryableError: the record was not written.
            AmbiguousWriteError: the record may have been written.
        """
        if is_open and marks_first:
            self.mark(name, metadata)
        written = self._blobs.replace(name, body, etag, metadata)
        # What is not brought up to date here, whoever acts on it corrects.
        with suppress(RetryableError):
            if written is not None and not is_open:
                self._discard(name)
            elif written is not None and not marks_first:
                self.mark(name, metadata)
        return written

    def list(self, prefix: str) -> Iterator[BlobItem]:
        """Yield the open records whose names begin with `prefix`, by name; a closed one may be among them.

        `last_modified` is the marker's: when the record was last written, or was about to be made.
        """
        for item in self._blobs.list(OPEN + prefix):
            yield replace(item, name=item.name.removeprefix(OPEN))

    def mark(self, name: str, metadata: Mapping[str, str]) -> None:
        """Have the marker of an open record say what the record says."""
        self._blobs.put(OPEN + name, b"", metadata)

    def correct(
        self, name: str, metadata: Mapping[str, str] | None, *, is_open: bool, record: Blob | None = None
    ) -> None:
        """Bring a record's marker in line with the record as it was just read: `metadata` is None when there is none.

        A marker without a record goes once no worker can be about to make the record any more.

        Args:
            record: what was read, of a folder that the account's rules delete by age: while it is open it is renewed.
        """
        if metadata is None:
            self._discard_abandoned(name)
        elif is_open:
            self.mark(name, metadata)
            if record and record.read_at - record.last_modified > RENEWED_AFTER:
                self._blobs.replace(name, record.body, record.etag, metadata)
        else:
            self._discard(name)

    def _discard(self, name: str) -> None:
        self._blobs.delete(OPEN + name)

    def _discard_abandoned(self, name: str) -> None:
        marker = self._blobs.get(OPEN + name)
        if marker is not None and marker.read_at - marker.last_modified > ABANDONED_AFTER:
            # Only the marker that was read: somebody may be about to make the record at this moment.
            self._blobs.delete(OPEN + name, marker.etag)
