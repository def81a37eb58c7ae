"""What an app sends about itself: a receiver of Application Insights' own protocol and of OTLP as JSON over HTTP.

Sources: azure-monitor-opentelemetry-exporter 1.0.0b58 (the envelopes it makes), opentelemetry.io/docs/specs/otlp, and
learn.microsoft.com/azure/azure-monitor/app/data-model-complete (which field is which column), read 2026-11-30.
"""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from local.monitor.kql.parser import parse
from local.monitor.kql.stages import run_stage
from local.monitor.kql.syntax import KqlSemanticError
from local.monitor.kql.values import Column, Table, Type

Row = Mapping[str, Any]

KEY = "00000000-0000-0000-0000-0000000000aa"
TRACK = "/v2.1/track"


class TelemetryReceiver:
    """Listens on a free port of the loopback and keeps everything that comes."""

    def __init__(self) -> None:
        self.envelopes: list[Mapping[str, Any]] = []
        self.otlp: dict[str, list[Mapping[str, Any]]] = {"logs": [], "traces": [], "metrics": []}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> TelemetryReceiver:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def connection_string(self) -> str:
        return f"InstrumentationKey={KEY};IngestionEndpoint={self.url}/;LiveEndpoint={self.url}/"

    def take(self, path: str, body: bytes) -> Mapping[str, Any]:
        """Keep what was posted, and return the answer."""
        content = json.loads(body)
        if path == TRACK:
            self.envelopes += content
            return {"itemsReceived": len(content), "itemsAccepted": len(content), "errors": []}
        self.otlp[path.removeprefix("/v1/")].append(content)
        return {}

    def tables(self) -> dict[str, list[Row]]:
        """Return the rows that the envelopes become, by table."""
        tables: dict[str, list[Row]] = {}
        for envelope in self.envelopes:
            name, row = _row(envelope)
            tables.setdefault(name, []).append(row)
        return tables

    def otlp_logs(self) -> Iterator[Row]:
        """Yield the log records that came by OTLP: `body`, `trace`, `span`, `severity` and their attributes."""
        for request in self.otlp["logs"]:
            for record in _leaves(request, "resourceLogs", "scopeLogs", "logRecords"):
                yield {
                    **_attributes(record),
                    "body": record["body"]["stringValue"],
                    "trace": record.get("traceId", ""),
                    "span": record.get("spanId", ""),
                    "severity": record.get("severityText", ""),
                }

    def otlp_spans(self) -> Iterator[Row]:
        """Yield the spans that came by OTLP, with their attributes."""
        for request in self.otlp["traces"]:
            for span in _leaves(request, "resourceSpans", "scopeSpans", "spans"):
                yield {**span, **_attributes(span)}

    def otlp_metrics(self) -> Iterator[Row]:
        """Yield the points of the metrics that came by OTLP, each with the metric's name."""
        for request in self.otlp["metrics"]:
            for metric in _leaves(request, "resourceMetrics", "scopeMetrics", "metrics"):
                data = metric.get("sum") or metric.get("gauge") or metric.get("histogram") or {}
                for point in data.get("dataPoints", ()):
                    yield {**point, **_attributes(point), "name": metric["name"]}


# Columns of the tables by type, those that are read here. Source: learn.microsoft.com/azure/azure-monitor/reference/
# tables/apptraces and its neighbours, read 2026-11-30.
_EVERYWHERE: dict[str, Type] = {
    "TimeGenerated": "datetime",
    "OperationId": "string",
    "ParentId": "string",
    "AppRoleName": "string",
    "AppRoleInstance": "string",
    "SDKVersion": "string",
    "Properties": "dynamic",
}
_CALLS: dict[str, Type] = {
    "Name": "string",
    "Id": "string",
    "Success": "bool",
    "ResultCode": "string",
    "DurationMs": "real",
}
COLUMNS: dict[str, dict[str, Type]] = {
    "AppTraces": {"Message": "string", "SeverityLevel": "int"},
    "AppExceptions": {"ExceptionType": "string", "OuterMessage": "string", "Details": "string", "SeverityLevel": "int"},
    "AppDependencies": {**_CALLS, "DependencyType": "string"},
    "AppRequests": _CALLS,
    "AppMetrics": {"Name": "string", "Sum": "real", "ItemCount": "int", "Min": "real", "Max": "real"},
}


