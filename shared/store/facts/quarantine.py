"""What could not be understood or contradicted itself: kept whole, with the reason, for a person."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from shared.domain.ids import ModelName
from shared.domain.notice import Notice, NoticeKind
from shared.errors import RetryableError
from shared.ports.blobs import BlobItem, BlobStore
from shared.store.codec import decode, encode

QUARANTINE = "quarantine/"
# What is resolved lies apart, so that a listing of what waits costs what waits.
RESOLVED = "quarantine-resolved/"
IGNORED = "ignored/"
# Marks what was put back and could not be understood again.
RETURNED = {"state": "returned"}


@dataclass(frozen=True, slots=True)
class Quarantined:
    """`code` and `reason` say what is wrong; `body` is the event as it came.

    `state` is "opened" while somebody is putting it back, and "settled" once it is resolved: put back or dismissed.
    """

    code: str
    reason: str
    body: str
    at: datetime
    state: Literal["waiting", "opened", "settled"] = "waiting"


@dataclass(frozen=True, slots=True)
class Opened:
    """An item that somebody is resolving; `etag` shows whether it was set aside again meanwhile."""

    identifier: str
    item: Quarantined
    etag: str


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
        identifier = _identifier(item.body)
        name = _name(identifier)
        returns = self._blobs.get(_resolved_name(identifier)) is not None
        if self._blobs.create(name, encode(item), RETURNED if returns else None) is None:
            blob = self._blobs.get(name)
            if blob is not None and decode(Quarantined, blob.body).state != "waiting":
                # It was put back, and is here again. Whoever is resolving it sees that by the ETag.
                self._blobs.replace(name, encode(item), blob.etag, RETURNED)
        return identifier

    def open(self, identifier: str) -> Opened | None:
        """Begin to resolve an item; None when it is resolved, or somebody else begins at this moment."""
        blob = self._blobs.get(_name(identifier))
        item = None if blob is None else decode(Quarantined, blob.body)
        if blob is None or item is None or item.state == "settled":
            return None
        opened = replace(item, state="opened")
        written = self._blobs.replace(_name(identifier), encode(opened), blob.etag)
        return None if written is None else Opened(identifier, opened, written.etag)

    def resolve(self, opened: Opened) -> bool:
        """Take the item out of the view; False when it was set aside again meanwhile, and so stays."""
        resolved = encode(replace(opened.item, state="settled"))
        name = _name(opened.identifier)
        written = self._blobs.replace(name, resolved, opened.etag, {"state": "settled"})
        if written is None:
            return False
        # It is resolved by now; a worker that crashes here, or fails, leaves it where no view shows it.
        with suppress(RetryableError):
            self._blobs.put(_resolved_name(opened.identifier), resolved)
            self._blobs.delete(name, written.etag)
        return True

    def note_ignored(self, item: Quarantined) -> None:
        """Keep an event of a type nobody reacts to, so that its absence elsewhere is no riddle."""
        identifier = _identifier(item.body)
        self._blobs.create(f"{IGNORED}{identifier}.json", encode(item))

    def waiting(self) -> Iterator[tuple[str, BlobItem]]:
        """Yield the ids of what is not resolved, with their blobs, which are not read."""
        for item in self._blobs.list(QUARANTINE):
            if item.metadata.get("state") != "settled":
                yield item.name.removeprefix(QUARANTINE).removesuffix(".json"), item

    def returned(self) -> Iterator[tuple[str, BlobItem]]:
        """Yield those that were put back once, and came here again."""
        return ((identifier, item) for identifier, item in self.waiting() if item.metadata.items() >= RETURNED.items())

    def item(self, identifier: str) -> Quarantined | None:
        blob = self._blobs.get(_name(identifier))
        return None if blob is None else decode(Quarantined, blob.body)

    def items(self) -> Iterator[tuple[str, Quarantined]]:
        """Yield what is not resolved."""
        for identifier, _ in self.waiting():
            if item := self.item(identifier):
                yield identifier, item

    def ignored(self) -> Iterator[tuple[str, Quarantined]]:
        for item in self._blobs.list(IGNORED):
            blob = self._blobs.get(item.name)
            if blob is not None:
                yield item.name.removeprefix(IGNORED).removesuffix(".json"), decode(Quarantined, blob.body)


def _name(identifier: str) -> str:
    return f"{QUARANTINE}{identifier}.json"


def _resolved_name(identifier: str) -> str:
    return f"{RESOLVED}{identifier}.json"


def _identifier(body: str) -> str:
    return hashlib.sha256(body.encode(errors="surrogatepass")).hexdigest()[:16]
