"""What could not be understood or contradicted itself: kept whole, with the reason, for a person."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from shared.domain.ids import ModelName
from shared.domain.notice import Notice, NoticeKind
from shared.ports.blobs import BlobStore
from shared.store.codec import decode, encode

QUARANTINE = "quarantine/"
IGNORED = "ignored/"


@dataclass(frozen=True, slots=True)
class Quarantined:
    """`code` and `reason` say what is wrong; `body` is the event as it came."""

    code: str
    reason: str
    body: str
    at: datetime


def quarantine_notice(identifier: str, reason: str) -> Notice:
    """Return the notice that an event was set aside; it is about no model, so that any policy may ask to hear it."""
    parameters = {"id": identifier, "reason": reason}
    return Notice(NoticeKind.EVENT_QUARANTINED, f"quarantine/{identifier}", ModelName(""), parameters)


class Quarantine:
    """Set aside, never dropped. Setting the same body aside twice keeps one."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def set_aside(self, item: Quarantined) -> str:
        """Keep the item and return the id that it is found under."""
        identifier = hashlib.sha256(item.body.encode(errors="surrogatepass")).hexdigest()[:16]
        self._blobs.create(f"{QUARANTINE}{identifier}.json", encode(item))
        return identifier

    def note_ignored(self, item: Quarantined) -> None:
        """Keep an event of a type nobody reacts to, so that its absence elsewhere is no riddle."""
        identifier = hashlib.sha256(item.body.encode(errors="surrogatepass")).hexdigest()[:16]
        self._blobs.create(f"{IGNORED}{identifier}.json", encode(item))

    def items(self) -> Iterator[tuple[str, Quarantined]]:
        yield from self._all(QUARANTINE)

    def ignored(self) -> Iterator[tuple[str, Quarantined]]:
        yield from self._all(IGNORED)

    def _all(self, prefix: str) -> Iterator[tuple[str, Quarantined]]:
        for item in self._blobs.list(prefix):
            found = self._blobs.get(item.name)
            if found is not None:
                yield item.name.removeprefix(prefix).removesuffix(".json"), decode(Quarantined, found.body)
