"""Which results of other monitoring tools were accepted: only what came in by the alert endpoint is one."""

from __future__ import annotations

import hashlib
import json

from shared.ports.blobs import BlobStore

PREFIX = "posted-results/"


class PostedResults:
    """An empty blob per result, monitor and signal."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def keep(self, monitor: str, run: str, signal: str) -> None:
        self._blobs.put(_name(monitor, run, signal), b"")

    def has(self, monitor: str, run: str, signal: str) -> bool:
        return self._blobs.get(_name(monitor, run, signal)) is not None


def _name(*result: str) -> str:
    return f"{PREFIX}{hashlib.sha256(json.dumps(result).encode()).hexdigest()}"
