"""Log lines as OpenTelemetry log records, spans as spans, and both as metrics; sent by the SDK's own exporters.

Log records are never sampled, so that every decision is there. Spans are, where OTEL_TRACES_SAMPLER says so.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from enum import Enum
from typing import Any

from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator

from shared import logs
from shared.adapters.otel.metrics import Instruments
from shared.adapters.otel.receivers import open_receivers
from shared.redaction import redacted

# A burst of events writes a few thousand lines within the second that the SDK waits between two batches.
MOST_QUEUED = 20_000
_SEVERITIES = {
    logging.DEBUG: SeverityNumber.DEBUG,
    logging.INFO: SeverityNumber.INFO,
    logging.WARNING: SeverityNumber.WARN,
    logging.ERROR: SeverityNumber.ERROR,
    logging.CRITICAL: SeverityNumber.FATAL,
}


class Pipeline:
    """Sends to every receiver that the environment names.

    Raises:
        ValueError: a connection string cannot be read.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        name = environment.get("OTEL_SERVICE_NAME") or environment.get("WEBSITE_SITE_NAME") or "vigia"
        instance = environment.get("WEBSITE_INSTANCE_ID") or str(os.getpid())
        resource = Resource.create({"service.name": name, "service.instance.id": instance})
        self._ids = _ChosenIds()
        self._logs = LoggerProvider(resource=resource, shutdown_on_exit=False)
        self._spans = TracerProvider(resource=resource, id_generator=self._ids, shutdown_on_exit=False)
        receivers = open_receivers(environment, self._spans)
        readers = [PeriodicExportingMetricReader(metrics) for *_, metrics in receivers]
        self._metrics = MeterProvider(readers, resource, shutdown_on_exit=False)
        for lines, spans, _ in receivers:
            self._logs.add_log_record_processor(BatchLogRecordProcessor(lines, max_queue_size=MOST_QUEUED))
            self._spans.add_span_processor(BatchSpanProcessor(spans, max_queue_size=MOST_QUEUED))
        self._tracer = self._spans.get_tracer("vigia")
        self._instruments = Instruments(self._metrics.get_meter("vigia"))

    def send(self, item: logging.LogRecord | logs.Span) -> None:
        if isinstance(item, logs.Span):
            self._send_span(item)
        else:
            self._send_line(item)

    def flush(self) -> None:
        for provider in (self._logs, self._spans, self._metrics):
            provider.force_flush()

    def close(self) -> None:
        for provider in (self._logs, self._spans, self._metrics):
            provider.shutdown()

    def _send_line(self, record: logging.LogRecord) -> None:
        attributes = _attributes(logs.dimensions(record))
        self._instruments.measure(str(record.msg), attributes)
        scope: logs.Scope = getattr(record, "scope", None) or logs.Scope()
        sent = LogRecord(
            timestamp=int(record.created * 1e9),
            context=_context(scope) if scope.span else Context(),
            severity_number=_SEVERITIES.get(record.levelno, SeverityNumber.INFO),
            severity_text=record.levelname,
            body=record.getMessage(),
            attributes={**attributes, **_exception(record)},
        )
        self._logs.get_logger(record.name).emit(sent)

    def _send_span(self, done: logs.Span) -> None:
        self._ids.trace, self._ids.span = int(done.scope.trace, 16), int(done.scope.span, 16)
        attributes = _attributes(done.facts)
        self._instruments.measure(done.name, attributes)
        # Within one trace a span has a parent; what belongs to a fact of its own is linked to where it was done.
        is_child = done.outer.trace == done.scope.trace and bool(done.outer.span)
        outer = _span_context(done.outer) if done.outer.span else None
        sent = self._tracer.start_span(
            done.name,
            context=_context(done.outer) if is_child else Context(),
            attributes=attributes,
            links=[trace.Link(outer)] if outer and not is_child else [],
            start_time=done.begun_at,
        )
        if done.is_failed:
            sent.set_status(trace.StatusCode.ERROR)
        sent.end(done.ended_at)


class _ChosenIds(IdGenerator):
    """Gives a span the ids that its log lines already have."""

    trace = span = 0

    def generate_trace_id(self) -> int:
        return self.trace

    def generate_span_id(self) -> int:
        return self.span


def _span_context(scope: logs.Scope) -> trace.SpanContext:
    flags = trace.TraceFlags(trace.TraceFlags.SAMPLED)
    return trace.SpanContext(int(scope.trace, 16), int(scope.span, 16), is_remote=False, trace_flags=flags)


def _context(scope: logs.Scope) -> Context:
    return trace.set_span_in_context(trace.NonRecordingSpan(_span_context(scope)), Context())


def _attributes(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts as receivers take them: texts, numbers, and JSON for everything else. None is left out."""
    return {name: _plain(value) for name, value in facts.items() if value is not None}


def _plain(value: Any) -> str | bool | int | float:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, str | bool | int | float):
        return value
    return redacted(json.dumps(value, default=str, ensure_ascii=False))


def _exception(record: logging.LogRecord) -> dict[str, str]:
    """Return a traceback's attributes, from the text that holds no secret."""
    if not record.exc_info or record.exc_info[0] is None:
        return {}
    return {
        "exception.type": record.exc_info[0].__name__,
        "exception.message": redacted(str(record.exc_info[1])),
        "exception.stacktrace": record.exc_text or "",
    }
