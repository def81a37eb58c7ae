"""The app as the host sees it: it starts fast, listens to what is subscribed, and says what its settings lack."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import azure.functions as func
import pytest
import yaml

import function_app
import functions.events
from functions.events import FAMILIES, keep
from local.functions_host.decode import event_grid_event
from shared.domain.messages import LARGEST_MESSAGE
from shared.errors import RetryableError
from shared.events.registry import parse_fact
from shared.events.wire.envelope import read_events
from shared.ports.queues import EVENTS
from shared.settings import SETTINGS
from shared.store.facts.large_events import LargeEvents
from tests.fakes.blobs import MemoryBlobStore
from tests.fakes.queues import FakeQueues
from tests.fakes.storage_account import TakingStorage, taking_storage

ROOT = Path(__file__).parents[2]
HEAVY = (
    "azure.ai.ml",
    "azure.core",
    "azure.eventgrid",
    "azure.identity",
    "azure.monitor",
    "azure.storage",
    "croniter",
    "itsdangerous",
    "jinja2",
    "numpy",
    "opentelemetry",
    "pandas",
    "pyarrow",
    "pydantic",
    "scipy",
    "yaml",
)
REQUIRED = tuple(setting.name for setting in SETTINGS if setting.default is None)


def import_app(**environment: str) -> subprocess.CompletedProcess[str]:
    """Import function_app in a process of its own, which prints the modules that this loaded."""
    return run_python("import json, sys; import function_app; print(json.dumps(sorted(sys.modules)))", **environment)


def run_python(script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "SYSTEMROOT") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=ROOT,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_importing_the_app_loads_nothing_heavy() -> None:
    done = import_app()
    assert done.returncode == 0, done.stderr
    loaded = json.loads(done.stdout)
    assert [name for name in loaded if any(name == heavy or name.startswith(f"{heavy}.") for heavy in HEAVY)] == []


FIRST_CALL = """
import json, sys
import azure.functions as func
import function_app
from datetime import UTC, datetime

functions = {function.get_function_name(): function for function in function_app.app.get_functions()}
kind, size = sys.argv[1], int(sys.argv[2])
call, data = functions[kind].get_user_function(), {"text": "x" * size}
if kind == "model_registered":
    event = func.EventGridEvent(
        id="e", data=data, topic="/t", subject="s", event_type="T", event_time=datetime.now(UTC), data_version="1"
    )
    done = call(event)
else:
    request = func.HttpRequest("POST", "http://localhost/api", headers={}, body=json.dumps(data).encode())
    done = call(request).status_code
