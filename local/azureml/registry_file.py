"""The workspace's registry in a file, so that the next start finds what the last one left."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_SAVE_SECONDS = 2.0


class RegistryFile:
    """`parts` are the emulator's own dictionaries by name; they are filled in place by `restore`.

    A pickle, not JSON: the file belongs to one checkout and is written and read by nothing else.
    """

    def __init__(self, file: Path, parts: Mapping[str, dict[str, Any]]) -> None:
        self._file = file
        self._parts = parts
        self._saved = b""
        self._task: asyncio.Task[None] | None = None

    def restore(self) -> None:
        """Fill the parts from the file, if there is one."""
        if not self._file.exists():
            return
        for name, content in pickle.loads(self._file.read_bytes()).items():
            if name in self._parts:
                self._parts[name].update(content)

    def save(self) -> None:
        """Write the file when something has changed; a crash leaves the old file or the new one, never half of it."""
        content = pickle.dumps({name: dict(part) for name, part in self._parts.items()})
        if content == self._saved:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        part = self._file.with_suffix(".part")
        part.write_bytes(content)
        part.replace(self._file)
        self._saved = content

    def start(self) -> None:
        """Save every other second from now on: nobody knows when the machine is switched off."""
        self._task = asyncio.create_task(self._work())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self.save()

    async def _work(self) -> None:
        while True:
            await asyncio.sleep(_SAVE_SECONDS)
            self.save()
