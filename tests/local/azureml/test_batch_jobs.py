"""Invocations of batch endpoints through the real MLClient; each is a real job over files in Azurite."""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import requests
from azure.ai.ml import Input, Output
from azure.ai.ml.entities import (
    BatchEndpoint,
    BatchJob,
    CodeConfiguration,
    Data,
    Environment,
    Model,
    ModelBatchDeployment,
    ModelBatchDeploymentSettings,
)
from azure.core.exceptions import ResourceNotFoundError

from tests.local.azureml.conftest import LOADER, System, bearer, write_toy_model

ENDPOINT = "batch-sums"
PATHS = "azureml://datastores/workspaceblobstore/paths"
SECONDS = 120  # a process that loads pandas is slow to start on a busy machine
Store = Callable[[dict[str, pd.DataFrame | str]], str]
# Fails where a file has a column "bad"; otherwise the sum of the columns.
BRITTLE = LOADER.replace(
    'if "crash" in frame.columns:',
    'if "bad" in frame.columns:\n            raise ValueError("bad column")\n        if False:',
)
SCRIPT = """\
import os, pathlib
import pandas as pd

def init():
    global model_dir
    model_dir = os.environ["AZUREML_MODEL_DIR"]

def run(mini_batch):
    pathlib.Path(os.environ["AZUREML_BI_OUTPUT_PATH"], "custom.txt").write_text(str(len(mini_batch)))
    has_model = pathlib.Path(model_dir, "batch-toy-1", "MLmodel").exists()
    return pd.DataFrame([[os.path.basename(each), has_model] for each in mini_batch])
"""


def deploy(system: System, name: str, model: str = "batch-toy:1", **settings: Any) -> None:
    more = {key: settings.pop(key) for key in ("code_configuration", "environment") if key in settings}
    deployment = ModelBatchDeployment(
        name=name,
        endpoint_name=ENDPOINT,
        model=f"azureml:{model}",
        compute="cpu-cluster",
        settings=ModelBatchDeploymentSettings(**{"mini_batch_size": 1, "max_concurrency_per_instance": 1, **settings}),
        **more,
    )
    system.ml.batch_deployments.begin_create_or_update(deployment).result()


