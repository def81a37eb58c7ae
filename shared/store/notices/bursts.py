"""Which notices are sent at once, and which wait for a digest, when many of one kind about one model come together."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from shared.domain.notice import Notice
from shared.ports.blobs import BlobStore
from shared.store.codec import decode, encode

PREFIX = "storms/"


@dataclass(frozen=True, slots=True)
class Window:
    """The present stretch of time of one burst.

    Args:
        number: counts the windows of the burst from 1; it names the window's digest.
        alone: blob names of the notices that were let through one by one.
        has_waiting: whether others wait for the digest that is made at the end.
    """

    number: int
    ends_at: datetime
    alone: tuple[str, ...] = ()
    has_waiting: bool = False


class BurstStore:
    """One blob per (kind, model) that ever had a notice; the etag read with it guards the write."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def read(self, burst: str) -> tuple[Window | None, str]:
        blob = self._blobs.get(_name(burst))
        return (None, "") if blob is None else (decode(Window, blob.body), blob.etag)

    def write(self, burst: str, window: Window, etag: str) -> bool:
        """Store the window over the one that was read; False when somebody else was quicker."""
        body = encode(window)
        name = _name(burst)
        written = self._blobs.replace(name, body, etag) if etag else self._blobs.create(name, body)
        return written is not None


def burst_of(notice: Notice) -> str:
    """Return what names the burst that a notice would be part of: its kind and its model."""
    return hashlib.sha256(f"{notice.kind.value}\n{notice.model}".encode()).hexdigest()[:32]


def _name(burst: str) -> str:
    return f"{PREFIX}{burst}.json"
