"""The Spark component, submitted by the product's own adapter and the real SDK. That it counts right on PySpark is
measured by `dev.py bench spark`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from azure.ai.ml import load_component, load_job

from local.azureml.jobs.job import JobFailedError
from local.azureml.jobs.spark import spark_command
from shared.adapters.azure_ml.pipeline_job import pipeline_job
from shared.domain.ids import JobName
from shared.drift.spark.package import NAME, write_package
from shared.errors import WorkspaceError
from shared.ports.jobs import JobRequest, SparkResources
from tests.docs.pages import ROOT, blocks
from tests.local.azureml.conftest import System

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
        "spark": SparkResources("standard_e8s_v3", "3.4", 4),
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
    assert step["resources"] == {"instance_type": "standard_e8s_v3", "runtime_version": "3.4"}
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