@pytest.fixture(scope="module", autouse=True)
def endpoint(system: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An endpoint whose default `blue` sums the columns; `green` adds 100; `brittle` fails on a column `bad`."""
    folder = tmp_path_factory.mktemp("toys")
    for version, offset, loader in (("1", 0, LOADER), ("2", 100, LOADER), ("3", 0, BRITTLE)):
        uri = system.upload(write_toy_model(folder / version, offset, loader), f"models/batch-toy-{version}")
        system.ml.models.create_or_update(Model(name="batch-toy", version=version, path=uri, type="mlflow_model"))
    made = BatchEndpoint(name=ENDPOINT, tags={})
    system.ml.batch_endpoints.begin_create_or_update(made).result()
    deploy(system, "blue")
    deploy(system, "green", "batch-toy:2")
    deploy(system, "brittle", "batch-toy:3")
    made.defaults = {"deployment_name": "blue"}
    system.ml.batch_endpoints.begin_create_or_update(made).result()
    yield
    system.ml.batch_endpoints.begin_delete(ENDPOINT).result()


@pytest.fixture
def folder(system: System) -> Store:
    """Stores files by name, tables in the format of their ending; returns the folder's URI."""

    def store(files: dict[str, pd.DataFrame | str]) -> str:
        prefix = f"batch-input/{uuid.uuid4()}"
        for name, content in files.items():
            if isinstance(content, str):
                data = content.encode()
            elif name.endswith(".csv"):
                data = content.to_csv(index=False).encode()
            else:
                data = content.to_parquet(index=False)
            system.storage.upload_blob(f"{prefix}/{name}", data)
        return f"{PATHS}/{prefix}/"

    return store


def table(*rows: tuple[int, int]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["a", "b"])


def invoke(
    system: System, uri: str, deployment: str = "blue", kind: str = "uri_folder", **options: Any
) -> tuple[str, str]:
    """Invoke with an output location of its own; return the job's name and the path of its predictions."""
    path = f"batch-output/{uuid.uuid4()}/predictions.csv"
    outputs = {"score": Output(type="uri_file", path=f"{PATHS}/{path}")}
    return start(system, deployment, inputs={"data": Input(type=kind, path=uri)}, outputs=outputs, **options), path


def start(system: System, deployment: str, **options: Any) -> str:
    job: BatchJob = system.ml.batch_endpoints.invoke(ENDPOINT, deployment_name=deployment, **options)
    assert job.name
    return str(job.name)


def predictions(system: System, path: str) -> list[tuple[Any, ...]]:
    content = system.storage.download_blob(path).readall()
    frame = pd.read_csv(io.BytesIO(content), names=["row", "prediction", "file"])
    return list(frame.itertuples(index=False, name=None))


def test_every_row_of_every_file_is_scored_in_order(system: System, folder: Store) -> None:
    uri = folder({"1.csv": table((1, 2), (3, 4)), "2.parquet": table((5, 6)), "nested/3.csv": table((7, 8))})

    job, path = invoke(system, uri)

    assert system.wait_for_job(job, SECONDS) == "Completed"
    assert predictions(system, path) == [(0, 3, "1.csv"), (1, 7, "1.csv"), (0, 11, "2.parquet")]


def test_data_asset_and_single_file_are_inputs_too(system: System, folder: Store) -> None:
    uri = folder({"one.parquet": table((1, 1))})
    system.ml.data.create_or_update(Data(name="batch-one", version="1", type="uri_folder", path=uri))

    asset, asset_path = invoke(system, "azureml:batch-one:1")
    file, file_path = invoke(system, f"{uri}one.parquet", kind="uri_file")

    assert [system.wait_for_job(job, SECONDS) for job in (asset, file)] == ["Completed", "Completed"]
    assert predictions(system, asset_path) == predictions(system, file_path) == [(0, 2, "one.parquet")]


def test_job_is_read_and_listed_as_the_service_does(system: System, folder: Store) -> None:
    uri = folder({"1.csv": table((1, 2))})

    job, _ = invoke(system, uri, experiment_name="night-scoring", job_name="tonight")

    read = system.ml.jobs.get(job)
    assert job.startswith("batchjob-")
    assert (read.type, read.display_name, read.experiment_name) == ("pipeline", "tonight", "night-scoring")
    assert read.tags == {"azureml.batchrun": "true", "azureml.deploymentname": "blue"}
    assert job in {listed_job.name for listed_job in system.ml.batch_endpoints.list_jobs(ENDPOINT)}
    assert job in {listed_job.name for listed_job in system.ml.batch_deployments.list_jobs(ENDPOINT, name="blue")}
    assert job not in {listed_job.name for listed_job in system.ml.batch_deployments.list_jobs(ENDPOINT, name="green")}
    assert job in {listed_job.name for listed_job in system.ml.jobs.list()}
    system.wait_for_job(job, SECONDS)
    listed = {listed_job.name: listed_job.status for listed_job in system.ml.batch_endpoints.list_jobs(ENDPOINT)}
    assert listed[job] == "Completed"


def test_run_events_are_raised_for_the_job_and_its_step(system: System, folder: Store) -> None:
    job, _ = invoke(system, folder({"1.csv": table((1, 2))}))

    completed = system.events_of("RunCompleted", f"/runs/{job}")[0]["data"]
    assert (completed["experimentName"], completed["runType"]) == (ENDPOINT, "azureml.PipelineRun")
    assert completed["runTags"]["azureml.deploymentname"] == "blue"
    assert completed["createdBy"] == "Ana Souza"
    step = system.events_of("RunCompleted", f"/runs/{job}_batchscoring")[0]["data"]
    assert step["runType"] == "azureml.StepRun"
    statuses = [event["data"]["runStatus"] for event in system.events_of("RunStatusChanged", f"/runs/{job}")]
    assert statuses == ["NotStarted", "Queued", "Starting", "Running", "Finalizing", "Completed"]


def test_without_a_place_of_its_own_the_output_is_below_the_step(system: System, folder: Store) -> None:
    job = start(system, "green", input=Input(type="uri_folder", path=folder({"1.csv": table((1, 2))})))

    assert system.wait_for_job(job, SECONDS) == "Completed"
    path = f"azureml/{job}_batchscoring/score/predictions.csv"
    assert predictions(system, path) == [(0, 103, "1.csv")]


def test_used_output_location_fails_the_second_job(system: System, folder: Store) -> None:
    uri = folder({"1.csv": table((1, 2))})
    output = {"score": Output(type="uri_file", path=f"{PATHS}/batch-output/{uuid.uuid4()}.csv")}

    statuses = []
    for _ in range(2):
        job = start(system, "blue", inputs={"data": Input(type="uri_folder", path=uri)}, outputs=output)
        statuses.append(system.wait_for_job(job, SECONDS))

    assert statuses == ["Completed", "Failed"]
    assert "the output file exists" in system.job_log(job)


def test_default_deployment_answers_when_none_is_named(system: System, folder: Store) -> None:
    endpoint = system.ml.batch_endpoints.get(ENDPOINT)
    body = {"properties": {"inputData": {"x": {"jobInputType": "UriFolder", "uri": folder({"1.csv": table((1, 1))})}}}}

    answer = requests.post(endpoint.scoring_uri, json=body, headers=bearer(), timeout=10)

    assert (answer.status_code, answer.headers["azureml-model-deployment"]) == (201, "blue")
    system.wait_for_job(answer.json()["name"], SECONDS)


@pytest.mark.parametrize(
    ("threshold", "status"), [pytest.param(-1, "Completed", id="ignored"), pytest.param(0, "Failed", id="none_allowed")]
)
def test_files_that_fail_are_left_out_up_to_the_error_threshold(
    system: System, folder: Store, threshold: int, status: str
) -> None:
    deploy(system, "brittle", "batch-toy:3", error_threshold=threshold)
    uri = folder({"1.csv": table((1, 2)), "2.csv": pd.DataFrame({"bad": [1]})})

    job, path = invoke(system, uri, "brittle")

    assert system.wait_for_job(job, SECONDS) == status
    if status == "Completed":
        assert predictions(system, path) == [(0, 3, "1.csv")]
    assert "could not be scored: 2.csv" in system.job_log(job)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        pytest.param({"1.csv": table((1, 2)), "2.avro": "?"}, "File type 'avro' is not supported", id="file_type"),
        pytest.param({"1.parquet": "no parquet"}, "Error processing input file", id="damaged_file"),
        pytest.param({"1.csv": pd.DataFrame({"bad": [1]})}, "no file could be scored", id="nothing_scored"),
    ],
)
def test_input_that_cannot_be_scored_fails_the_job_with_the_reason(
    system: System,
    folder: Store,
    files: dict[str, pd.DataFrame | str],
    reason: str,
) -> None:
    deploy(system, "brittle", "batch-toy:3")

    job, path = invoke(system, folder(files), "brittle")

    assert system.wait_for_job(job, SECONDS) == "Failed"
    assert reason in system.job_log(job)
    assert not system.storage.get_blob_client(path).exists()


