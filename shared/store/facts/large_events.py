"""Events that do not fit into a queue message: kept in a blob, while the message carries the blob's name."""

from __future__ import annotations

import hashlib
import json
import re

from shared.errors import RetryableError
from shared.ports.blobs import BlobStore
from shared.ports.queues import LARGEST_MESSAGE

PREFIX = "events/"
POINTER = "vigia-large-event"
# Exactly as `keep` writes it; anything else is an event, and is judged as one.
_POINTER = re.compile(rf'{{"{POINTER}": "({PREFIX}[0-9a-f]{{64}}\.json)"}}')


class LargeEvents:
    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def message(self, body: str) -> str:
        """Return the message for a body: itself when it fits into one, else what stands for it."""
        return body if len(body.encode(errors="replace")) <= LARGEST_MESSAGE else self.keep(body)

    def keep(self, body: str) -> str:
        """Keep the body and return the short message that stands for it; the same body gives the same message."""
        content = body.encode()
        name = f"{PREFIX}{hashlib.sha256(content).hexdigest()}.json"
        self._blobs.create(name, content)
        return json.dumps({POINTER: name})

    def open(self, message: str) -> str:
        """Return the body that the message stands for; a message that is an event itself comes back as it is.

        Raises:
            RetryableError: the blob cannot be found; deleting it by hand loses the event.
        """
        pointer = _POINTER.fullmatch(message)
        if pointer is None:
            return message
        found = self._blobs.get(pointer[1])
        if found is None:
            raise RetryableError("events.large_missing", f"the blob of a large event is missing: {pointer[1]!r}")
        return found.body.decode(errors="backslashreplace")
