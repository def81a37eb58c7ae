"""Lines, spans and metrics as the exporters send them, to Application Insights and by OTLP."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from local.monitor.telemetry import TelemetryReceiver
from shared import logs
from shared.adapters.otel.outlet import Outlet, send_telemetry

TRACE = "ab" * 16
log = logging.getLogger("vigia.test")


@pytest.fixture
def receiver() -> Iterator[TelemetryReceiver]:
    with TelemetryReceiver() as receiver:
        yield receiver


@pytest.fixture
def outlet(receiver: TelemetryReceiver, monkeypatch: pytest.MonkeyPatch) -> Iterator[Outlet]:
    factory = logging.getLogRecordFactory()
    logs.set_up_logging()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
    outlet = Outlet(
        {
            "APPLICATIONINSIGHTS_CONNECTION_STRING": receiver.connection_string,
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        }
    )
    outlet.attach()
    yield outlet
    outlet.detach()
    outlet.close()
    logging.setLogRecordFactory(factory)


def test_a_line_reaches_both_receivers_with_its_facts(receiver: TelemetryReceiver, outlet: Outlet) -> None:
    with logs.span("fact", TRACE, fact="f-1"):
        log.info("decision", extra=logs.fields(reaction="notify", attempt=1, slices=("a", "b"), suppressed=None))
    outlet.flush()

    facts = {"reaction": "notify", "slices": '["a", "b"]', "fact": "f-1", "correlation_id": TRACE}
    (row,) = receiver.tables()["AppTraces"]
    assert (row["Message"], row["OperationId"], row["SeverityLevel"]) == ("decision", TRACE, 1)
    assert row["Properties"] == {**facts, "attempt": "1", "logger_name": "vigia.test"}
    (sent,) = receiver.otlp_logs()
    assert sent.items() >= {**facts, "attempt": "1", "trace": TRACE}.items()
    assert "suppressed" not in sent


def test_what_was_written_before_opentelemetry_was_loaded_is_sent_first(
    receiver: TelemetryReceiver, outlet: Outlet
) -> None:
    log.info("first")
    outlet.load()
    log.info("second")
    outlet.flush()

    assert [sent["body"] for sent in receiver.otlp_logs()] == ["first", "second"]


def test_a_traceback_is_sent_without_its_secrets(receiver: TelemetryReceiver, outlet: Outlet) -> None:
    try:
        raise ValueError("GET https://x/?sig=canary")  # noqa: TRY301
    except ValueError:
        log.exception("function.failed")
    outlet.flush()

    (row,) = receiver.tables()["AppExceptions"]
    assert (row["ExceptionType"], row["OuterMessage"]) == ("ValueError", "function.failed")
    assert "canary" not in str(receiver.envelopes) + str(receiver.otlp)


def test_of_libraries_only_warnings_are_sent_and_none_of_the_exporters(
    receiver: TelemetryReceiver, outlet: Outlet
) -> None:
    logging.getLogger("azure.core.pipeline").info("GET 200")
    logging.getLogger("azure.core.pipeline").warning("retrying")
    logging.getLogger("opentelemetry.sdk").warning("could not export")
    logging.getLogger("somebodys").warning({"text": "no text"})
    outlet.flush()

    assert [sent["body"] for sent in receiver.otlp_logs()] == ["retrying", "{'text': 'no text'}"]


def test_a_span_of_a_fact_is_linked_to_the_call_that_it_was_done_in(
    receiver: TelemetryReceiver, outlet: Outlet
) -> None:
    with logs.span("function", function="process"), logs.span("fact", TRACE), logs.span("step"):
        pass
    outlet.flush()

    spans = {span["name"]: span for span in receiver.otlp_spans()}
    assert spans["fact"]["traceId"] == spans["step"]["traceId"] == TRACE
    assert spans["step"]["parentSpanId"] == spans["fact"]["spanId"]
    assert spans["fact"]["links"][0]["spanId"] == spans["function"]["spanId"]


def test_metrics_are_counted_from_lines(receiver: TelemetryReceiver, outlet: Outlet) -> None:
    for suppressed in (None, "cooldown"):
        facts = logs.fields(kind="drift-detected", model="m", reaction="start-training", suppressed=suppressed, why="w")
        log.info("decision", extra=facts)
    outlet.flush()

    points = {point["name"]: point for point in receiver.otlp_metrics()}
    assert (points["vigia.decisions"]["asInt"], points["vigia.suppressed"]["asInt"]) == ("2", "1")
    assert points["vigia.decisions"]["reaction"] == "start-training"


def test_spans_are_sampled_and_decisions_never(
    receiver: TelemetryReceiver, outlet: Outlet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0")
    for _ in range(50):
        with logs.span("fact"):
            log.info("decision")
    outlet.flush()

    assert len(list(receiver.otlp_logs())) == 50
    assert list(receiver.otlp_spans()) == []


def test_a_wrong_connection_string_is_told_and_lines_go_on_as_before(caplog: pytest.LogCaptureFixture) -> None:
    outlet = Outlet({"APPLICATIONINSIGHTS_CONNECTION_STRING": "nonsense"})
    outlet.attach()

    log.warning("careful")
    outlet.flush()

    assert [record.message for record in caplog.records if record.name == "vigia.telemetry"] == ["telemetry.off"]
    assert logging.getLogger("vigia").propagate


def test_nothing_is_attached_where_no_receiver_is_named() -> None:
    assert send_telemetry({}) is None
