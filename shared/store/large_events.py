"""Events that do not fit into a queue message: kept in a blob, while the message carries the blob's name."""

from __future__ import annotations

import hashlib
import json

from shared.errors import RetryableError
from shared.ports.blobs import BlobStore

PREFIX = "events/"
POINTER = "vigia-large-event"


class LargeEvents:
    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

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
        if not message.startswith('{"' + POINTER):
            return message
        name = str(json.loads(message)[POINTER])
        found = self._blobs.get(name) if name.startswith(PREFIX) else None
        if found is None:
            raise RetryableError("events.large_missing", f"the blob of a large event is missing: {name!r}")
        return found.body.decode()
