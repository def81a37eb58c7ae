"""Batch endpoints, their deployments and the default one, through the real MLClient."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from azure.ai.ml.entities import (
    BatchEndpoint,
    BatchRetrySettings,
    CodeConfiguration,
    Model,
    ModelBatchDeployment,
    ModelBatchDeploymentSettings,
)
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from local.addresses import WORKSPACE_ID
from tests.local.azureml.conftest import System, write_toy_model

ENDPOINT = "nightly"
COMPUTE = "cpu-cluster"


def deployment_of(name: str, model: str = "batch-sums:1", **settings: Any) -> ModelBatchDeployment:
    return ModelBatchDeployment(
        name=name,
        endpoint_name=ENDPOINT,
        model=f"azureml:{model}",
        compute=COMPUTE,
        settings=ModelBatchDeploymentSettings(**{"mini_batch_size": 2, **settings}),
    )


def make_default(system: System, name: str | None) -> BatchEndpoint:
    endpoint = system.ml.batch_endpoints.get(ENDPOINT)
    endpoint.defaults = {"deployment_name": name} if name else None
    updated: BatchEndpoint = system.ml.batch_endpoints.begin_create_or_update(endpoint).result()
    return updated


@pytest.fixture(scope="module")
def model(system: System, tmp_path_factory: pytest.TempPathFactory) -> str:
    uri = system.upload(write_toy_model(tmp_path_factory.mktemp("toy") / "m"), "models/batch-sums")
    system.ml.models.create_or_update(Model(name="batch-sums", version="1", path=uri, type="mlflow_model"))
    system.ml.models.create_or_update(Model(name="batch-raw", version="1", path=uri, type="custom_model"))
    return uri


@pytest.fixture
def endpoint(system: System, model: str) -> Iterator[BatchEndpoint]:
    """A batch endpoint with `blue` as the default and `green` beside it."""
    made = system.ml.batch_endpoints.begin_create_or_update(BatchEndpoint(name=ENDPOINT, tags={})).result()
    for name in ("blue", "green"):
        system.ml.batch_deployments.begin_create_or_update(deployment_of(name)).result()
    make_default(system, "blue")
    yield made
    system.ml.batch_endpoints.begin_delete(ENDPOINT).result()


@pytest.fixture
def set_faults(system: System) -> Iterator[Callable[..., None]]:
    url = f"{system.addresses.url('azureml')}/_local/faults"

    def set_all(**faults: int) -> None:
        assert requests.post(url, json=faults, timeout=5).status_code == 200

    yield set_all
    set_all(**dict.fromkeys(requests.get(url, timeout=5).json(), 0))


def default_of(system: System) -> str | None:
    name: str | None = system.ml.batch_endpoints.get(ENDPOINT).defaults.deployment_name
    return name


def test_created_endpoint_has_an_address_and_no_default(system: System) -> None:
    made = system.ml.batch_endpoints.begin_create_or_update(
        BatchEndpoint(name="fresh", description="scores at night", tags={"team": "ml"}, properties={"p": "1"})
    ).result()

    assert (made.provisioning_state, made.auth_mode) == ("Succeeded", "aad_token")
    assert (made.description, made.tags, made.properties) == ("scores at night", {"team": "ml"}, {"p": "1"})
    assert made.scoring_uri.endswith("/jobs")
    assert made.defaults.deployment_name is None
    system.ml.batch_endpoints.begin_delete("fresh").result()


def test_first_deployment_does_not_become_the_default(system: System, model: str) -> None:
    system.ml.batch_endpoints.begin_create_or_update(BatchEndpoint(name=ENDPOINT, tags={})).result()

    system.ml.batch_deployments.begin_create_or_update(deployment_of("blue")).result()

    assert default_of(system) is None
    system.ml.batch_endpoints.begin_delete(ENDPOINT).result()


def test_deployment_keeps_its_settings_and_gets_the_services_defaults(system: System, endpoint: BatchEndpoint) -> None:
    system.ml.batch_deployments.begin_create_or_update(
        deployment_of(
            "tuned",
            mini_batch_size=3,
            output_file_name="scores.csv",
            error_threshold=0,
            logging_level="warning",
            retry_settings=BatchRetrySettings(max_retries=1, timeout=60),
        )
    ).result()

    tuned, plain = (system.ml.batch_deployments.get(name, ENDPOINT) for name in ("tuned", "blue"))
    assert (tuned.mini_batch_size, tuned.output_file_name, tuned.error_threshold) == (3, "scores.csv", 0)
    assert (tuned.retry_settings.max_retries, tuned.retry_settings.timeout) == (1, 60)
    assert (tuned.provisioning_state, tuned.logging_level) == ("Succeeded", "Warning")
    assert tuned.model.endswith("/models/batch-sums/versions/1")
    assert tuned.compute.endswith("/computes/cpu-cluster")
    assert (plain.output_action, plain.output_file_name, plain.error_threshold) == ("append_row", "predictions.csv", -1)
    assert (plain.retry_settings.max_retries, plain.instance_count) == (3, 1)
    assert {deployment.name for deployment in system.ml.batch_deployments.list(ENDPOINT)} == {"blue", "green", "tuned"}


def test_default_is_swapped_and_recorded(system: System, endpoint: BatchEndpoint) -> None:
    previous = requests.get(f"{system.addresses.url('azureml')}/_local/default-writes", timeout=5).json()

    make_default(system, "green")

    assert default_of(system) == "green"
    writes = requests.get(f"{system.addresses.url('azureml')}/_local/default-writes", timeout=5).json()[len(previous) :]
    assert [(write["endpoint"], write["default"]) for write in writes] == [(ENDPOINT, "green")]


def test_default_can_be_set_as_the_documentation_does(system: System, endpoint: BatchEndpoint) -> None:
    read = system.ml.batch_endpoints.get(ENDPOINT)
    read.defaults.deployment_name = "green"

    system.ml.batch_endpoints.begin_create_or_update(read).result()

    assert default_of(system) == "green"


def test_unknown_default_is_refused_and_changes_nothing(system: System, endpoint: BatchEndpoint) -> None:
    with pytest.raises(HttpResponseError, match="default deployment 'red' does not exist"):
        make_default(system, "red")

    assert default_of(system) == "blue"


def test_default_deployment_is_not_deleted_until_another_is(system: System, endpoint: BatchEndpoint) -> None:
    with pytest.raises(HttpResponseError, match="make another one the default first"):
        system.ml.batch_deployments.begin_delete("blue", ENDPOINT)

    make_default(system, "green")
    system.ml.batch_deployments.begin_delete("blue", ENDPOINT).result()

    assert [deployment.name for deployment in system.ml.batch_deployments.list(ENDPOINT)] == ["green"]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        pytest.param({"model": "nobody:1"}, "nobody", id="unknown_model"),
        pytest.param({"model": "batch-raw:1"}, "needs a codeConfiguration", id="custom_model_without_script"),
        pytest.param({"mini_batch_size": 0}, "miniBatchSize must be a whole number from 1", id="empty_batches"),
        pytest.param({"output_action": "shout"}, "outputAction must be AppendRow or SummaryOnly", id="output_action"),
    ],
)
def test_wrong_deployment_is_refused_with_the_reason(
    system: System, endpoint: BatchEndpoint, changed: dict[str, Any], reason: str
) -> None:
    with pytest.raises(HttpResponseError, match=reason):
        system.ml.batch_deployments.begin_create_or_update(deployment_of("wrong", **changed))

    assert "wrong" not in {deployment.name for deployment in system.ml.batch_deployments.list(ENDPOINT)}


def test_script_without_environment_and_unknown_compute_are_refused(system: System, endpoint: BatchEndpoint) -> None:
    scripted = deployment_of("wrong")
    scripted.code_configuration = CodeConfiguration(code=f"{WORKSPACE_ID}/codes/c/versions/1", scoring_script="s.py")
    with pytest.raises(HttpResponseError, match="needs an environment"):
        system.ml.batch_deployments.begin_create_or_update(scripted, skip_script_validation=True)
    elsewhere = deployment_of("wrong")
    elsewhere.compute = "nobody"
    with pytest.raises(HttpResponseError, match="Unknown compute target 'nobody'"):
        system.ml.batch_deployments.begin_create_or_update(elsewhere)


def test_endpoint_needs_a_good_name_entra_id_and_filled_tags(system: System) -> None:
    create = system.ml.batch_endpoints.begin_create_or_update
    with pytest.raises(HttpResponseError, match="authMode must be AADToken"):
        create(BatchEndpoint(name="keyed", auth_mode="key"))
    with pytest.raises(HttpResponseError, match="Tag values must not be null or empty: team"):
        create(BatchEndpoint(name="tagged", tags={"team": ""}))
    assert {"keyed", "tagged"}.isdisjoint(endpoint.name for endpoint in system.ml.batch_endpoints.list())


def test_unknown_names_are_404_and_their_deletion_is_nothing(system: System, endpoint: BatchEndpoint) -> None:
    with pytest.raises(ResourceNotFoundError):
        system.ml.batch_endpoints.get("nobody")
    with pytest.raises(ResourceNotFoundError):
        system.ml.batch_deployments.get("nobody", ENDPOINT)
    with pytest.raises(ResourceNotFoundError):
        list(system.ml.batch_deployments.list("nobody"))
    system.ml.batch_endpoints.begin_delete("nobody").result()
    system.ml.batch_deployments.begin_delete("nobody", ENDPOINT).result()


def test_second_write_while_updating_is_409(
    system: System, endpoint: BatchEndpoint, set_faults: Callable[..., None]
) -> None:
    set_faults(slow_operations_ms=3_000)
    first = system.ml.batch_endpoints.begin_create_or_update(endpoint)
    with pytest.raises(HttpResponseError, match="is Updating") as busy:
        system.ml.batch_endpoints.begin_create_or_update(endpoint)
    first.result()

    deployed = system.ml.batch_deployments.begin_create_or_update(deployment_of("green"))
    with pytest.raises(HttpResponseError, match="is Updating") as at_work:
        system.ml.batch_deployments.begin_create_or_update(deployment_of("green"))
    deployed.result()

    assert (busy.value.status_code, at_work.value.status_code) == (409, 409)


def test_busy_fault_hits_every_kind_of_write(
    system: System, endpoint: BatchEndpoint, set_faults: Callable[..., None]
) -> None:
    writes: list[Callable[[], Any]] = [
        lambda: system.ml.batch_endpoints.begin_create_or_update(endpoint),
        lambda: system.ml.batch_deployments.begin_create_or_update(deployment_of("green")),
        lambda: system.ml.batch_deployments.begin_delete("green", ENDPOINT),
        lambda: system.ml.batch_endpoints.begin_delete(ENDPOINT),
    ]
    set_faults(busy_endpoint=len(writes))

    for write in writes:
        with pytest.raises(HttpResponseError) as busy:
            write()
        assert busy.value.status_code == 409


def test_reads_are_stale_for_a_while_after_a_write(
    system: System, endpoint: BatchEndpoint, set_faults: Callable[..., None]
) -> None:
    set_faults(stale_reads_ms=60_000)
    make_default(system, "green")

    assert default_of(system) == "blue"

    set_faults(stale_reads_ms=0)
    make_default(system, "green")
    assert default_of(system) == "green"
