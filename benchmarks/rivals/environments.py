"""Environments of their own for drift libraries, pinned, beside this project's."""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

from benchmarks.harness.spec import BenchmarkError

FOLDER = Path(__file__).parents[2] / ".vigia" / "rivals"
# What each does not pin itself, and fails with otherwise, is pinned with it: neither works with pandas 3.
PINNED = {
    "evidently": ("evidently==0.7.23", "pandas==2.3.3", "pyarrow==26.0.1"),
    "nannyml": ("nannyml==0.13.1", "pandas==2.3.3", "pyarrow==26.0.1", "statsmodels==0.15.0"),
    "frouros": ("frouros==0.9.0", "pandas==2.3.3", "pyarrow==26.0.1"),
}


def interpreter(library: str, folder: Path = FOLDER) -> Path | None:
    """Return the Python that has the library; None when its environment was not made."""
    place = folder / library
    python = place / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    return python if (place / ".complete").exists() else None


def make(progress: Callable[[str], None], folder: Path = FOLDER) -> None:
    """Make what is missing; it takes minutes, and some hundred megabytes from PyPI.

    Raises:
        BenchmarkError: pip could not install a library.
    """
    for library, requirements in PINNED.items():
        if interpreter(library, folder) is not None:
            continue
        progress(f"installing {requirements[0]} in {folder / library}")
        venv.create(folder / library, with_pip=True, clear=True)
        python = folder / library / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
        done = subprocess.run(
            [python, "-m", "pip", "install", "--quiet", *requirements], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise BenchmarkError(f"{requirements[0]} could not be installed: {done.stderr.strip()[-500:]}")
        (folder / library / ".complete").touch()
