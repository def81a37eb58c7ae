"""A container of blobs with conditional writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Blob:
    """A blob as it was read. `read_at` is the server's clock (the answer's Date), so that
    `read_at - last_modified` is an age no worker's clock can falsify."""

    name: str
    body: bytes
    etag: str
    last_modified: datetime
    read_at: datetime


@dataclass(frozen=True, slots=True)
class BlobItem:
    name: str
    last_modified: datetime
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Written:
    """A write that happened; `etag` guards the next one."""

    etag: str
    written_at: datetime


class BlobStore(Protocol):
    """Every method may raise RetryableError; conditional writes raise AmbiguousWriteError when the
    answer was lost, and never retry by themselves. Metadata keys are lower-case identifiers."""

    def get(self, name: str) -> Blob | None: ...

    def create(self, name: str, body: bytes, metadata: Mapping[str, str] | None = None) -> Written | None:
        """Write a blob that does not exist yet (If-None-Match: *); None when it does."""
        ...

    def replace(self, name: str, body: bytes, etag: str, metadata: Mapping[str, str] | None = None) -> Written | None:
        """Overwrite exactly the version with `etag` (If-Match); None when it is another one by now, or gone."""
        ...

    def put(self, name: str, body: bytes, metadata: Mapping[str, str] | None = None) -> Written:
        """Write whatever was there before; only for blobs that nobody else writes."""
        ...

    def delete(self, name: str, etag: str | None = None) -> None:
        """Delete the blob, or only its version with `etag`; one that is gone, or another version, is left alone."""
        ...

    def list(self, prefix: str) -> Iterator[BlobItem]:
        """Yield blobs by name, with their metadata."""
        ...
