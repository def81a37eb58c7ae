"""A BlobStore in memory: conditional writes, ETags and dates as the service has them."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from shared.ports.blobs import Blob, BlobItem, Written
from shared.store.retention import STORED


@dataclass(frozen=True)
class _Stored:
    body: bytes
    etag: str
    last_modified: datetime
    metadata: Mapping[str, str]


PLACES = {(row.container, row.place) for row in STORED}


def require_known(container: str, name: str) -> None:
    """Refuse what is written to a place of which nobody says how long it is kept; "" is any container."""
    place = name[: name.index("/") + 1] if "/" in name else name
    assert not container or (container, place) in PLACES, f"shared/store/retention.py has no {place!r} in {container}"


class MemoryBlobStore:
    """Safe for threads; `now` is the server's clock; `calls` names every call, e.g. "create outbox/x.json".

    With the name of a container it refuses a blob whose place `shared/store/retention.py` does not name.
    """

    container = ""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._blobs: dict[str, _Stored] = {}
        self._etags = itertools.count(1)
        self._lock = threading.Lock()
        self.calls: list[str] = []

    def get(self, name: str) -> Blob | None:
        with self._lock:
            self.calls.append(f"get {name}")
            stored = self._blobs.get(name)
            if stored is None:
                return None
            return Blob(name, stored.body, stored.etag, stored.last_modified, self._now())

    def create(self, name: str, body: bytes, metadata: Mapping[str, str] | None = None) -> Written | None:
        with self._lock:
            self.calls.append(f"create {name}")
            return None if name in self._blobs else self._write(name, body, metadata)

    def replace(self, name: str, body: bytes, etag: str, metadata: Mapping[str, str] | None = None) -> Written | None:
        with self._lock:
            self.calls.append(f"replace {name}")
            stored = self._blobs.get(name)
            if stored is None or stored.etag != etag:
                return None
            return self._write(name, body, metadata)

    def put(self, name: str, body: bytes, metadata: Mapping[str, str] | None = None) -> Written:
        with self._lock:
            self.calls.append(f"put {name}")
            return self._write(name, body, metadata)

    def delete(self, name: str, etag: str | None = None) -> None:
        with self._lock:
            self.calls.append(f"delete {name}")
            if etag is None or (name in self._blobs and self._blobs[name].etag == etag):
                self._blobs.pop(name, None)

    def list(self, prefix: str) -> Iterator[BlobItem]:
        with self._lock:
            self.calls.append(f"list {prefix}")
            matches = sorted((name, stored) for name, stored in self._blobs.items() if name.startswith(prefix))
        yield from (BlobItem(name, stored.last_modified, dict(stored.metadata)) for name, stored in matches)

    def _write(self, name: str, body: bytes, metadata: Mapping[str, str] | None) -> Written:
        require_known(self.container, name)
        # As in the service, a write replaces the metadata as a whole.
        stored = _Stored(body, f'"{next(self._etags)}"', self._now(), dict(metadata or {}))
        self._blobs[name] = stored
        return Written(stored.etag, stored.last_modified)
