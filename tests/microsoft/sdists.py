"""Microsoft's live tests, and what they import: fetched by pip, once, into .vigia/microsoft. Nothing of it is ours."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import pickle
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from sklearn.linear_model import LinearRegression

HERE = Path(__file__).parent
CACHE = (HERE.parents[1] / ".vigia" / "microsoft").resolve()  # pytest names tests by real paths
# Old setup.py files tell pip their name only up to this version.
BUILD_WITH = "setuptools<81\n"


class FetchError(Exception):
    """Something could not be fetched; the message says what to do."""


def libraries() -> Path:
    """Return the folder of what Microsoft's tests import beyond our own lock.

    Raises:
        FetchError: pip could not install it.
    """
    requirements = HERE / "requirements.txt"
    name = f"libraries-{hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]}"
    return _cached(name, lambda folder: _pip("install", "--no-deps", "--target", str(folder), "-r", str(requirements)))


def tests_of(package: str) -> Path:
    """Return the folder that holds `tests`, of the package's installed version, with the files that the sdist lacks.

    Raises:
        FetchError: pip could not fetch the sdist.
    """
    version = importlib.metadata.version(package)
    ours = (HERE / "files.yaml").read_bytes() + Path(__file__).read_bytes()
    files = hashlib.sha256(ours).hexdigest()[:12]
    sdist = _cached(f"{package}-{version}.sdist", lambda folder: _download(package, version, folder))
    return _cached(f"{package}-{version}-{files}", lambda folder: _unpack(sdist, folder))


def _cached(name: str, make: Callable[[Path], None]) -> Path:
    """Return a folder of the cache; what is made appears there as a whole, also when two make it at once."""
    folder = CACHE / name
    if not folder.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
            made = Path(scratch) / name
            made.mkdir()
            make(made)
            try:
                made.rename(folder)
            except OSError:  # the other one was quicker
                if not folder.is_dir():
                    raise
    return folder


def _download(package: str, version: str, folder: Path) -> None:
    build = folder / "build.txt"
    build.write_text(BUILD_WITH)
    _pip("download", "--no-deps", "--no-binary", ":all:", "--dest", str(folder), f"{package}=={version}", build=build)


def _pip(verb: str, *arguments: str, build: Path | None = None) -> None:
    constraint = {} if build is None else {"PIP_CONSTRAINT": str(build), "PIP_BUILD_CONSTRAINT": str(build)}
    command = [sys.executable, "-m", "pip", verb, "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(
        command, env={**os.environ, **constraint}, capture_output=True, text=True, check=False, cwd=CACHE
    )
    if done.returncode:
        end = "\n".join(f"  | {line}" for line in done.stderr.strip().splitlines()[-6:])
        raise FetchError(
            f"pip {verb} {arguments[-1]} failed. Microsoft's tests are fetched from PyPI once and kept in {CACHE}: is "
            f"this machine online, and does it need a proxy (HTTPS_PROXY) or a mirror (PIP_INDEX_URL)?\n{end}"
        )


def _unpack(sdist: Path, folder: Path) -> None:
    """Only the tests: beside them lies the package itself, which would hide the installed one."""
    (archive,) = sdist.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            _, _, member.name = member.name.partition("/")
            if member.name.startswith("tests/"):
                tar.extract(member, folder, filter="data")
    if (folder / "tests" / "test_utilities").is_dir():
        for path, content in yaml.safe_load((HERE / "files.yaml").read_text()).items():
            _write(folder / "tests" / "test_configs" / path, content)
        pickled = folder / "tests/test_configs/deployments/model-1/model/sklearn_regression_model.pkl"
        line: Any = LinearRegression
        pickled.write_bytes(pickle.dumps(line().fit([[value] * 10 for value in range(5)], range(5))))
    if (folder / "tests" / "eventgrid_preparer.py").is_file():
        _write(folder / "tests" / "large_data.json", json.dumps({"a": "x" * 1_600_000}))


def _write(file: Path, content: Any) -> None:
    """Write a file that the sdist leaves out: it carries little but *.py."""
    if file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, str):
        file.write_text(content)
    else:
        file.write_text(json.dumps(content) if file.suffix == ".json" else yaml.safe_dump(content, sort_keys=False))
