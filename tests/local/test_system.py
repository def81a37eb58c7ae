"""The local system starts whole, tells the app where everything is, and leaves nothing behind."""

from __future__ import annotations

import base64
import json
import re
import socket
import textwrap
import urllib.request
from dataclasses import asdict
from pathlib import Path

import pytest
from azure.storage.queue import QueueServiceClient

from local.addresses import Addresses, is_listening
from local.app_settings import settings_for
from local.cloud_config import CloudConfig
from local.errors import LocalSystemError, PortInUseError
from local.system import LocalSystem
from tests.local.running import call

TOY_APP = """
import os
import azure.functions as func

app = func.FunctionApp()

@app.route(route="settings")
def settings(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(os.environ["VIGIA_ARM_ENDPOINT"] + " " + os.environ["EXTRA"])

@app.event_grid_trigger(arg_name="event")
@app.queue_output(arg_name="out", queue_name="events", connection="AzureWebJobsStorage")
def drift_detected(event: func.CloudEvent, out: func.Out[str]):
    out.set(event.id)
"""


@pytest.fixture
def toy_app(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "function_app.py").write_text(textwrap.dedent(TOY_APP))
    (folder / "host.json").write_text('{"version": "2.0"}')
    return folder


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        text: str = answer.read().decode()
        return text


def post_event(addresses: Addresses, key: str) -> None:
    event = {
        "id": "drift-1",
        "specversion": "1.0",
        "source": "/test",
        "type": "Vigia.DriftDetected",
        "subject": "models/m",
        "data": {},
    }
    headers = {"aeg-sas-key": key, "Content-Type": "application/cloudevents-batch+json; charset=utf-8"}
    url = f"{addresses.url('eventgrid')}/topics/custom/api/events?api-version=2018-01-01"
    assert call("POST", url, [event], headers)[0] == 200


def test_whole_system_starts_delivers_an_event_and_stops(tmp_path: Path, toy_app: Path) -> None:
    addresses = Addresses.free()
    system = LocalSystem(addresses, tmp_path / "work", extra_settings={"EXTRA": "more"}, app_folder=toy_app)
    with system:
        assert get(f"{addresses.url('functions')}/api/settings") == f"{addresses.url('azureml')} more"
        post_event(addresses, system.settings["VIGIA_TOPIC_KEY"])
        with QueueServiceClient.from_connection_string(addresses.storage_connection_string) as queues:
            assert sorted(queue.name for queue in queues.list_queues()) == ["events", "looks", "notices", "releases"]
            assert json.loads(base64.b64decode(read_one(queues)))["id"] == "drift-1"
            queues.get_queue_client("events").clear_messages()
            call("POST", f"{addresses.url('azureml')}/_local/faults", {"function_topics": ["custom"]})
            post_event(addresses, system.settings["VIGIA_TOPIC_KEY"])
            assert base64.b64decode(read_one(queues)) == b"drift-1", "what its function puts there"
        system.kill_functions()
        assert not is_listening(addresses.functions)
        with pytest.raises(LocalSystemError, match="the Functions host has ended"):
            system.require_running()
        system.start_functions()
        system.require_running()

    assert [name for name, port in asdict(addresses).items() if is_listening(port)] == []


def read_one(queues: QueueServiceClient) -> str:
    with queues.get_queue_client("events") as queue:
        while True:  # the test's own time limit ends this
            for message in queue.receive_messages():
                content: str = message.content
                return content


def test_app_that_cannot_start_is_shown_and_nothing_stays(tmp_path: Path, toy_app: Path) -> None:
    (toy_app / "function_app.py").write_text("import nothing_like_it")
    addresses = Addresses.free()

    with pytest.raises(
        LocalSystemError, match="the Functions host ended with exit code 1 before it was ready"
    ) as error:
        LocalSystem(addresses, tmp_path / "work", app_folder=toy_app).start()
    assert "No module named 'nothing_like_it'" in str(error.value)
    assert not is_listening(addresses.blob)


def test_unknown_fault_is_shown(tmp_path: Path, toy_app: Path) -> None:
    with pytest.raises(LocalSystemError, match="the emulated cloud ended with exit code 1") as error:
        LocalSystem(Addresses.free(), tmp_path / "work", faults={"lose": 1}, app_folder=toy_app).start()
    assert "unknown fault 'lose'" in str(error.value)


def test_taken_port_is_named_before_anything_starts(tmp_path: Path) -> None:
    addresses = Addresses.free()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", addresses.monitor))
        taken.listen()

        with pytest.raises(PortInUseError, match=f"Monitor can't start: port {addresses.monitor}"):
            LocalSystem(addresses, tmp_path).start()


def test_settings_point_to_loopback_only() -> None:
    values = settings_for(Addresses.fixed())

    urls = [url for value in values.values() for url in re.findall(r"https?://([^:/;]+)", value)]
    assert set(urls) == {"127.0.0.1"}
    assert values["VIGIA_TOPIC_ENDPOINT"] == "http://127.0.0.1:10020/topics/custom/api/events"


def test_cloud_configuration_is_read_back(tmp_path: Path) -> None:
    config = CloudConfig(Addresses.fixed(), tmp_path, faults={"duplicate": 0.5})
    config.write(tmp_path / "cloud.json")

    assert CloudConfig.read(tmp_path / "cloud.json") == config


@pytest.mark.parametrize("content", ["{", "{}", '{"addresses": {}, "workdir": "."}'])
def test_broken_cloud_configuration_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "cloud.json").write_text(content)

    with pytest.raises(LocalSystemError, match="not a configuration of the local cloud"):
        CloudConfig.read(tmp_path / "cloud.json")
