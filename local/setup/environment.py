"""The virtual environment with the locked packages."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from local.setup.running import ROOT, Run, SetupError, digest, explain, run_logged, say, tail


@dataclass
class Environment:
    """A virtual environment in `folder`, made by the interpreter `python`, whose version is like "3.11".

    Args:
        is_compiled: every module when it is installed; otherwise each when it is first imported.
    """

    folder: Path
    python: str
    version: str
    root: Path = ROOT
    run: Run = run_logged
    is_compiled: bool = True

    def program(self, name: str) -> Path:
        """Return the path of a program in the environment."""
        return self.folder / "Scripts" / f"{name}.exe" if os.name == "nt" else self.folder / "bin" / name

    def ensure(self) -> None:
        """Make the environment, or bring it up to date; does nothing when its stamp says that it is.

        Raises:
            SetupError: it can't be made, or packages can't be installed.
        """
        lock = self.root / "requirements-dev.txt"
        current = {"python": self.version, "lock": digest(lock), "project": digest(self.root / "pyproject.toml")}
        stamp = self._stamp() if self.program("python").exists() else {}
        if stamp == current:
            return
        if stamp.get("python") != self.version or not self._has_pip():
            self._make()
            stamp = {}
        self._stamp_file.unlink(missing_ok=True)
        if stamp.get("lock") != current["lock"]:
            packages = len(re.findall(r"(?m)^[\w.-]+==", lock.read_text(encoding="utf-8")))
            say(f"installing {packages} locked packages into {self.folder.name} (about a minute) ...")
            self.install("--require-hashes", "--no-compile", "-r", str(lock))
            if self.is_compiled:
                self._compile()
        self.install("--no-deps", "--no-build-isolation", "-e", str(self.root))
        self._stamp_file.write_text(json.dumps(current))

    def install(self, *arguments: str) -> None:
        """Run pip.

        Raises:
            SetupError: pip failed; says whether the network is missing.
        """
        log = self.root / ".vigia" / "logs" / "pip.log"
        options = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
        command = [str(self.program("python")), "-m", "pip", "install", *options, *arguments]
        if self.run(command, self.root, log) != 0:
            raise SetupError(explain("pip", log, "Python packages"))

    def _compile(self) -> None:
        # By itself pip does so on one core alone. What can't be compiled is a template, or for another Python.
        compiler = [str(self.program("python")), "-m", "compileall", "-q", "-j", "0", str(self.folder)]
        self.run(compiler, self.root, self.root / ".vigia" / "logs" / "compile.log")

    @property
    def _stamp_file(self) -> Path:
        return self.folder / "vigia-stamp.json"

    def _stamp(self) -> dict[str, str]:
        try:
            stamp: dict[str, str] = json.loads(self._stamp_file.read_text())
        except (OSError, ValueError):
            return {}
        return stamp

    def _has_pip(self) -> bool:
        log = self.root / ".vigia" / "logs" / "venv.log"
        return self.run([str(self.program("python")), "-m", "pip", "--version"], self.root, log) == 0

    def _make(self) -> None:
        verb = "replacing" if self.folder.exists() else "making"
        say(f"{verb} {self.folder.name} with Python {self.version} ...")
        shutil.rmtree(self.folder, ignore_errors=True)
        log = self.root / ".vigia" / "logs" / "venv.log"
        if self.run([self.python, "-m", "venv", str(self.folder)], self.root, log) != 0:
            raise SetupError(
                f"{self.python} can't make a virtual environment:\n{tail(log)}\n"
                "on Debian and Ubuntu, install the package python3-venv"
            )
