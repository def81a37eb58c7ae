"""Events that do not fit into a queue message: kept in a blob, while the message carries the blob's name."""

from __future__ import annotations

import hashlib

from shared.domain.messages import LargeEvent, event_body
from shared.errors import RetryableError
from shared.ports.blobs import BlobStore

PREFIX = "events/"


class LargeEvents:
    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def message(self, body: str) -> str:
        """Return the message for an event: itself when it fits into one, else what stands for it."""
        return event_body(body, self.store)

    def store(self, body: str) -> LargeEvent:
        """Put the event into a blob and return what stands for it; the same body gives the same message."""
        content = body.encode()
        name = f"{PREFIX}{hashlib.sha256(content).hexdigest()}.json"
        self._blobs.put(name, content)  # also where it is there: by its age it would go while this message waits
        return LargeEvent(name)

    def open(self, message: str) -> str:
        """Return the event that the message stands for; a message that is an event itself comes back as it is.

        Raises:
            RetryableError: the blob cannot be found; deleting it by hand loses the event.
        """
        pointer = LargeEvent.from_body(message)
        if pointer is None:
            return message
        stored = self._blobs.get(pointer.blob)
        if stored is None:
            raise RetryableError("events.large_missing", f"the blob of a large event is missing: {pointer.blob!r}")
        return stored.body.decode(errors="backslashreplace")
