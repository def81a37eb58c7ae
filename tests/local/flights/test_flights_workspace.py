"""A user's assets in a workspace: the real client, the emulated service, and the components as real jobs."""

from __future__ import annotations

import uuid

import pytest
from azure.ai.ml import Input, Output, dsl

from local.flights.bad_version import make_bad_package, register_bad_version
from local.flights.register import register_components, register_data, register_environment
from local.flights.workspace_files import WorkspaceFiles
from shared.adapters.azure_ml.records import job_record, model_record
from shared.domain.releases.verdict import Verdict
from shared.release.gates.overfitting import Overfitting
from shared.release.gates.overfitting import judge as overfitting
from shared.release.gates.spec import GateEvidence, Lineage
from tests.local.azureml.conftest import System
from tests.local.flights.conftest import Champion, a_sample


@pytest.fixture(scope="module")
def files(system: System) -> WorkspaceFiles:
    return WorkspaceFiles.at(system.addresses)


def test_registered_component_trains_and_registers_a_model(system: System, files: WorkspaceFiles) -> None:
    environment = register_environment(system.ml)
    components = register_components(system.ml)
    data = register_data(system.ml, files, "flights-jan", "1", a_sample())
    assert (environment.name, data.version) == ("flight-delay", "1")
    assert set(components) == {"train_flight_delay", "evaluate_flight_delay"}

    train = components["train_flight_delay"]

    @dsl.pipeline(compute="cpu-cluster", experiment_name="training")  # type: ignore[call-overload]
    def training(training_data):  # type: ignore[no-untyped-def]  # the SDK reads annotations, and takes none as text
        return {"model": train(training_data=training_data).outputs.model}

    job = training(training_data=Input(type="uri_file", path="azureml:flights-jan:1"))
    job.name = f"job-{uuid.uuid4().hex[:12]}"
    job.outputs.model = Output(type="mlflow_model", name="flight-delay-trained")
    system.ml.jobs.create_or_update(job)

    assert system.wait_for_job(job.name) == "Completed", system.job_log(job.name)
    assert '"validation_roc_auc"' in system.job_log(job.name)
    model = system.ml.models.get("flight-delay-trained", "1")
    assert model.job_name == job.name
    lineage = Lineage(model_record(model), job_record(system.ml.jobs.get(job.name)))
    for gap_at_most, verdict in ((0.2, Verdict.PASS), (0.0, Verdict.FAIL)):
        gate = Overfitting(metric="roc_auc", gap_at_most=gap_at_most)
        result = overfitting(gate, GateEvidence(None, has_champion=False, lineage=lineage))
        assert result.verdict is verdict, result.reason


def test_registering_again_is_harmless(system: System) -> None:
    for _ in range(2):
        register_environment(system.ml)
        assert {component.version for component in register_components(system.ml).values()} == {"1"}


def test_bad_version_is_the_next_version_with_its_tags(
    system: System, files: WorkspaceFiles, champion: Champion, tmp_path_factory: pytest.TempPathFactory
) -> None:
    bad = make_bad_package(champion.folder, tmp_path_factory.mktemp("versions") / "weather-aware")
    first = register_bad_version(system.ml, files, bad, "flight-delay-bad", {"author": "ben@example.com"})
    second = register_bad_version(system.ml, files, bad, "flight-delay-bad", {})
    assert (first.version, second.version) == ("1", "2")
    assert (first.type, first.tags["author"]) == ("mlflow_model", "ben@example.com")
    folder = first.path.split("/paths/", 1)[1].rstrip("/")
    names = {name.removeprefix(folder + "/") for name in system.storage.list_blob_names(name_starts_with=folder)}
    assert {"MLmodel", "code/flight_delay_model.py", "code/champion_scoring.py", "data/model.joblib"} <= names
