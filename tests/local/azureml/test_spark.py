"""The Spark component, submitted by the product's own adapter and the real SDK; with `--long` it runs on the libraries
of serverless Spark's runtime 3.5, which pip fetches once, into .vigia/spark-3.5 (500 MB)."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from azure.ai.ml import load_component, load_job

from local.addresses import WORKSPACE_CONTAINER, Addresses
from local.azureml.jobs.job import JobFailedError
from local.azureml.jobs.spark import LIBRARIES, spark_command
from shared.adapters.azure_ml.pipeline_job import pipeline_job
from shared.adapters.tables.data import WorkspaceData
from shared.domain.ids import DeploymentName, EndpointName, JobName
from shared.drift.comparison.verdict import compare
from shared.drift.profiles.counting import count
from shared.drift.profiles.profile import profile
from shared.drift.profiles.reference import Profile
from shared.drift.profiles.stored import counts_from_bytes
from shared.drift.spark.package import NAME, write_package
from shared.errors import WorkspaceError
from shared.ports.jobs import JobRequest, SparkResources
from tests.docs.pages import ROOT, blocks
from tests.local.azureml.conftest import System, running
from tests.settings import settings_for

STORE = "azureml://datastores/workspaceblobstore/paths"


def a_request(name: str, **changes: Any) -> JobRequest:
    inputs = {
        "collected": f"{STORE}/spark/collected",
        "training_data": f"{STORE}/spark/training",
        "start": "2026-11-20T03:00:00Z",
        "end": "2026-11-20T05:00:00Z",
    }
    values: dict[str, Any] = {
        "name": JobName(name),
        "component": f"azureml:{NAME}@latest",
        "inputs": inputs,
        "experiment": "churn-monitor",
        "display_name": "Count a window of churn",
        "tags": {},
        "outputs": {"result": f"{STORE}/vigia/windows/{name}"},
        "spark": SparkResources("standard_e8s_v3", "3.5", 4),
    }
    return JobRequest(**(values | changes))


@pytest.fixture
def registered(system: System, tmp_path: Path) -> System:
    system.ml.components.create_or_update(load_component(write_package(tmp_path)))
    return system


def test_the_job_asks_for_serverless_spark_and_reads_and_writes_directly(registered: System) -> None:
    job = registered.ml.jobs.create_or_update(pipeline_job(registered.ml, a_request("spark-wire")))
    (step,) = registered.ml.jobs.get(job.name)._to_rest_object().properties.jobs.values()
    assert step["type"] == "spark"
    assert step["resources"] == {"instance_type": "standard_e8s_v3", "runtime_version": "3.5"}
    assert step["conf"]["spark.executor.instances"] == 4
    assert step["identity"]["identity_type"].lower() == "managed"
    assert step["inputs"]["collected"]["mode"].lower() == "direct"


def test_without_pyspark_the_job_fails_and_says_what_to_install(registered: System) -> None:
    name = registered.ml.jobs.create_or_update(pipeline_job(registered.ml, a_request("spark-missing"))).name
    assert registered.wait_for_job(name) == "Failed"
    assert "set VIGIA_SPARK_PYTHON" in registered.job_log(name)


def test_the_job_in_the_documentation_is_taken(registered: System, tmp_path: Path) -> None:
    page = ROOT / "docs" / "how-to" / "monitor-large-data.md"
    (block,) = (block for block in blocks(page) if block.info == ("yaml",))
    (tmp_path / "count.yml").write_text(block.text)
    name = registered.ml.jobs.create_or_update(load_job(tmp_path / "count.yml")).name
    assert registered.wait_for_job(name) == "Failed"
    assert "set VIGIA_SPARK_PYTHON" in registered.job_log(name)


def test_a_spark_component_without_spark_resources_is_refused(registered: System) -> None:
    with pytest.raises(WorkspaceError, match="is of type spark"):
        pipeline_job(registered.ml, a_request("spark-none", spark=None))


def test_only_an_entry_file_runs() -> None:
    with pytest.raises(JobFailedError, match=r"entry\.file"):
        spark_command({"entry": {"class_name": "org.example.Main"}})
    assert spark_command({"entry": {"file": "a.py"}, "args": "--x ${{inputs.x}}"}) == "python a.py --x ${{inputs.x}}"


@pytest.fixture
def on_spark(azurite: Addresses, tmp_path: Path, is_long: bool) -> Iterator[System]:
    with running(azurite, tmp_path / "azureml", str(runtime_python(is_long))) as system:
        system.ml.components.create_or_update(load_component(write_package(tmp_path / "component")))
        yield system


def runtime_python(is_long: bool) -> Path:
    """Return a Python 3.11 with what runtime 3.5 has, installed by the first run; PySpark's start takes a minute."""
    if not is_long:
        pytest.skip("only with --long")
    folder = ROOT / ".vigia" / "spark-3.5"
    python, base = folder / "bin" / "python", sys.executable if sys.version_info[:2] == (3, 11) else "python3.11"
    if not shutil.which("java") or not shutil.which(base):
        pytest.skip("Spark 3.5 needs Java 17 and Python 3.11 on the PATH")
    if not (folder / ".complete").exists():
        subprocess.run([base, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *LIBRARIES], check=True)
        (folder / ".complete").touch()
    return python


