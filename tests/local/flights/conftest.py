"""A champion trained once for all tests, by the component's own command."""

from __future__ import annotations

import io
import runpy
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

import local.flights
from local.flights.data import flights
from tests.local.azureml.conftest import system  # noqa: F401  # the Azure ML emulator and Azurite

COMPONENTS = Path(local.flights.__file__).parent / "components"


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


def run_component(name: str, arguments: dict[str, Path], folder: Path) -> Ended:
    """Run `components/NAME/NAME.py` as a job would: in a process of its own, from its own code."""
    script = COMPONENTS / name / f"{name}.py"
    command = [sys.executable, "-B", str(script)]
    for key, value in arguments.items():
        command += [f"--{key}", str(value)]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    return Ended(ended.returncode, ended.stdout, ended.stderr)


@contextmanager
def own_imports() -> Iterator[None]:
    """Forget afterwards what was imported from components and model packages, and put sys.path back."""
    imported, path = set(sys.modules), list(sys.path)
    try:
        yield
    finally:
        sys.path[:] = path
        for name in set(sys.modules) - imported:
            file = Path(getattr(sys.modules[name], "__file__", None) or "/")
            if file.parent.name in {"code", "train", "evaluate"}:
                del sys.modules[name]


def run_component_here(name: str, arguments: dict[str, Path]) -> Ended:
    """Run the same script in this process: a fraction of the time, for the many ways to fail."""
    script = COMPONENTS / name / f"{name}.py"
    out, err = io.StringIO(), io.StringIO()
    argv = [str(script), *(text for key, value in arguments.items() for text in (f"--{key}", str(value)))]
    with own_imports(), pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", argv)
        sys.path.insert(0, str(script.parent))
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(script), run_name="__main__")
    return Ended(int(ended.value.code or 0), out.getvalue(), err.getvalue())


def a_sample(month: int = 1, rows: int = 3_000) -> pd.DataFrame:
    return flights((month,)).sample(rows, random_state=7)


def as_parquet(frame: pd.DataFrame, path: Path) -> Path:
    frame.to_parquet(path, index=False)
    return path


@dataclass(frozen=True)
class Champion:
    folder: Path
    training: Ended


@pytest.fixture(scope="session")
def champion(tmp_path_factory: pytest.TempPathFactory) -> Champion:
    folder = tmp_path_factory.mktemp("champion")
    data = as_parquet(a_sample(), folder / "data.parquet")
    ended = run_component("train", {"training_data": data, "model": folder / "model"}, folder)
    return Champion(folder / "model", ended)
