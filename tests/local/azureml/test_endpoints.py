"""Online endpoints and deployments through the real MLClient; each deployment is a real scoring process."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from azure.ai.ml.entities import (
    CodeConfiguration,
    DataCollector,
    DeploymentCollection,
    ManagedOnlineDeployment,
    ManagedOnlineEndpoint,
    Model,
    OnlineRequestSettings,
)
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from tests.local.azureml.conftest import System, write_toy_model

ENDPOINT = "sums"


class Caller:
    """Sends rows (columns a and b) to the endpoint, as an application would."""

    def __init__(self, system: System, endpoint: str) -> None:
        self.uri = system.ml.online_endpoints.get(endpoint).scoring_uri
        key = system.ml.online_endpoints.get_keys(endpoint).primary_key
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {key}"

    def score(self, columns: list[str], *rows: list[float], **headers: str) -> requests.Response:
        body: Any = {"input_data": {"columns": columns, "index": list(range(len(rows))), "data": list(rows)}}
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        return self.session.post(self.uri, json=body, headers=named, timeout=10)


def deployment_of(name: str, model: str, **settings: Any) -> ManagedOnlineDeployment:
    return ManagedOnlineDeployment(
        name=name, endpoint_name=ENDPOINT, model=model, instance_type="Standard_DS3_v2", instance_count=1, **settings
    )


def set_traffic(system: System, traffic: dict[str, int], mirror: dict[str, int] | None = None) -> None:
    endpoint = system.ml.online_endpoints.get(ENDPOINT)
    endpoint.traffic = traffic
    endpoint.mirror_traffic = mirror or {}
    system.ml.online_endpoints.begin_create_or_update(endpoint).result()


@pytest.fixture(scope="module")
def caller(system: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """An endpoint with `blue` (sum) and `green` (sum + 100), all traffic on blue."""
    for version, offset in (("1", 0), ("2", 100)):
        uri = system.upload(write_toy_model(tmp_path_factory.mktemp("toy") / "m", offset), f"models/sums-{version}")
        system.ml.models.create_or_update(Model(name="sums", version=version, path=uri, type="mlflow_model"))
    system.ml.online_endpoints.begin_create_or_update(ManagedOnlineEndpoint(name=ENDPOINT)).result()
    collector = DataCollector(
        collections={
            "model_inputs": DeploymentCollection(enabled="true"),
            "model_outputs": DeploymentCollection(enabled="true"),
        }
    )
    blue = deployment_of("blue", "azureml:sums:1", data_collector=collector)
    green = deployment_of("green", "azureml:sums:2", request_settings=OnlineRequestSettings(request_timeout_ms=300))
    pollers = [system.ml.online_deployments.begin_create_or_update(deployment) for deployment in (blue, green)]
    for poller in pollers:
        assert poller.result().provisioning_state == "Succeeded"
    set_traffic(system, {"blue": 100})
    made = Caller(system, ENDPOINT)
    yield made
    made.session.close()


def test_request_is_scored_by_the_deployment_with_traffic(system: System, caller: Caller) -> None:
    set_traffic(system, {"blue": 100})

    answer = caller.score(["a", "b"], [1, 2], [3, 4], x_request_id="r-1")

    assert (answer.status_code, answer.json()) == (200, [3, 7])
    assert answer.headers["azureml-model-deployment"] == "blue"
    assert answer.headers["x-request-id"] == "r-1"


def test_header_asks_for_one_deployment(caller: Caller) -> None:
    answer = caller.score(["a", "b"], [1, 2], azureml_model_deployment="green")

    assert (answer.json(), answer.headers["azureml-model-deployment"]) == ([103], "green")


def test_traffic_is_split_by_percent(system: System, caller: Caller) -> None:
    set_traffic(system, {"blue": 75, "green": 25})

    served = Counter(caller.score(["a"], [1]).headers["azureml-model-deployment"] for _ in range(200))

    assert 30 <= served["green"] <= 70


def test_mirrored_requests_are_answered_by_the_first_and_logged_for_both(system: System, caller: Caller) -> None:
    set_traffic(system, {"blue": 100}, {"green": 50})
    previous = len(list(system.traffic._requests))

    answers = {caller.score(["a"], [1]).headers["azureml-model-deployment"] for _ in range(60)}

    time.sleep(0.3)
    new = list(system.traffic._requests)[previous:]
    mirrored = [request for request in new if request.is_mirrored]
    assert answers == {"blue"}
    assert 15 <= len(mirrored) <= 45
    assert {request.deployment_name for request in mirrored} == {"green"}
    assert system.ml.online_endpoints.get(ENDPOINT).mirror_traffic == {"green": 50}
    set_traffic(system, {"blue": 100})


def test_exception_in_the_model_is_424_with_the_models_status(system: System, caller: Caller) -> None:
    answer = caller.score(["a"], ["x", 1])  # type: ignore[list-item]

    assert answer.status_code == 424
    assert answer.headers["ms-azureml-model-error-statuscode"] == "500"
    assert "columns" in answer.json()["message"]
    row = list(system.traffic._requests)[-1]
    assert (row.response_code, row.model_status_code, row.endpoint_name) == (424, 500, ENDPOINT)
    assert "Traceback" in system.ml.online_deployments.get_logs("blue", ENDPOINT, lines=50)


def test_slow_model_is_408_after_the_deployments_timeout(caller: Caller) -> None:
    answer = caller.score(["slow"], [0.6], azureml_model_deployment="green")

    assert answer.status_code == 408


def test_wrong_key_and_unknown_endpoint_are_refused(system: System, caller: Caller) -> None:
    wrong = requests.post(caller.uri, json={}, headers={"Authorization": "Bearer no"}, timeout=5)
    missing = requests.post(caller.uri.replace(ENDPOINT, "nobody"), json={}, timeout=5)

    assert (wrong.status_code, missing.status_code) == (401, 404)


def test_no_traffic_is_404(system: System, caller: Caller) -> None:
    set_traffic(system, {})

    assert caller.score(["a"], [1]).status_code == 404
    set_traffic(system, {"blue": 100})


@pytest.mark.parametrize(
    ("traffic", "mirror", "message"),
    [
        pytest.param({"blue": 60, "green": 30}, {}, "sum to 0 or 100", id="sum_of_90"),
        pytest.param({"red": 100}, {}, "do not exist: red", id="unknown_deployment"),
        pytest.param({"blue": 100}, {"green": 51}, "at most 50", id="mirror_over_50"),
    ],
)
def test_impossible_traffic_is_refused(
    system: System, caller: Caller, traffic: dict[str, int], mirror: dict[str, int], message: str
) -> None:
    with pytest.raises(HttpResponseError, match=message):
        set_traffic(system, traffic, mirror)

    assert system.ml.online_endpoints.get(ENDPOINT).traffic == {"blue": 100, "green": 0}


def test_deployment_with_traffic_is_not_deleted(system: System, caller: Caller) -> None:
    with pytest.raises(HttpResponseError, match="has 100% traffic"):
        system.ml.online_deployments.begin_delete("blue", ENDPOINT).result()

    assert {deployment.name for deployment in system.ml.online_deployments.list(ENDPOINT)} >= {"blue", "green"}


def test_deployment_event_names_the_endpoint_and_the_model(system: System, caller: Caller) -> None:
    events = system.events_of("ModelDeployed", f"endpoints/{ENDPOINT}")

    assert {event["data"]["ModelIds"] for event in events} >= {"sums:1", "sums:2"}


def test_inputs_and_outputs_are_collected(system: System, caller: Caller) -> None:
    caller.score(["a", "b"], [40, 2], x_request_id="r-collected")
    deadline = time.monotonic() + 8
    lines: dict[str, Any] = {}
    while len(lines) < 2 and time.monotonic() < deadline:
        lines = {
            collection: line
            for collection in ("model_inputs", "model_outputs")
            for line in _lines(system, f"modelDataCollector/{ENDPOINT}/blue/{collection}/")
            if line["xrequestid"] == "r-collected"
        }
        time.sleep(0.1)

    assert lines["model_inputs"]["data"] == [{"a": 40, "b": 2}]
    assert lines["model_inputs"]["type"] == "azureml.inference.inputs"
    assert lines["model_outputs"]["data"] == [{"prediction": 42}]
    assert lines["model_outputs"]["modelversion"] == "1"


def _lines(system: System, prefix: str) -> list[dict[str, Any]]:
    names = [blob.name for blob in system.storage.list_blobs(name_starts_with=prefix)]
    texts = [system.storage.download_blob(name).readall().decode() for name in names]
    return [json.loads(line) for text in texts for line in text.splitlines()]


def test_model_that_can_not_be_loaded_fails_the_deployment_with_the_reason(
    system: System, tmp_path: Path, caller: Caller
) -> None:
    broken = write_toy_model(tmp_path / "m", loader="raise RuntimeError('no such weights')")
    uri = system.upload(broken, "models/broken")
    system.ml.models.create_or_update(Model(name="broken", version="1", path=uri, type="mlflow_model"))

    with pytest.raises(HttpResponseError, match="no such weights"):
        system.ml.online_deployments.begin_create_or_update(deployment_of("red", "azureml:broken:1")).result()

    assert system.ml.online_deployments.get("red", ENDPOINT).provisioning_state == "Failed"
    assert not [event for event in system.events if event["data"].get("ModelIds") == "broken:1"]
    system.ml.online_deployments.begin_delete("red", ENDPOINT).result()
    with pytest.raises(ResourceNotFoundError):
        system.ml.online_deployments.get("red", ENDPOINT)


def test_crashed_process_is_502(system: System, caller: Caller) -> None:
    system.ml.online_deployments.begin_create_or_update(deployment_of("black", "azureml:sums:1")).result()

    first = caller.score(["crash"], [1], azureml_model_deployment="black")
    second = caller.score(["a"], [1], azureml_model_deployment="black")

    assert (first.status_code, second.status_code) == (502, 502)
    states = requests.get(f"{system.addresses.url('azureml')}/_local/deployments", timeout=5).json()
    assert {state["name"]: state["is_alive"] for state in states} == {"blue": True, "green": True, "black": False}
    system.ml.online_deployments.begin_delete("black", ENDPOINT).result()


def test_update_to_another_model_replaces_the_process_without_a_gap(system: System, caller: Caller) -> None:
    system.ml.online_deployments.begin_create_or_update(deployment_of("white", "azureml:sums:1")).result()
    poller = system.ml.online_deployments.begin_create_or_update(deployment_of("white", "azureml:sums:2"))
    answers = []
    while not poller.done():
        answers.append(caller.score(["a"], [1], azureml_model_deployment="white"))

    assert {answer.status_code for answer in answers} == {200}
    assert answers[0].json() == [1]
    assert caller.score(["a"], [1], azureml_model_deployment="white").json() == [101]
    system.ml.online_deployments.begin_delete("white", ENDPOINT).result()


@pytest.mark.parametrize(
    ("registered", "stored_as"), [("scripted", "scripted/word.txt"), ("scripted/word.txt", "word.txt")]
)
def test_scoring_script_finds_what_was_registered_in_the_model_folder(
    system: System, tmp_path: Path, caller: Caller, registered: str, stored_as: str
) -> None:
    """A registered folder keeps its name below AZUREML_MODEL_DIR, a registered file lies in it."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "score.py").write_text(
        "import json, os\n"
        "def init():\n"
        "    global word\n"
        "    with open(os.path.join(os.getenv('AZUREML_MODEL_DIR'), os.environ['FOUND_AT'])) as file:\n"
        "        word = file.read()\n"
        "def run(text):\n    return {word: json.loads(text)['n'] + 2}\n"
    )
    system.storage.upload_blob("models/scripted/word.txt", b"sum", overwrite=True)
    uri = f"azureml://datastores/workspaceblobstore/paths/models/{registered}"
    name = registered.replace("/", "-")
    system.ml.models.create_or_update(Model(name=name, version="1", path=uri, type="custom_model"))
    deployment = deployment_of(
        "script",
        f"azureml:{name}:1",
        code_configuration=CodeConfiguration(code=str(tmp_path / "code"), scoring_script="score.py"),
        environment="azureml:env:1",
        environment_variables={"FOUND_AT": stored_as},
    )

    system.ml.online_deployments.begin_create_or_update(deployment).result()

    headers = {"azureml-model-deployment": "script"}
    answer = caller.session.post(caller.uri, json={"n": 40}, headers=headers, timeout=5)
    assert answer.json() == {"sum": 42}
    system.ml.online_deployments.begin_delete("script", ENDPOINT).result()


