"""Assets of the workspace through the real MLClient."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from azure.ai.ml import PyTorchDistribution, load_component
from azure.ai.ml.entities import CommandComponent, Data, Environment, Model
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from tests.local.azureml.conftest import System, write_toy_model


def test_workspace_and_datastore_can_be_read(system: System) -> None:
    workspace = system.ml.workspaces.get()
    datastore = system.ml.datastores.get("workspaceblobstore")

    assert workspace.name == "ws-local"
    assert (datastore.type, datastore.container_name) == ("AzureBlob", "azureml-blobstore")


def test_environment_is_read_back(system: System) -> None:
    system.ml.environments.create_or_update(Environment(name="env", version="1", image="python:3.11"))

    assert system.ml.environments.get("env", version="1").image == "python:3.11"


def test_data_versions_count_up_and_latest_is_the_newest(system: System) -> None:
    path = "azureml://datastores/workspaceblobstore/paths/flights/{}"
    for month in ("jan", "feb"):
        system.ml.data.create_or_update(Data(name="flights", path=path.format(month), type="uri_folder"))

    latest = system.ml.data.get("flights", label="latest")

    assert latest.version == "2"
    assert latest.path.endswith("/datastores/workspaceblobstore/paths/flights/feb/")


def test_component_with_a_local_code_folder_is_uploaded_and_registered(system: System, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("print('hello')")
    (tmp_path / "component.yaml").write_text(
        "$schema: https://azuremlschemas.azureedge.net/latest/commandComponent.schema.json\n"
        "type: command\nname: hello\nversion: '3'\ncode: .\nenvironment: azureml:env:1\n"
        "inputs:\n  n: {type: integer, default: 2}\ncommand: python main.py ${{inputs.n}}\n"
    )

    made = system.ml.components.create_or_update(load_component(tmp_path / "component.yaml"))

    assert made.version == "3"
    latest = system.ml.components.get("hello", label="latest")
    assert (latest.version, latest.command) == ("3", "python main.py ${{inputs.n}}")
    assert "/codes/" in system.ml.components.get("hello", version="3").code


def test_unchanged_component_is_accepted_again_and_changed_code_needs_a_new_version(
    system: System, tmp_path: Path
) -> None:
    (tmp_path / "main.py").write_text("print(1)")
    (tmp_path / "component.yaml").write_text(
        "type: command\nname: twice\nversion: '1'\ncode: .\nenvironment: azureml:env:1\ncommand: python main.py\n"
    )
    first = system.ml.components.create_or_update(load_component(tmp_path / "component.yaml"))
    again = system.ml.components.create_or_update(load_component(tmp_path / "component.yaml"))
    (tmp_path / "main.py").write_text("print(2)")

    assert again.code == first.code
    with pytest.raises(HttpResponseError, match="componentSpec can't be changed"):
        system.ml.components.create_or_update(load_component(tmp_path / "component.yaml"))


def test_model_from_a_datastore_path_is_registered_and_raises_an_event(system: System, tmp_path: Path) -> None:
    uri = system.upload(write_toy_model(tmp_path / "toy"), "models/by-hand")

    made = system.ml.models.create_or_update(
        Model(name="by-hand", path=uri, type="mlflow_model", tags={"stage": "candidate"}, properties={"auc": "0.7"})
    )

    assert made.version == "1"
    latest = system.ml.models.get("by-hand", label="latest")
    assert (latest.version, latest.tags, latest.type) == ("1", {"stage": "candidate"}, "mlflow_model")
    assert latest.creation_context.created_by == "Ana Souza"
    event = system.events_of("ModelRegistered", "models/by-hand:1")[0]
    assert event["data"] == {
        "ModelName": "by-hand",
        "ModelVersion": "1",
        "ModelTags": {"stage": "candidate"},
        "ModelProperties": {"auc": "0.7"},
    }


def test_model_tags_can_be_changed_and_archived_versions_are_not_listed(system: System) -> None:
    path = "azureml://datastores/workspaceblobstore/paths/models/any"
    for _ in range(2):
        system.ml.models.create_or_update(Model(name="tagged", path=path, type="custom_model"))

    first = system.ml.models.get("tagged", version="1")
    first.tags["vigia"] = "champion"
    system.ml.models.create_or_update(first)
    system.ml.models.archive("tagged", version="2")

    assert system.ml.models.get("tagged", version="1").tags["vigia"] == "champion"
    assert [version.version for version in system.ml.models.list("tagged")] == ["1"]
    assert system.ml.models.get("tagged", label="latest").version == "1"


def test_model_path_can_not_be_changed(system: System) -> None:
    path = "azureml://datastores/workspaceblobstore/paths/models/{}"
    system.ml.models.create_or_update(Model(name="fixed", version="1", path=path.format("a"), type="custom_model"))

    with pytest.raises(HttpResponseError, match="Asset paths cannot be updated"):
        system.ml.models.create_or_update(Model(name="fixed", version="1", path=path.format("b"), type="custom_model"))


def test_unknown_model_is_not_found(system: System) -> None:
    with pytest.raises(ResourceNotFoundError, match="models/nobody"):
        system.ml.models.get("nobody", version="1")
    with pytest.raises(ResourceNotFoundError):
        list(system.ml.models.list("nobody"))


def test_compute_instance_stops_and_starts_and_a_cluster_does_not(system: System) -> None:
    system.ml.compute.begin_stop("ci-local").result()
    stopped = system.ml.compute.get("ci-local").state
    system.ml.compute.begin_start("ci-local").result()

    assert (stopped, system.ml.compute.get("ci-local").state) == ("Stopped", "Running")
    assert {compute.name: compute.type for compute in system.ml.compute.list()} == {
        "ci-local": "computeinstance",
        "cpu-cluster": "amlcompute",
    }
    with pytest.raises(HttpResponseError, match="Scale a cluster down"):
        system.ml.compute.begin_stop("cpu-cluster").result()


def test_cluster_is_scaled_by_an_update(system: System) -> None:
    cluster = system.ml.compute.get("cpu-cluster")
    cluster.max_instances = 0
    system.ml.compute.begin_update(cluster).result()

    assert system.ml.compute.get("cpu-cluster").max_instances == 0


def test_schedules_are_listed(system: System) -> None:
    assert list(system.ml.schedules.list()) == []


def component(name: str, version: str | None = "1", **settings: Any) -> CommandComponent:
    return CommandComponent(
        name=name,
        version=version,
        command="true",
        environment="azureml:env:1",
        inputs={"n": {"type": "number"}},
        **settings,
    )


def test_components_texts_can_change_and_its_command_can_not(system: System) -> None:
    system.ml.components.create_or_update(component("texts", display_name="before"))

    changed = system.ml.components.create_or_update(component("texts", display_name="after", tags={"a": "b"}))

    assert (changed.display_name, changed.tags) == ("after", {"a": "b"})
    other = component("texts")
    other.command = "false"
    with pytest.raises(HttpResponseError, match="can't be changed"):
        system.ml.components.create_or_update(other)


def test_component_without_a_version_gets_the_first_and_then_a_time(system: System) -> None:
    first = system.ml.components.create_or_update(component("counted", None))
    second = system.ml.components.create_or_update(component("counted", None))

    assert first.version == "1"
    assert re.fullmatch(r"\d{4}(-\d\d){5}-\d{7}", second.version)
    assert system.ml.components.get("counted").version == second.version
    assert first._to_rest_object().properties.component_spec["inputs"]["n"]["optional"] is False


def test_anonymous_component_is_its_content_and_its_name(system: System) -> None:
    names = ["one_name", "other_name", "one_name"]
    made = [system.ml.components.create_or_update(component(name), is_anonymous=True) for name in names]

    assert [entity.name for entity in made] == names
    assert made[0].id == made[2].id != made[1].id


def test_numbers_of_a_distribution_are_text(system: System) -> None:
    made = system.ml.components.create_or_update(
        component("spread", distribution=PyTorchDistribution(process_count_per_instance=2))
    )

    assert made.distribution.process_count_per_instance == "2"
