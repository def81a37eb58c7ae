"""The Python that a job or a deployment runs with: this one where it has the packages, else a layer over it.

A layer is a virtual environment that sees this environment's packages and has only what they lack, so that most are
made in seconds. It is made once per list of requirements.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import sys
import sysconfig
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import InvalidRequirement, Requirement

_SITE = Path(sysconfig.get_paths()["purelib"])
_CONDA = re.compile(r"^(?P<name>[\w.-]+)\s*(?:==?\s*(?P<version>[\w.]+))?$")
_NOT_PYTHON = {"python", "pip"}
_MLFLOW = {"mlflow", "mlflow-skinny"}
_MLFLOW_LOADER = re.compile(r"^\s*loader_module: mlflow\.", re.MULTILINE)
_DONE = "vigia-layer.txt"


class Environments:
    """Layers live in `folder`; without one everything runs with `python`."""

    def __init__(self, python: str, folder: Path | None) -> None:
        self._python = python
        self._folder = folder
        self._locks: dict[str, asyncio.Lock] = {}
        self._failures: dict[str, str] = {}

    async def interpreter(self, requirements: Sequence[str], note: Callable[[str], None]) -> str:
        """Return the interpreter that has the packages; `note` is told of a layer that is made, or that could not be.

        What cannot be installed, as without a network, is no end: this environment may do, and else the command says
        which module it lacks.
        """
        missing = [requirement for requirement in requirements if not is_satisfied(requirement)]
        if self._folder is None or not missing:
            return self._python
        name = hashlib.sha256("\n".join([sys.version, *sorted(requirements)]).encode()).hexdigest()[:16]
        folder = self._folder / name
        async with self._locks.setdefault(name, asyncio.Lock()):
            if name not in self._failures and not (folder / _DONE).exists():
                note(f"installing {', '.join(missing)} into a layer of its own: {folder}")
                if failure := await self._make(folder, requirements):
                    self._failures[name] = failure
        if name in self._failures:
            note(
                f"{', '.join(missing)} could not be installed, so this runs with {self._python}: {self._failures[name]}"
            )
            return self._python
        return str(_program(folder))

    async def _make(self, folder: Path, requirements: Sequence[str]) -> str:
        """Make a layer; return why it could not be made, "" if it was."""
        if failure := await _run(self._python, "-m", "venv", "--clear", "--without-pip", str(folder)):
            return failure
        site = folder / _SITE.relative_to(sys.prefix)
        (site / "_vigia_layer.pth").write_text(f"import site; site.addsitedir({str(_SITE)!r})\n")
        options = ["--disable-pip-version-check", "--no-input", "--quiet"]
        if failure := await _run(str(_program(folder)), "-m", "pip", "install", *options, *requirements):
            return failure
        (folder / _DONE).write_text("\n".join(requirements))
        return ""


def requirements_of(environment: Mapping[str, Any]) -> list[str]:
    """Return the Python packages that a registered environment's conda file names; an image's own are not known."""
    try:
        document: Any = yaml.safe_load(environment.get("condaFile") or "") or {}
    except yaml.YAMLError:
        return []
    requirements: list[str] = []
    for entry in document.get("dependencies") or [] if isinstance(document, dict) else []:
        if isinstance(entry, dict):
            requirements += [str(line) for line in entry.get("pip") or []]
        elif (match := _CONDA.match(str(entry))) and match["name"] not in _NOT_PYTHON:
            requirements.append(f"{match['name']}=={match['version']}" if match["version"] else match["name"])
    return _installable(requirements)


def requirements_of_model(folder: Path) -> list[str]:
    """Return the packages that an MLflow model's folder asks for.

    MLflow names itself in each. Here a model that brings its own loader is served without it, and need not wait until
    all of MLflow is installed.
    """
    file, description = folder / "requirements.txt", folder / "MLmodel"
    if not file.is_file():
        return []
    requirements = _installable(file.read_text(encoding="utf-8").splitlines())
    needs_mlflow = description.is_file() and _MLFLOW_LOADER.search(description.read_text(encoding="utf-8"))
    return [line for line in requirements if needs_mlflow or Requirement(line).name not in _MLFLOW]


def is_satisfied(requirement: str) -> bool:
    """Return whether this environment has a package, in a version that is asked for."""
    package = Requirement(requirement)
    if package.marker is not None and not package.marker.evaluate():
        return True
    try:
        return package.specifier.contains(version(package.name), prereleases=True)
    except PackageNotFoundError:
        return False


def _installable(lines: Sequence[str]) -> list[str]:
    """Return the lines that name a package; pip's options and links to files are left out."""
    requirements = []
    for line in (line.partition(" #")[0].strip() for line in lines):
        try:
            Requirement(line)
        except InvalidRequirement:
            continue
        requirements.append(line)
    return requirements


async def _run(*command: str) -> str:
    """Run a command; return the last line that it wrote when it failed, else ""."""
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=STDOUT)
    output, _ = await process.communicate()
    if process.returncode == 0:
        return ""
    lines = output.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"exit code {process.returncode}"


def _program(folder: Path) -> Path:
    return folder / "Scripts" / "python.exe" if os.name == "nt" else folder / "bin" / "python"