def test_deleted_endpoint_takes_its_processes_along(system: System, caller: Caller) -> None:
    system.ml.online_endpoints.begin_create_or_update(ManagedOnlineEndpoint(name="brief")).result()
    only = ManagedOnlineDeployment(name="only", endpoint_name="brief", model="azureml:sums:1", instance_count=1)
    system.ml.online_deployments.begin_create_or_update(only).result()
    states = requests.get(f"{system.addresses.url('azureml')}/_local/deployments", timeout=5).json()
    pid = next(state["pid"] for state in states if state["endpoint"] == "brief")

    system.ml.online_endpoints.begin_delete("brief").result()

    assert not psutil.pid_exists(pid)
    assert "brief" not in [endpoint.name for endpoint in system.ml.online_endpoints.list()]
    with pytest.raises(ResourceNotFoundError):
        system.ml.online_endpoints.get("brief")


def test_traffic_writes_are_recorded_in_order(system: System, caller: Caller) -> None:
    set_traffic(system, {"blue": 90, "green": 10})
    set_traffic(system, {"blue": 100})

    writes = requests.get(f"{system.addresses.url('azureml')}/_local/traffic-writes", timeout=5).json()

    mine = [write for write in writes if write["endpoint"] == ENDPOINT]
    assert [write["traffic"] for write in mine[-2:]] == [{"blue": 90, "green": 10}, {"blue": 100}]
    assert mine[-2]["order"] < mine[-1]["order"]
