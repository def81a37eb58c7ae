"""A Spark component as a command: PySpark on this machine, in local mode, in place of a cluster."""

from __future__ import annotations

import os
import shlex
import shutil

from local.azureml.base.arm import Json
from local.azureml.base.config import AzureMlConfig
from local.azureml.jobs.job import JobFailedError

CORES = 2
# What serverless Spark's runtime 3.5 has, on Python 3.11.
# Source: github.com/microsoft/synapse-spark-runtime, Synapse-Python311-CPU.yml, read 2026-11-30.
LIBRARIES = ("pyspark==3.5.5", "numpy==1.26.4", "pandas==2.2.3", "pyarrow==19.0.0")


def spark_command(component: Json) -> str:
    """Return the command line of a component's entry, its `${{…}}` not filled in yet.

    Raises:
        JobFailedError: the component has no entry file.
    """
    entry = component.get("entry") or {}
    if not entry.get("file"):
        raise JobFailedError("only Spark components with entry.file run here")
    return f"python {shlex.quote(str(entry['file']))} {component.get('args') or ''}"


def spark_environment(component: Json, config: AzureMlConfig) -> dict[str, str]:
    """Return the settings with which PySpark runs; the sizes of a cluster's machines mean nothing here."""
    files = ",".join(component.get("py_files") or [])
    shipped = f"--py-files {shlex.quote(files)} " if files else ""
    python = spark_python(config)
    return {
        "PYSPARK_SUBMIT_ARGS": f"--master local[{CORES}] --conf spark.ui.enabled=false {shipped}pyspark-shell",
        "PYSPARK_PYTHON": python,
        "PYSPARK_DRIVER_PYTHON": python,
        # The driver of a cluster has them, too.
        "PYTHONPATH": os.pathsep.join(component.get("py_files") or []),
        "SPARK_LOCAL_IP": "127.0.0.1",
    }


def spark_python(config: AzureMlConfig) -> str:
    """Return the Python that has PySpark.

    Raises:
        JobFailedError: there is none; the message says what to install.
    """
    if not config.spark_python:
        raise JobFailedError(
            "a Spark component needs PySpark, which is no part of this environment: "
            f"make one (python3.11 -m venv E; E/bin/pip install {' '.join(LIBRARIES)}), install Java 17, "
            "and set VIGIA_SPARK_PYTHON=E/bin/python before starting"
        )
    if shutil.which("java") is None and not os.environ.get("JAVA_HOME"):
        raise JobFailedError("a Spark component needs Java 17, and there is no java on the PATH")
    return config.spark_python
