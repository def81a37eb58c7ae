"""Where telemetry is sent: to Application Insights, to an OTLP receiver, or to both."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.sdk._logs.export import LogRecordExporter
    from opentelemetry.sdk.metrics.export import MetricExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

    Exporters = tuple[LogRecordExporter, SpanExporter, MetricExporter]

APPLICATION_INSIGHTS, OTLP = "APPLICATIONINSIGHTS_CONNECTION_STRING", "OTEL_EXPORTER_OTLP_ENDPOINT"


def has_receiver(environment: Mapping[str, str]) -> bool:
    return any(environment.get(name) for name in (APPLICATION_INSIGHTS, OTLP))


def open_receivers(environment: Mapping[str, str], tracers: TracerProvider) -> Sequence[Exporters]:
    """Return the exporters to each receiver that the environment names; the SDKs read their further settings there.

    Raises:
        ValueError: the connection string cannot be read.
    """
    receivers: list[Exporters] = []
    if connection := environment.get(APPLICATION_INSIGHTS):
        # It would report on itself, to Microsoft and among our metrics, from threads of its own.
        os.environ.setdefault("APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL", "true")
        os.environ.setdefault("APPLICATIONINSIGHTS_SDKSTATS_DISABLED", "true")
        from azure.monitor.opentelemetry import exporter as azure

        receivers.append(
            (
                azure.AzureMonitorLogExporter(connection_string=connection),
                azure.AzureMonitorTraceExporter(connection_string=connection, tracer_provider=tracers),
                azure.AzureMonitorMetricExporter(connection_string=connection),
            )
        )
    if environment.get(OTLP):
        from opentelemetry.exporter.otlp.json.http._log_exporter import OTLPLogExporter
        from opentelemetry.exporter.otlp.json.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.json.http.trace_exporter import OTLPSpanExporter

        receivers.append((OTLPLogExporter(), OTLPSpanExporter(), OTLPMetricExporter()))
    return receivers
