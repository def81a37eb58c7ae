"""A folder of somebody's files, each of which is a data asset of the local workspace."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from azure.ai.ml.entities import Data
from azure.ai.ml.exceptions import MlException

from local.up.sdk import connect_locally

_SUFFIXES = {".parquet", ".csv", ".jsonl"}


class DataFolder:
    """A file `wine.parquet` is the asset `wine`; whenever its content has changed it is a new version."""

    def __init__(self, source: Path, settings: Mapping[str, str]) -> None:
        self.source = source.resolve()
        self._settings = settings
        self._stamps: dict[Path, int] = {}

    def register(self) -> Iterator[str]:
        """Register what has changed since the last call, and yield each as NAME:VERSION."""
        for file in sorted(self.source.iterdir()):
            if file.suffix in _SUFFIXES and file.stat().st_mtime_ns != self._stamps.get(file):
                self._stamps[file] = file.stat().st_mtime_ns
                if version := self._register(file):
                    yield f"{file.stem}:{version}"

    def _register(self, file: Path) -> str:
        """Return the new version; "" where the newest has the same content, as after a start that keeps it."""
        operations: Any = connect_locally(self._settings).data
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        try:
            newest = operations.get(file.stem, label="latest")
        except MlException:  # there is none
            newest = None
        if newest is not None and (newest.tags or {}).get("content") == content:
            return ""
        asset = Data(name=file.stem, path=str(file), type="uri_file", tags={"content": content})
        return str(operations.create_or_update(asset).version)
