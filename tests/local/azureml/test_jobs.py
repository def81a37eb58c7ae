"""Jobs through the real MLClient; each runs as a subprocess."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.ai.ml import Input, Output, command, dsl, load_component
from azure.ai.ml.entities import Component, Data, Environment, Model
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


def test_a_step_writes_where_it_says_itself(system: System, train: Component) -> None:
    @dsl.pipeline(None, compute="cpu-cluster", experiment_name="training")
    def training(numbers):  # type: ignore[no-untyped-def]  # the SDK reads annotations, and takes none as text
        step = train(numbers=numbers)
        place = "azureml://datastores/workspaceblobstore/paths/chosen/2026-07-01"
        step.outputs.model = Output(type="mlflow_model", path=place)

    job = training(numbers=Input(type="uri_folder", path="azureml://datastores/workspaceblobstore/paths/numbers"))
    job.name = f"job-{uuid.uuid4().hex[:12]}"
    system.ml.jobs.create_or_update(job)

    assert system.wait_for_job(job.name) == "Completed"
    assert system.storage.download_blob("chosen/2026-07-01/data/offset.json").readall() == b"7.0"


def test_run_events_carry_the_tags_and_every_status(system: System, train: Component) -> None:
    job = pipeline_of(train)

    system.ml.jobs.create_or_update(job)
    system.wait_for_job(job.name)

    completed = system.events_of("RunCompleted", f"/runs/{job.name}")
    assert len(completed) == 1
    assert completed[0]["data"]["runTags"] == {"cause": "drift"}
    assert completed[0]["data"]["experimentName"] == "training"
    assert completed[0]["data"]["createdBy"] == "Ana Souza"
    changes = system.events_of("RunStatusChanged", f"/runs/{job.name}")
    assert [event["data"]["runStatus"] for event in changes] == [
        "NotStarted",
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
    assert job.name in [listed_job.name for listed_job in system.ml.jobs.list() if listed_job]


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


def test_steps_pass_data_on_and_inputs_may_be_registered_assets(
    system: System, train: Component, tmp_path: Path
) -> None:
    (tmp_path / "compare.py").write_text(
        "import pathlib, sys\n"
        "new, old, report = map(pathlib.Path, sys.argv[1:])\n"
        "read = lambda folder: float((folder / 'data' / 'offset.json').read_text())\n"
        "(report / 'report.txt').write_text(str(read(new) - read(old)))\n"
    )
    (tmp_path / "component.yaml").write_text(
        "type: command\nname: compare\nversion: '1'\ncode: .\nenvironment: azureml:env:1\n"
        "inputs:\n  new: {type: mlflow_model}\n  old: {type: mlflow_model}\n"
        "outputs:\n  report: {type: uri_folder}\n"
        "command: python compare.py ${{inputs.new}} ${{inputs.old}} ${{outputs.report}}\n"
    )
    compare = system.ml.components.create_or_update(load_component(tmp_path / "component.yaml"))
    numbers = Data(name="numbers", path="azureml://datastores/workspaceblobstore/paths/numbers", type="uri_folder")
    system.ml.data.create_or_update(numbers)
    system.storage.upload_blob("champions/data/offset.json", b"2", overwrite=True)
    path = "azureml://datastores/workspaceblobstore/paths/champions"
    system.ml.models.create_or_update(Model(name="champion", path=path, type="mlflow_model"))

    @dsl.pipeline(None, compute="cpu-cluster")
    def two_steps(numbers, old):  # type: ignore[no-untyped-def]  # the SDK reads annotations, and takes none as text
        first = train(numbers=numbers, offset=4)
        second = compare(new=first.outputs.model, old=old)
        return {"report": second.outputs.report}

    job = two_steps(
        numbers=Input(type="uri_folder", path="azureml:numbers:1"),
        old=Input(type="mlflow_model", path="azureml:champion:1"),
    )
    job.name = f"job-{uuid.uuid4().hex[:12]}"
    job.outputs["report"] = Output(type="uri_folder", name="comparison")

    system.ml.jobs.create_or_update(job)

    assert system.wait_for_job(job.name) == "Completed"
    assert system.storage.download_blob(f"azureml/{job.name}/report/report.txt").readall() == b"8.0"
    assert system.ml.data.get("comparison", label="latest").path.endswith(f"azureml/{job.name}/report/")
    assert system.ml.jobs.get(f"{job.name}_second").status == "Completed"


def test_local_record_counts_submissions_and_keeps_times(system: System) -> None:
    job = command(command="python -c 1", environment="azureml:env:1", tags={"cause": "schedule"})
    job.name = f"job-{uuid.uuid4().hex[:12]}"
    system.ml.jobs.create_or_update(job)
    system.ml.jobs.create_or_update(job)
    system.wait_for_job(job.name)

    jobs = requests.get(f"{system.addresses.url('azureml')}/_local/jobs", timeout=5).json()

    entry = next(entry for entry in jobs if entry["name"] == job.name)
    assert (entry["status"], entry["submissions"], entry["tags"]) == ("Completed", 2, {"cause": "schedule"})
    assert entry["times"]["NotStarted"] <= entry["times"]["Running"] <= entry["times"]["Completed"]
