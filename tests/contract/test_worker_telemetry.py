"""Under Microsoft's worker: what the host receives of our log lines, and what a telemetry receiver does."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from local.addresses import Addresses
from local.app_settings import settings_for
from local.monitor.telemetry import TelemetryReceiver
from tests.contract.worker import TRACE, Call, Report, drive

pytestmark = pytest.mark.skipif(
    sys.version_info < (3, 13),
    reason="Microsoft's worker library needs Python 3.13; `dev.py test` runs this file there",
)

ROOT = Path(__file__).parents[2]
MESSAGE = {"Id": "m-1", "DequeueCount": "1", "InsertionTime": "2026-11-20T07:00:00Z", "PopReceipt": "r"}


@pytest.fixture
def receiver() -> Iterator[TelemetryReceiver]:
    with TelemetryReceiver() as receiver:
        yield receiver


def registered(azurite: Addresses, version: str) -> str:
    """Return an event about a model that no policy names: a fact with a decision, to do nothing."""
    settings = settings_for(azurite)
    workspace = (
        f"/subscriptions/{settings['VIGIA_SUBSCRIPTION_ID']}/resourceGroups/{settings['VIGIA_RESOURCE_GROUP']}"
        f"/providers/Microsoft.MachineLearningServices/workspaces/{settings['VIGIA_WORKSPACE']}"
    )
    return json.dumps(
        {
            "id": f"e-{version}",
            "topic": workspace,
            "subject": f"models/nobodys:{version}",
            "eventType": "Microsoft.MachineLearningServices.ModelRegistered",
            "eventTime": "2026-11-20T07:00:00Z",
            "dataVersion": "2",
            "data": {"modelName": "nobodys", "modelVersion": version},
        }
    )


def process(azurite: Addresses, body: str, environment: Mapping[str, str]) -> Report:
    settings = {**settings_for(azurite), "FUNCTIONS_WORKER_RUNTIME": "python", **environment}
    report = drive(ROOT, [Call("process", "string", body, MESSAGE)], settings)
    assert [result["error"] for result in report.results] == [None]
    return report


def ours(report: Report) -> list[dict[str, Any]]:
    return [line for line in report.logs if line["category"].startswith("vigia")]


def test_each_line_goes_to_application_insights_with_its_facts_and_to_the_host_not_at_all(
    azurite: Addresses, receiver: TelemetryReceiver
) -> None:
    environment = {
        "APPLICATIONINSIGHTS_CONNECTION_STRING": receiver.connection_string,
        "PYTHON_ENABLE_OPENTELEMETRY": "true",
    }

    report = process(azurite, registered(azurite, "1"), environment)

    assert report.capabilities["WorkerOpenTelemetryEnabled"] == "true"
    assert ours(report) == [], "the host would write a second row, without facts"
    lines = {row["Message"]: row for row in receiver.tables()["AppTraces"]}
    decision = lines["decision"]
    assert (
        decision["Properties"].items()
        >= {
            "function": "process",
            "kind": "model-registered",
            "subject": "models/nobodys:1",
            "event_id": "e-1",
            "reaction": "none",
        }.items()
    )
    assert decision["OperationId"] == decision["Properties"]["correlation_id"]


def test_a_fact_has_a_trace_of_its_own_that_is_linked_to_the_hosts_call(
    azurite: Addresses, receiver: TelemetryReceiver
) -> None:
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "PYTHON_ENABLE_OPENTELEMETRY": "true"}

    process(azurite, registered(azurite, "2"), environment)

    spans = {span["name"]: span for span in receiver.otlp_spans()}
    assert spans["function"]["traceId"] == TRACE
    assert spans["function"]["parentSpanId"] == "b7ad6b7169203331"
    assert spans["fact"]["links"][0]["spanId"] == spans["function"]["spanId"]
    (decision,) = [line for line in receiver.otlp_logs() if line["body"] == "decision"]
    assert decision["trace"] == spans["fact"]["traceId"]
    assert decision["span"] == spans["fact"]["spanId"]


def test_without_a_receiver_lines_go_to_the_host_and_no_sdk_is_among_them(azurite: Addresses) -> None:
    report = process(azurite, registered(azurite, "3"), {})

    assert [line["message"] for line in ours(report)] == ["decision"]
    sdks = ("azure.core", "azure.identity", "azure.storage", "urllib3", "msal")
    assert [line for line in report.logs if line["category"].startswith(sdks)] == []
