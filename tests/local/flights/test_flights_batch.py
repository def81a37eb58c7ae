"""The flight-delay model behind a batch endpoint scores a month of flights as it does in its own process."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pytest
from azure.ai.ml import Input, Output
from azure.ai.ml.entities import BatchEndpoint, Model, ModelBatchDeployment, ModelBatchDeploymentSettings

from local.azureml.online.serve import load_pyfunc
from tests.local.azureml.conftest import System, system  # noqa: F401 (system is a fixture)
from tests.local.flights.conftest import Champion, a_sample, own_imports

ENDPOINT = "flights-nightly"
PATHS = "azureml://datastores/workspaceblobstore/paths"


def in_process(model: Path, rows: pd.DataFrame) -> list[float]:
    """What the model answers when nothing is between it and the rows."""
    with own_imports():
        scores: list[float] = load_pyfunc(model).predict(rows)
    return scores


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_flights_are_scored_row_by_row(
    system: System,  # noqa: F811
    champion: Champion,
    tmp_path: Path,
    ending: str,
) -> None:
    flights = a_sample(month=2, rows=500)
    (tmp_path / "data").mkdir()
    file = tmp_path / "data" / f"flights.{ending}"
    flights.to_parquet(file, index=False) if ending == "parquet" else flights.to_csv(file, index=False)
    data = system.upload(tmp_path / "data", f"batch-flights/{ending}")
    uri = system.upload(champion.folder, f"models/batch-flights-{ending}")
    system.ml.models.create_or_update(Model(name=f"flights-{ending}", version="1", path=uri, type="mlflow_model"))
    system.ml.batch_endpoints.begin_create_or_update(BatchEndpoint(name=ENDPOINT, tags={})).result()
    system.ml.batch_deployments.begin_create_or_update(
        ModelBatchDeployment(
            name=ending,
            endpoint_name=ENDPOINT,
            model=f"azureml:flights-{ending}:1",
            compute="cpu-cluster",
            settings=ModelBatchDeploymentSettings(mini_batch_size=10),
        )
    ).result()

    job = system.ml.batch_endpoints.invoke(
        ENDPOINT,
        deployment_name=ending,
        inputs={"flights": Input(type="uri_folder", path=data)},
        outputs={"score": Output(type="uri_file", path=f"{PATHS}/batch-flights-scored/{ending}.csv")},
    )

    assert system.wait_for_job(str(job.name), seconds=120) == "Completed", system.job_log(str(job.name))
    content = system.storage.download_blob(f"batch-flights-scored/{ending}.csv").readall()
    scored = pd.read_csv(io.BytesIO(content), names=["row", "prediction", "file"])
    assert scored["row"].tolist() == list(range(500))
    assert set(scored["file"]) == {file.name}
    assert scored["prediction"].to_list() == pytest.approx(in_process(champion.folder, flights))
    system.ml.batch_endpoints.begin_delete(ENDPOINT).result()