def test_missing_data_fails_the_job(system: System) -> None:
    job, _ = invoke(system, f"{PATHS}/nothing/here/")

    assert system.wait_for_job(job, SECONDS) == "Failed"
    assert "nothing is stored at 'nothing/here'" in system.job_log(job)


def test_scoring_script_gets_mini_batches_of_paths(system: System, folder: Store, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "score.py").write_text(SCRIPT)
    environment = system.ml.environments.create_or_update(Environment(name="batch-env", version="1", image="python"))
    deploy(
        system,
        "scripted",
        code_configuration=CodeConfiguration(code=str(tmp_path / "src"), scoring_script="score.py"),
        environment=environment.id,
        mini_batch_size=2,
    )
    uri = folder({f"{number}.txt": "x" for number in range(3)})

    job = start(system, "scripted", inputs={"data": Input(type="uri_folder", path=uri)})

    assert system.wait_for_job(job, SECONDS) == "Completed"
    score = f"azureml/{job}_batchscoring/score"
    rows = system.storage.download_blob(f"{score}/predictions.csv").readall().decode()
    assert rows.splitlines() == ["0.txt True", "1.txt True", "2.txt True"]
    assert system.storage.download_blob(f"{score}/custom.txt").readall() == b"1"


def test_invocation_that_cannot_start_is_refused(system: System) -> None:
    uri = system.ml.batch_endpoints.get(ENDPOINT).scoring_uri
    signed = bearer()
    literal: Any = {"properties": {"inputData": {"n": {"jobInputType": "Literal", "value": 1}}}}

    assert requests.post(uri, json={}, timeout=5).status_code == 401
    assert requests.post(uri.replace(ENDPOINT, "nobody"), json={}, headers=signed, timeout=5).status_code == 404
    refused = requests.post(uri, json=literal, headers=signed, timeout=5)
    assert (refused.status_code, "UriFile or UriFolder" in refused.text) == (400, True)
    unknown = {**signed, "azureml-model-deployment": "nobody"}
    assert requests.post(uri, json=literal, headers=unknown, timeout=5).status_code == 404


def test_endpoint_without_a_default_or_jobs_says_so(system: System) -> None:
    made = system.ml.batch_endpoints.begin_create_or_update(BatchEndpoint(name="empty", tags={})).result()

    answer = requests.post(made.scoring_uri, json={}, headers=bearer(), timeout=5)

    assert (answer.status_code, "no default deployment" in answer.text) == (400, True)
    assert list(system.ml.batch_endpoints.list_jobs("empty")) == []
    system.ml.batch_endpoints.begin_delete("empty").result()
    with pytest.raises(ResourceNotFoundError):
        system.ml.batch_endpoints.list_jobs("empty")


def test_faults_hit_invocations_too(system: System, folder: Store) -> None:
    url = f"{system.addresses.url('azureml')}/_local/faults"
    uri = folder({"1.csv": table((1, 2))})
    scoring = system.ml.batch_endpoints.get(ENDPOINT).scoring_uri
    body = {"properties": {"inputData": {"x": {"jobInputType": "UriFolder", "uri": uri}}}}
    previous = len(list(system.ml.batch_endpoints.list_jobs(ENDPOINT)))

    requests.post(url, json={"lost_replies": 1}, timeout=5)
    with pytest.raises(requests.ConnectionError):
        requests.post(scoring, json=body, headers=bearer(), timeout=5)
    requests.post(url, json={"status_401": 1}, timeout=5)
    refused = requests.post(scoring, json=body, headers=bearer(), timeout=5)

    assert refused.status_code == 401
    made = list(system.ml.batch_endpoints.list_jobs(ENDPOINT))
    assert len(made) == previous + 1
    system.wait_for_job(str(made[0].name), SECONDS)


def test_running_job_is_cancelled(system: System, folder: Store) -> None:
    job, path = invoke(system, folder({"1.csv": pd.DataFrame({"slow": [60]})}))

    system.ml.jobs.begin_cancel(job).result()

    assert system.wait_for_job(job, SECONDS) == "Canceled"
    assert not system.storage.get_blob_client(path).exists()
