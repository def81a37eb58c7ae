"""The folder that the Spark job's component is registered from: what runs, the code it needs, and what it is."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

ENTRY, CODE, COMPONENT = "count_window.py", "vigia_drift.zip", "component.yml"
NAME = "vigia_count_window"
# What the job imports: these rooms and itself. They import nothing else of ours.
ROOMS = ("rows", "profiles")
# The earliest that a zip file can hold: equal code makes an equal file.
_FIRST_MOMENT = (1980, 1, 1, 0, 0, 0)
_ENTRY = '''"""Counts a window of collected requests."""

import sys

from shared.drift.spark.job import main

if __name__ == "__main__":
    sys.exit(main())
'''
# Source: learn.microsoft.com, reference-yaml-component-spark, read 2026-11-20.
_COMPONENT = """$schema: https://azuremlschemas.azureedge.net/latest/sparkComponent.schema.json
type: spark
name: {name}
version: "{version}"
display_name: Count a window of collected requests
description: Counts around the edges of a reference's profile, added up; Vigia's monitor compares them.
code: ./src
entry: {{file: {entry}}}
py_files: [{code}]
inputs:
  collected: {{type: uri_folder, mode: direct}}
  training_data: {{type: uri_folder, mode: direct, optional: true}}
  profile: {{type: uri_folder, mode: direct, optional: true}}
  start: {{type: string}}
  end: {{type: string}}
  ignore: {{type: string, default: "-"}}
  leave_out: {{type: string, default: "-"}}
outputs:
  result: {{type: uri_folder, mode: direct}}
args: >-
  --collected ${{{{inputs.collected}}}} --start ${{{{inputs.start}}}} --end ${{{{inputs.end}}}}
  $[[--training-data ${{{{inputs.training_data}}}}]] $[[--profile ${{{{inputs.profile}}}}]]
  --ignore ${{{{inputs.ignore}}}} --leave-out ${{{{inputs.leave_out}}}} --result ${{{{outputs.result}}}}
conf:
  spark.driver.cores: 2
  spark.driver.memory: 8g
  spark.executor.cores: 4
  spark.executor.memory: 16g
  spark.executor.instances: 2
"""


def write_package(folder: Path) -> Path:
    """Write the component's folder and return its YAML file, to give to `az ml component create --file`.

    Equal code gives an equal version, so that registering it again changes nothing.
    """
    source = folder / "src"
    source.mkdir(parents=True, exist_ok=True)
    files = package_files()
    with zipfile.ZipFile(source / CODE, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(zipfile.ZipInfo(name, _FIRST_MOMENT), content)
    (source / ENTRY).write_text(_ENTRY, encoding="utf-8")
    digest = hashlib.sha256("".join((*files.values(), _ENTRY, _COMPONENT)).encode()).hexdigest()[:12]
    text = _COMPONENT.format(name=NAME, version=digest, entry=ENTRY, code=CODE)
    (folder / COMPONENT).write_text(text, encoding="utf-8")
    return folder / COMPONENT


def package_files() -> dict[str, str]:
    """Return the package's files by their names in it."""
    spark = Path(__file__).parent
    drift, root = spark.parent, spark.parents[2]
    inits = [drift.parent / "__init__.py", drift / "__init__.py", spark / "__init__.py"]
    paths = [*inits, *(path for room in ROOMS for path in sorted((drift / room).glob("*.py"))), spark / "job.py"]
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in paths}