@pytest.mark.timeout(600)
def test_on_the_runtime_the_job_reports_what_one_process_does(on_spark: System, azurite: Addresses) -> None:
    training, window = a_table(1, 2_000, 0.0), a_table(2, 1_500, 0.4)
    start, folder = datetime.fromisoformat("2026-11-20T03:00:00Z"), "spark35"
    training.to_parquet(path := on_spark.workdir / "part.parquet", index=False)
    on_spark.storage.upload_blob(f"{folder}/training/part.parquet", path.read_bytes())
    for hour in (0, 1):
        lines = window.iloc[hour * 750 : hour * 750 + 750].to_json(orient="records", lines=True).splitlines()
        at = start + timedelta(hours=hour, minutes=5)
        body = "\n".join(collected(f"{hour}-{number}", at, line) for number, line in enumerate(lines))
        name = f"modelDataCollector/spark35/v-1/model_inputs/{at:%Y/%m/%d/%H}/part.jsonl"
        on_spark.storage.upload_blob(name, body.encode())
    request = a_request("spark-on-3-5")
    inputs = {
        **request.inputs,
        "collected": f"{STORE}/modelDataCollector/spark35/v-1/model_inputs",
        "training_data": f"{STORE}/{folder}/training",
    }
    job = pipeline_job(on_spark.ml, a_request("spark-on-3-5", inputs=inputs))
    assert on_spark.wait_for_job(on_spark.ml.jobs.create_or_update(job).name, 300) == "Completed"

    profiled = Profile.from_bytes(written(on_spark, "profile"))
    there = compare(profiled, counts_from_bytes(written(on_spark, "counts")))

    connection = azurite.storage_connection_string
    settings = settings_for(VIGIA_WORKSPACE_STORAGE=connection, VIGIA_WORKSPACE_CONTAINER=WORKSPACE_CONTAINER)
    catalogue: Any = None
    reader = WorkspaceData(settings, catalogue)
    reference = profile(reader.batches(f"{STORE}/{folder}/training"))
    served = reader.collected_batches(EndpointName("spark35"), DeploymentName("v-1"), start, start + timedelta(hours=2))
    assert there == compare(reference, count(reference, served))
    assert there.window_rows == 1_500
    assert [column.name for column in there.drifted] == ["number"]


def a_table(seed: int, rows: int, shift: float) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    words = random.choice(["a", "b", "c"], rows)
    return pd.DataFrame({"number": random.normal(shift, 1, rows), "few": random.integers(0, 9, rows), "word": words})


def collected(number: str, at: datetime, row: str) -> str:
    return json.dumps({"id": number, "correlationid": number, "time": at.isoformat(), "data": [json.loads(row)]})


def written(system: System, part: str) -> bytes:
    (name,) = system.storage.list_blob_names(name_starts_with=f"vigia/windows/spark-on-3-5/{part}/part-")
    return base64.b64decode(system.storage.download_blob(name).readall())
