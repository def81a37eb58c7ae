from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from azure.ai.ml import load_component
from azure.ai.ml.entities import SparkComponent

from shared.drift.spark.package import CODE, package_files, write_package


def test_the_real_sdk_loads_the_component(tmp_path: Path) -> None:
    component = load_component(write_package(tmp_path))
    assert isinstance(component, SparkComponent)
    assert set(component.inputs) >= {"collected", "training_data", "profile", "start", "end"}
    assert (component.py_files, component.executor_instances) == ([CODE], 2)


def test_equal_code_is_an_equal_version(tmp_path: Path) -> None:
    first, second = write_package(tmp_path / "a"), write_package(tmp_path / "b")
    assert first.read_bytes() == second.read_bytes()
    assert (first.parent / "src" / CODE).read_bytes() == (second.parent / "src" / CODE).read_bytes()


def test_the_package_holds_all_that_the_job_imports(tmp_path: Path) -> None:
    code = write_package(tmp_path).parent / "src" / CODE
    program = f"""
import sys
sys.path = [{str(code)!r}, *(each for each in sys.path if {str(Path.cwd())!r} != each and each)]
import shared.drift.spark.job as job
assert job.__file__.startswith({str(code)!r}), job.__file__
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_the_package_runs_on_the_python_of_spark_3_4_too() -> None:
    for name, content in package_files().items():
        tree = ast.parse(content, name, feature_version=(3, 10))
        imported = {
            f"{node.module}.{alias.name}" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }  # fmt: skip
        assert not imported & {"datetime.UTC", "enum.StrEnum", "typing.Self"}, name
