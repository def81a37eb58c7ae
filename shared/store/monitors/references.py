"""What signals measure a model version against, made once and kept beside its profile."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from shared.domain.ids import ModelName, ModelVersion
from shared.ports.blobs import BlobStore

T = TypeVar("T")


class References:
    """One blob per model version and kind, e.g. "quality": gzipped JSON. What is kept never changes."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def read(self, model: ModelName, version: ModelVersion, kind: str, parse: Callable[[Any], T]) -> T | None:
        """Return what was kept; None when there is nothing that can be read, and it has to be made anew.

        Args:
            parse: turns what `save` was given back; raises ValueError for another format.
        """
        found = self._blobs.get(reference_name(model, version, kind))
        if found is None:
            return None
        try:
            return parse(json.loads(gzip.decompress(found.body)))
        except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError, AttributeError):
            return None

    def save(self, model: ModelName, version: ModelVersion, kind: str, stored: Mapping[str, Any]) -> None:
        text = json.dumps(stored, separators=(",", ":")).encode("utf-8", "replace")
        self._blobs.put(reference_name(model, version, kind), gzip.compress(text, 6, mtime=0))


def reference_name(model: ModelName, version: ModelVersion, kind: str) -> str:
    """Return the name of the blob that holds what a signal measures the version against."""
    return f"profiles/{model}/{version}/{kind}.json.gz"