def query(text: str, tables: Mapping[str, Sequence[Row]], start: datetime, end: datetime) -> list[dict[str, Any]]:
    """Return the rows that a query gives over what was received from `start` until before `end`, its "now".

    Raises:
        KqlError: the query is malformed, names something unknown or mixes types.
    """
    parsed = parse(text)
    if parsed.table not in COLUMNS:
        raise KqlSemanticError(f"'{parsed.table}': failed to resolve table; the tables here are {', '.join(COLUMNS)}")
    rows = [row for row in tables.get(parsed.table, ()) if start <= row["TimeGenerated"] < end]
    types = {**_EVERYWHERE, **COLUMNS[parsed.table]}
    table = Table({name: Column(kind, [row.get(name) for row in rows]) for name, kind in types.items()}, len(rows))
    for stage in parsed.stages:
        table = run_stage(stage, table, end)
    values = zip(*(column.values for column in table.columns.values()), strict=True)
    return [dict(zip(table.columns, row, strict=True)) for row in values]


def _handler(receiver: TelemetryReceiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            answer = json.dumps(receiver.take(self.path, body)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Say nothing: what comes is kept."""

    return Handler


def _leaves(request: Row, *path: str) -> Iterator[Row]:
    nodes: Sequence[Row] = [request]
    for name in path:
        nodes = [child for node in nodes for child in node.get(name, ())]
    yield from nodes


def _attributes(item: Row) -> dict[str, Any]:
    return {entry["key"]: next(iter(entry["value"].values()), None) for entry in item.get("attributes", ())}


def _row(envelope: Row) -> tuple[str, Row]:
    """Return the table that an envelope goes to, and its row there."""
    data, tags = envelope["data"]["baseData"], envelope["tags"]
    row: dict[str, Any] = {
        "TimeGenerated": datetime.fromisoformat(envelope["time"]),
        "OperationId": tags.get("ai.operation.id", ""),
        "ParentId": tags.get("ai.operation.parentId", ""),
        "AppRoleName": tags.get("ai.cloud.role", ""),
        "AppRoleInstance": tags.get("ai.cloud.roleInstance", ""),
        "SDKVersion": tags.get("ai.internal.sdkVersion", ""),
        "Properties": data.get("properties") or {},
    }
    match envelope["data"]["baseType"]:
        case "MessageData":
            return "AppTraces", {**row, "Message": data["message"], "SeverityLevel": data["severityLevel"]}
        case "ExceptionData":
            first = data["exceptions"][0]
            shown = {"ExceptionType": first["typeName"], "OuterMessage": first["message"], "Details": first["stack"]}
            return "AppExceptions", {**row, **shown, "SeverityLevel": data["severityLevel"]}
        case "RemoteDependencyData":
            return "AppDependencies", {**row, **_call(data), "DependencyType": data.get("type", "")}
        case "RequestData":
            return "AppRequests", {**row, **_call(data)}
        case "MetricData":
            point = data["metrics"][0]
            value = {"Name": point["name"], "Sum": point["value"], "ItemCount": point.get("count") or 1}
            return "AppMetrics", {**row, **value, "Min": point.get("min"), "Max": point.get("max")}
    return str(envelope["data"]["baseType"]), row


def _call(data: Row) -> dict[str, Any]:
    days, clock = data["duration"].split(".", 1)  # D.HH:MM:SS.mmm
    hours, minutes, seconds = clock.split(":")
    took = timedelta(days=int(days), hours=int(hours), minutes=int(minutes), seconds=float(seconds))
    return {
        "Name": data["name"],
        "Id": data["id"],
        "Success": bool(data.get("success")),
        "ResultCode": data.get("responseCode", data.get("resultCode", "")),
        "DurationMs": took.total_seconds() * 1000,
    }