print(json.dumps([done, sorted(sys.modules)]))
"""
# What the first call may not load: the app, and what only the processing of events needs.
NOT_FOR_INTAKE = (
    *(name for name in HEAVY if name not in {"azure.core", "azure.storage"}),
    "azure.storage.blob",
    "shared.bootstrap",
    "shared.policy",
    "shared.engine",
    "shared.events.alerts",
)


@pytest.fixture
def storage() -> Iterator[TakingStorage]:
    with taking_storage() as account:
        yield account


@pytest.mark.parametrize("size", [1, 100_000], ids=["small", "large"])
@pytest.mark.parametrize(("kind", "answer"), [("alerts", 202), ("event_webhook", 202), ("model_registered", None)])
def test_what_is_called_from_outside_is_kept_without_building_the_app(
    storage: TakingStorage, kind: str, answer: int | None, size: int
) -> None:
    nowhere = dict.fromkeys((*REQUIRED, "VIGIA_ARM_ENDPOINT", "VIGIA_MONITOR_ENDPOINT"), "http://127.0.0.1:1")
    settings = {**nowhere, "AzureWebJobsStorage": storage.connection_string, "VIGIA_CREDENTIAL": "loopback"}
    done = run_python(FIRST_CALL, kind, str(size), **settings)
    assert done.returncode == 0, done.stderr
    answered, loaded = json.loads(done.stdout)
    assert answered == answer, done.stderr
    assert storage.taken[-1] == ("POST", "events/messages")
    assert [path for _, path in storage.taken if path.startswith("vigia/events/")] == [ANY] * (size > 1)
    is_allowed = size > 1 and "azure.storage.blob"
    assert [
        name
        for name in loaded
        if any(name == heavy or name.startswith(f"{heavy}.") for heavy in NOT_FOR_INTAKE if heavy != is_allowed)
    ] == []


def test_a_host_without_settings_does_not_start_and_says_all_that_is_missing() -> None:
    done = import_app(FUNCTIONS_WORKER_RUNTIME="python")
    assert done.returncode != 0
    assert "the configuration is incomplete" in done.stderr
    assert [name for name in (*REQUIRED, "AzureWebJobsStorage") if f"{name} is missing" not in done.stderr] == []
    assert "local.settings.sample.json lists every setting" in done.stderr


def test_a_host_that_lacks_two_settings_is_told_of_these_two_only() -> None:
    given = {name: "http://127.0.0.1:1" for name in REQUIRED if name not in {"VIGIA_WORKSPACE", "VIGIA_PUBLIC_URL"}}
    done = import_app(FUNCTIONS_WORKER_RUNTIME="python", AzureWebJobsStorage="UseDevelopmentStorage=true", **given)
    assert done.returncode != 0
    assert [name for name in REQUIRED if f"{name} is missing" in done.stderr] == ["VIGIA_WORKSPACE", "VIGIA_PUBLIC_URL"]


def test_every_subscription_delivers_to_a_function_that_exists() -> None:
    text = (ROOT / "infra" / "subscriptions.yaml").read_text(encoding="utf-8")
    subscribed = {entry["function"] for entry in yaml.safe_load(text)["subscriptions"]}
    assert subscribed == set(FAMILIES)
    hosted = {function.get_function_name() for function in function_app.app.get_functions()}
    assert subscribed <= hosted
    assert hosted - subscribed == {
        "alerts",
        "decide_approval",
        "deliver_notice",
        "event_webhook",
        "list_approvals",
        "list_monitor_runs",
        "list_monitors",
        "look",
        "monitors",
        "process",
        "reconcile",
        "registry_poll",
        "schedules",
        "show_approval",
        "show_monitor_report",
        "show_version_card",
        "sweep",
    }


KINDS = """
import function_app, json
functions = function_app.app.get_functions()
print(json.dumps({f.get_function_name(): f.get_trigger().get_dict_repr()["type"] for f in functions}))
"""


def test_what_is_called_from_outside_and_the_work_may_run_in_two_apps() -> None:
    front, work, everything, default = (
        json.loads(run_python(KINDS, VIGIA_RUNS=runs).stdout) for runs in ("front", "work", "all", "")
    )
    assert set(front.values()) == {"eventGridTrigger", "httpTrigger"}
    assert set(work.values()) == {"queueTrigger", "timerTrigger"}
    assert {**front, **work} == everything == default


def test_a_host_that_is_to_run_something_else_does_not_start() -> None:
    given = dict.fromkeys(REQUIRED, "http://127.0.0.1:1")
    done = import_app(
        FUNCTIONS_WORKER_RUNTIME="python", AzureWebJobsStorage="UseDevelopmentStorage=true", VIGIA_RUNS="half", **given
    )
    assert "VIGIA_RUNS must be all, front, work, not 'half'" in done.stderr


def a_grid_event(data: Any) -> func.EventGridEvent:
    return func.EventGridEvent(
        id="e-1",
        data=data,
        topic="/subscriptions/S/resourceGroups/rg",
        subject="models/previsão:1",
        event_type="Microsoft.MachineLearningServices.ModelRegistered",
        event_time=datetime(2026, 11, 20, 7, 1, 2, 123456, tzinfo=UTC),
        data_version="2",
    )


def a_cloud_event(data: Any) -> func.CloudEvent:
    return func.CloudEvent(
        specversion="1.0",
        id="c-1",
        source="/vigia",
        type="Vigia.DriftDetected",
        subject="models/churn",
        time=datetime(2026, 11, 20, 7, 1, 2, 123456, tzinfo=UTC),
        data=data,
    )


@pytest.fixture
def blobs(monkeypatch: pytest.MonkeyPatch) -> MemoryBlobStore:
    """The storage that large events go to."""
    memory = MemoryBlobStore()
    monkeypatch.setattr(functions.events, "open_large_events", lambda: LargeEvents(memory))
    return memory


def queued_message(event: Any) -> str:
    """Return the message that an event becomes."""
    queues = FakeQueues()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(functions.events, "open_queue", lambda: queues)
        keep(event)
    (message,) = queues.texts(EVENTS)
    return message


DATA = {"ModelName": "previsão", "ModelVersion": "1", "n": 1.5, "nested": {"list": [1, None, True], "text": "\"\\\n'"}}


def test_an_event_in_event_grids_schema_keeps_its_content() -> None:
    assert json.loads(queued_message(a_grid_event(DATA))) == {
        "id": "e-1",
        "topic": "/subscriptions/S/resourceGroups/rg",
        "subject": "models/previsão:1",
        "eventType": "Microsoft.MachineLearningServices.ModelRegistered",
        "eventTime": "2026-11-20T07:01:02.123456+00:00",
        "data": DATA,
        "dataVersion": "2",
    }


def test_a_cloud_event_keeps_its_content() -> None:
    assert json.loads(queued_message(a_cloud_event(DATA))) == {
        "specversion": "1.0",
        "id": "c-1",
        "source": "/vigia",
        "type": "Vigia.DriftDetected",
        "subject": "models/churn",
        "time": "2026-11-20T07:01:02.123456+00:00",
        "data": DATA,
    }


@pytest.mark.parametrize("event", [a_grid_event(DATA), a_cloud_event(DATA)], ids=["event_grid", "cloud_event"])
def test_what_is_queued_can_be_read_again(event: Any) -> None:
    (envelope,) = read_events(queued_message(event))
    assert (envelope.id, envelope.type) == (event.id, getattr(event, "event_type", None) or event.type)
    assert envelope.data.name("ModelName") == "previsão"


@pytest.mark.parametrize("make", [a_grid_event, a_cloud_event], ids=["event_grid", "cloud_event"])
def test_an_event_that_is_too_large_for_a_message_goes_through_a_blob_and_back(
    make: Any, blobs: MemoryBlobStore
) -> None:
    event = make({"text": "ã" * LARGEST_MESSAGE})
    message = queued_message(event)
    assert len(message) < 200
    assert json.loads(LargeEvents(blobs).open(message))["data"] == event.get_json()
    assert queued_message(event) == message  # a redelivery keeps one blob
    writes = [call for call in blobs.calls if call.startswith("put")]
    assert (len(writes), len(set(writes))) == (2, 1)


def test_the_largest_message_counts_in_bytes(blobs: MemoryBlobStore) -> None:
    overhead = len(queued_message(a_grid_event({"text": ""})).encode())
    fits, too_large = "x" * (LARGEST_MESSAGE - overhead), "x" * (LARGEST_MESSAGE - overhead + 1)
    assert len(queued_message(a_grid_event({"text": fits})).encode()) == LARGEST_MESSAGE
    assert blobs.calls == []
    assert "vigia-large-event" in queued_message(a_grid_event({"text": too_large}))


def test_a_message_whose_blob_is_gone_is_tried_again_and_never_taken_for_an_event(blobs: MemoryBlobStore) -> None:
    message = LargeEvents(blobs).store("x").to_body()
    blobs.delete(json.loads(message)["vigia-large-event"])
    with pytest.raises(RetryableError, match="the blob of a large event is missing"):
        LargeEvents(blobs).open(message)


def test_a_message_cannot_make_us_read_another_blob(blobs: MemoryBlobStore) -> None:
    blobs.put("ledger/secret.json", b"{}")
    message = '{"vigia-large-event": "ledger/secret.json"}'
    blobs.calls.clear()
    assert LargeEvents(blobs).open(message) == message, "what is no pointer of ours is judged as an event"
    assert blobs.calls == []


GOLDEN = ROOT / "tests" / "golden" / "events"


@pytest.mark.parametrize(
    "name", sorted(file.stem for file in GOLDEN.glob("*-*.json") if not file.stem.startswith(("alert-", "dead-letter")))
)
def test_an_event_that_event_grid_puts_on_the_queue_is_the_one_that_its_function_would_have_put_there(
    name: str,
) -> None:
    event = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))["body"]
    if isinstance(event, list):
        (event,) = event
    if "time" not in event and "eventTime" not in event:
        pytest.skip("its time is when it is received")
    by_queue, by_function = (
        read_events(body)[0] for body in (json.dumps(event), queued_message(event_grid_event(event)))
    )
    assert parse_fact(by_queue) == parse_fact(by_function)
