"""Jobs through the real MLClient; each runs as a subprocess."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from azure.ai.ml import Input, Output, command, dsl, load_component
from azure.ai.ml.entities import Component, Environment
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from tests.local.azureml.conftest import System

TRAIN = """\
import pathlib, shutil, sys
source, offset, model = sys.argv[1:4]
numbers = [float(line) for line in pathlib.Path(source, "numbers.txt").read_text().split()]
print("read", len(numbers), "numbers; note:", sys.argv[4:])
out = pathlib.Path(model)
(out / "data").mkdir(parents=True)
(out / "MLmodel").write_text("flavors: {}")
(out / "data" / "offset.json").write_text(str(sum(numbers) + float(offset)))
"""
COMPONENT = """\
$schema: https://azuremlschemas.azureedge.net/latest/commandComponent.schema.json
type: command
name: train
code: .
environment: azureml:env:1
inputs:
  numbers: {type: uri_folder}
  offset: {type: number, default: 1}
  note: {type: string, optional: true}
outputs:
  model: {type: mlflow_model}
command: >-
  python train.py ${{inputs.numbers}} ${{inputs.offset}} ${{outputs.model}} $[[--note ${{inputs.note}}]]
"""


@pytest.fixture(scope="module")
def train(system: System, tmp_path_factory: pytest.TempPathFactory) -> Component:
    folder = tmp_path_factory.mktemp("component")
    (folder / "train.py").write_text(TRAIN)
    (folder / "component.yaml").write_text(COMPONENT)
    system.ml.environments.create_or_update(Environment(name="env", version="1", image="python:3.11"))
    system.storage.upload_blob("numbers/numbers.txt", b"1 2 3", overwrite=True)
    made: Component = system.ml.components.create_or_update(load_component(folder / "component.yaml"))
    return made


def pipeline_of(train: Component, model: str | None = None, path: str = "numbers", **inputs: Any) -> Any:
    @dsl.pipeline(None, compute="cpu-cluster", experiment_name="training")
    def training(numbers):  # type: ignore[no-untyped-def]  # the SDK reads annotations, and takes none as text
        step = train(numbers=numbers, **inputs)
        return {"model": step.outputs.model}

    job = training(numbers=Input(type="uri_folder", path=f"azureml://datastores/workspaceblobstore/paths/{path}"))
    job.name = f"job-{uuid.uuid4().hex[:12]}"
    job.tags = {"cause": "drift"}
    if model:
        job.outputs["model"] = Output(type="mlflow_model", name=model)
    return job


def test_pipeline_job_runs_and_registers_its_model(system: System, train: Component) -> None:
    job = pipeline_of(train, model="trained", note="hello")

    system.ml.jobs.create_or_update(job)

    assert system.wait_for_job(job.name) == "Completed"
    model = system.ml.models.get("trained", label="latest")
    assert (model.version, model.job_name, model.type) == ("1", job.name, "mlflow_model")
    assert system.storage.download_blob(f"azureml/{job.name}/model/data/offset.json").readall() == b"7.0"
    assert "read 3 numbers; note: ['--note', 'hello']" in system.job_log(job.name)
    assert system.events_of("ModelRegistered", "models/trained:1")


def test_run_events_carry_the_tags_and_every_status(system: System, train: Component) -> None:
    job = pipeline_of(train)

    system.ml.jobs.create_or_update(job)
    system.wait_for_job(job.name)

    completed = system.events_of("RunCompleted", f"/runs/{job.name}")
    assert len(completed) == 1
    assert completed[0]["data"]["runTags"] == {"cause": "drift"}
    assert completed[0]["data"]["experimentName"] == "training"
    assert completed[0]["data"]["createdBy"] == "ana@example.com"
    changes = system.events_of("RunStatusChanged", f"/runs/{job.name}")
    assert [each["data"]["runStatus"] for each in changes] == [
        "Queued",
        "Starting",
        "Running",
        "Finalizing",
        "Completed",
    ]


def test_failing_step_fails_the_job_and_says_why_in_its_log(system: System, train: Component) -> None:
    job = pipeline_of(train, offset=1, path="nothing-here")

    system.ml.jobs.create_or_update(job)

    assert system.wait_for_job(job.name) == "Failed"
    assert "nothing is stored at 'nothing-here'" in system.job_log(job.name)
    changes = system.events_of("RunStatusChanged", f"/runs/{job.name}")
    assert changes[-1]["data"]["runStatus"] == "Failed"


def test_same_job_again_is_accepted_once_and_a_changed_one_is_refused(system: System, train: Component) -> None:
    job = pipeline_of(train)
    system.ml.jobs.create_or_update(job)

    again = system.ml.jobs.create_or_update(job)
    changed = pipeline_of(train, offset=5)
    changed.name = job.name
    with pytest.raises(HttpResponseError) as refused:
        system.ml.jobs.create_or_update(changed)

    assert again.name == job.name
    assert refused.value.status_code == 400
    assert "A job with this name already exists" in str(refused.value)
    assert "JobPropertyImmutable" in str(refused.value)
    assert system.wait_for_job(job.name) == "Completed"


def test_command_job_uses_its_own_code_and_literals(system: System, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("import sys; open(sys.argv[2], 'w').write(sys.argv[1].upper())")
    job = command(
        code=tmp_path,
        command="python main.py ${{inputs.word}} ${{outputs.text}}",
        inputs={"word": "salto"},
        outputs={"text": Output(type="uri_file")},
        environment="azureml:env:1",
        compute="cpu-cluster",
    )
    job.name = f"job-{uuid.uuid4().hex[:12]}"

    system.ml.jobs.create_or_update(job)

    assert system.wait_for_job(job.name) == "Completed"
    assert system.storage.download_blob(f"azureml/{job.name}/text").readall() == b"SALTO"
    assert job.name in [each.name for each in system.ml.jobs.list() if each]


def test_command_job_with_a_wrong_exit_code_fails(system: System) -> None:
    job = command(command="python -c 'import sys; print(41+1); sys.exit(9)'", environment="azureml:env:1")
    job.name = f"job-{uuid.uuid4().hex[:12]}"

    system.ml.jobs.create_or_update(job)

    assert system.wait_for_job(job.name) == "Failed"
    log = system.job_log(job.name)
    assert "42" in log
    assert "exit code 9" in log


def test_job_can_be_canceled(system: System) -> None:
    job = command(command="python -c 'import time; time.sleep(60)'", environment="azureml:env:1")
    job.name = f"job-{uuid.uuid4().hex[:12]}"
    system.ml.jobs.create_or_update(job)
    system.events_of("RunStatusChanged", f"/runs/{job.name}")

    system.ml.jobs.begin_cancel(job.name).result()

    assert system.ml.jobs.get(job.name).status == "Canceled"


def test_unknown_job_is_not_found(system: System) -> None:
    with pytest.raises(ResourceNotFoundError, match="jobs/nobody"):
        system.ml.jobs.get("nobody")
