"""What Event Grid gave up delivering: one blob per failed delivery, in a container that Event Grid writes.

Layout and fields: learn.microsoft.com/azure/event-grid/manage-event-delivery and …/delivery-and-retry, read 2026-11-20.
A blob is `SUBSCRIPTION/YYYY/M/D/H/guid.json` and holds an array of one or more events, each with the dead-letter fields
(camelCase in the Event Grid schema, lower case in CloudEvents).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from shared.errors import AmbiguousWriteError, RetryableError
from shared.events.wire.batch import events_in
from shared.ports.blobs import Blob, BlobItem, BlobStore

# Marks a blob of which some events were put back already: it is no arrival.
REWRITTEN = {"rewritten": "yes"}
MOST_TRIES = 3


@dataclass(frozen=True, slots=True)
class GivenUp:
    """One event that Event Grid gave up. `subscription` is in lower case; `body` is the event as it was written."""

    blob: str
    body: str
    subscription: str
    written_at: datetime

    @property
    def digest(self) -> str:
        return _digest(self.body)

    @property
    def fields(self) -> Mapping[str, object]:
        """Return the event's own keys in lower case; empty when it cannot be read."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return {key.lower(): content for key, content in value.items()} if isinstance(value, dict) else {}

    @property
    def given_up_at(self) -> datetime:
        """Return when Event Grid last tried, else when it wrote the blob."""
        for name in ("lastdeliveryattempttime", "publishtime"):
            try:
                tried_at = datetime.fromisoformat(str(self.fields.get(name)))
            except ValueError:
                continue
            return tried_at if tried_at.tzinfo else tried_at.replace(tzinfo=UTC)
        return self.written_at

    @property
    def reason(self) -> str:
        """Return in words why it was given up, with Event Grid's own names, which can be looked up."""
        properties = self.fields
        attempts = properties.get("deliveryattempts")
        tried = f" after {attempts} attempt{'' if attempts == 1 else 's'}" if isinstance(attempts, int) else ""
        sentence = f"Event Grid gave it up{tried}: {properties.get('deadletterreason') or 'it did not say why'}"
        if outcome := properties.get("lastdeliveryoutcome"):
            status = properties.get("lasthttpstatuscode")
            sentence += f"; the last one ended with {outcome}" + (f" (HTTP {status})" if status else "")
        return sentence


class GivenUpEvents:
    """Reads Event Grid's blobs, and takes out of them what is resolved."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def blobs(self) -> Iterator[BlobItem]:
        return self._blobs.list("")

    def arrived(self) -> Iterator[BlobItem]:
        """Yield the blobs that are as Event Grid wrote them."""
        return (item for item in self.blobs() if "rewritten" not in item.metadata)

    def events(self, blob: str) -> tuple[GivenUp, ...]:
        """Return the events of a blob, in their order; none when it is gone."""
        stored = self._blobs.get(blob)
        if stored is None:
            return ()
        subscription = blob.split("/", 1)[0].lower()
        return tuple(GivenUp(blob, body, subscription, stored.last_modified) for body in _bodies(stored))

    def remove(self, blob: str, digest: str) -> None:
        """Take an event out of its blob; the blob goes when nothing is left in it.

        Raises:
            RetryableError: somebody else keeps changing the blob.
        """
        for _ in range(MOST_TRIES):
            stored = self._blobs.get(blob)
            remaining = [] if stored is None else [body for body in _bodies(stored) if _digest(body) != digest]
            if stored is None or not remaining:
                self._blobs.delete(blob)
                return
            try:
                if self._blobs.replace(blob, f"[{','.join(remaining)}]".encode(), stored.etag, REWRITTEN):
                    return
            except AmbiguousWriteError:
                continue  # reading again shows whether it was written
        raise RetryableError("dead_letters.busy", f"{blob} cannot be written: somebody else keeps changing it")


def _bodies(blob: Blob) -> list[str]:
    return events_in(blob.body.decode(errors="backslashreplace"))


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode(errors="surrogatepass")).hexdigest()
