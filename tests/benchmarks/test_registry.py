"""Each benchmark is one file, found by its SPEC and named after it."""

from __future__ import annotations

from pathlib import Path

import pytest

import benchmarks
from benchmarks.harness.registry import specs

FOLDER = Path(str(benchmarks.__file__)).parent
REFERENCE = FOLDER.parent / "docs" / "reference" / "benchmarks.md"


def test_every_file_is_a_benchmark_of_its_name() -> None:
    # dev.py lists the names by the files, before there is an environment to import them in.
    files = [file for file in FOLDER.glob("*/*.py") if "\nSPEC = Benchmark(" in file.read_text(encoding="utf-8")]
    assert list(specs()) == sorted(file.stem for file in files)


@pytest.mark.parametrize("name", specs())
def test_every_benchmark_is_in_the_reference(name: str) -> None:
    assert f"## `{name}`" in REFERENCE.read_text(encoding="utf-8"), f"add a section ## `{name}` to {REFERENCE}"
