"""What the last look for dead letters saw, in one blob."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from shared.ports.blobs import BlobStore
from shared.store.codec import decode, encode

NAME = "arrivals.json"


@dataclass(frozen=True, slots=True)
class BlobMark:
    """The time of the newest blob that was seen, and the names of those that are hardly older."""

    newest: datetime
    recent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QueueMark:
    """How many messages a queue held, and the digests of those that could be seen.

    Args:
        paged_at: when the whole queue was gone through last, for messages that would expire.
        paged_length: how many it held then.
    """

    length: int
    digests: tuple[str, ...] = ()
    paged_at: datetime | None = None
    paged_length: int = 0


@dataclass(frozen=True, slots=True)
class PendingNotice:
    """Arrivals of which a notice is due. `counts` is by kind of arrival; `key` is the notice's."""

    key: str
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ArrivalMarks:
    """Everything that was seen. `untold` is stored before its notice is posted: after a crash in between the next look
    posts it."""

    blobs: Mapping[str, BlobMark] = field(default_factory=dict)
    queues: Mapping[str, QueueMark] = field(default_factory=dict)
    untold: PendingNotice | None = None


class ArrivalStore:
    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def load(self) -> tuple[ArrivalMarks, str]:
        """Return what was seen, and the ETag that guards the next write; "" when nothing was written yet."""
        blob = self._blobs.get(NAME)
        return (ArrivalMarks(), "") if blob is None else (decode(ArrivalMarks, blob.body), blob.etag)

    def save(self, marks: ArrivalMarks, etag: str) -> str | None:
        """Write what was seen and return the new ETag; None when somebody else wrote meanwhile."""
        body = encode(marks)
        written = self._blobs.replace(NAME, body, etag) if etag else self._blobs.create(NAME, body)
        return None if written is None else written.etag
