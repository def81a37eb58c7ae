"""A folder of somebody's policies, of which the app has the last state that was right."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from local.app_settings import USERS
from local.child_process import own_environment
from local.cloud_config import ROOT

_SUFFIXES = {".yaml", ".yml"}


class PolicyFolder:
    """`source` is what people edit, `served` the copy that the app reads."""

    def __init__(self, source: Path, served: Path) -> None:
        self.source = source.resolve()
        self.served = served.resolve()
        self._stamps_before: Mapping[str, tuple[int, int]] | None = None

    def prepare(self, *, is_kept: bool) -> None:
        """Have a folder for the app to read: as an earlier start has left it, or empty."""
        if not is_kept:
            shutil.rmtree(self.served, ignore_errors=True)
        self.served.mkdir(parents=True, exist_ok=True)

    def has_changed(self) -> bool:
        """Return whether a file has come, gone or changed since the last call; true at the first."""
        previous, self._stamps_before = self._stamps_before, self._stamps()
        return previous != self._stamps_before

    def problems(self) -> str:
        """Return what is wrong with the files, as `vigia policy validate` says it; "" when nothing is."""
        if not self._stamps():
            return ""
        command = [sys.executable, "-m", "cli.main", "policy", "validate", str(self.source)]
        environment = {**own_environment(), "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        return "" if done.returncode == 0 else (done.stdout + done.stderr).strip()

    def serve(self) -> None:
        """Give the app the files as they are now."""
        part = self.served.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        for name in self._stamps():
            shutil.copy(self.source / name, part)
        shutil.rmtree(self.served, ignore_errors=True)
        part.rename(self.served)

    def users(self) -> str:
        """Return who may sign in, as VIGIA_LOCAL_USERS has it: whoever owns or approves, beside the demo's people."""
        built_in = {user.partition(":")[0] for user in USERS.split(",")}
        people = sorted({person for file in self._files(self.served) for person in _people(file)} - built_in)
        return ",".join([USERS, *(f"{person}:Approver+Operator" for person in people)])

    def _stamps(self) -> dict[str, tuple[int, int]]:
        stats = {file.name: file.stat() for file in self._files(self.source)}
        return {name: (stat.st_mtime_ns, stat.st_size) for name, stat in stats.items()}

    def _files(self, folder: Path) -> list[Path]:
        files = folder.iterdir() if folder.is_dir() else []
        return sorted(file for file in files if file.suffix in _SUFFIXES and file.is_file())


def _people(file: Path) -> list[str]:
    policy: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
    people = policy.get("people") if isinstance(policy, dict) and "model" in policy else None
    if not isinstance(people, dict):
        return []
    return [person for person in (people.get("owner"), *(people.get("approvers") or ())) if isinstance(person, str)]
