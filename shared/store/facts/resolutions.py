"""Who put events back, or dismissed them, when, and why: records that are only ever added."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shared.ports.blobs import BlobStore
from shared.store.codec import decode, encode

PREFIX = "settled/"


@dataclass(frozen=True, slots=True)
class Resolution:
    """One thing done to one item.

    Args:
        item: its id, as `vigia events dead` showed it.
        action: "replayed" was put back, "cleared" needed nothing more, "dismissed" is not wanted.
        trouble: why the item had been set aside.
        body: the event, where nothing else keeps it.
    """

    item: str
    source: str
    action: Literal["replayed", "cleared", "dismissed"]
    by: str
    at: datetime
    reason: str
    trouble: str
    body: str = ""


class Resolutions:
    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def record(self, resolution: Resolution) -> None:
        stamp = f"{resolution.at:%Y%m%dT%H%M%S}"
        self._blobs.create(f"{PREFIX}{stamp}-{resolution.item}-{uuid.uuid4().hex[:8]}.json", encode(resolution))

    def all(self) -> Iterator[Resolution]:
        """Yield every resolution, the oldest first."""
        for item in self._blobs.list(PREFIX):
            if blob := self._blobs.get(item.name):
                yield decode(Resolution, blob.body)
