"""The last error of a queue message that failed for the last time: the queue itself keeps none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

from shared.errors import VigiaError
from shared.ports.blobs import BlobStore
from shared.ports.clock import Clock
from shared.ports.queues import text_digest
from shared.store.codec import decode, encode

PREFIX = "troubles/"
# maxDequeueCount of host.json: after so many tries the host moves the message to the poison queue.
LAST_TRY = 5


@dataclass(frozen=True, slots=True)
class QueueError:
    queue: str
    reason: str
    at: datetime


class QueueErrors:
    def __init__(self, blobs: BlobStore, clock: Clock) -> None:
        self._blobs = blobs
        self._clock = clock

    @contextmanager
    def recording(self, queue: str, text: str, tries: int | None) -> Iterator[None]:
        """Keep why the message with this text failed, when this was its last try; the error goes on."""
        try:
            yield
        except Exception as exc:
            if (tries or 0) >= LAST_TRY:
                # The error itself is what counts; that it could not be kept is only a loss of comfort.
                with suppress(VigiaError):
                    self._note(queue, text, f"{type(exc).__name__}: {exc}")
            raise

    def _note(self, queue: str, text: str, reason: str) -> None:
        error = QueueError(queue, reason, self._clock.now())
        self._blobs.put(_name(queue, text_digest(text)), encode(error))

    def read(self, queue: str, digest: str) -> QueueError | None:
        """Return what is known of the message of a queue."""
        blob = self._blobs.get(_name(queue, digest))
        return None if blob is None else decode(QueueError, blob.body)

    def forget(self, queue: str, digest: str) -> None:
        self._blobs.delete(_name(queue, digest))


def _name(queue: str, digest: str) -> str:
    return f"{PREFIX}{queue}/{digest[:32]}.json"
