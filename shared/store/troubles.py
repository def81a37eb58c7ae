"""The last error of a queue message that failed for the last time: the queue itself keeps none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.ports.blobs import BlobStore
from shared.ports.queues import text_digest
from shared.store.codec import decode, encode

PREFIX = "troubles/"


@dataclass(frozen=True, slots=True)
class Trouble:
    queue: str
    reason: str
    at: datetime


class Troubles:
    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def note(self, text: str, trouble: Trouble) -> None:
        """Keep why the message with this text failed, in place of an earlier reason."""
        self._blobs.put(_name(trouble.queue, text_digest(text)), encode(trouble))

    def of(self, queue: str, digest: str) -> Trouble | None:
        """Return what is known of the message of a queue."""
        found = self._blobs.get(_name(queue, digest))
        return None if found is None else decode(Trouble, found.body)

    def forget(self, queue: str, digest: str) -> None:
        self._blobs.delete(_name(queue, digest))


def _name(queue: str, digest: str) -> str:
    return f"{PREFIX}{queue}/{digest[:32]}.json"
