"""Table AmlOnlineEndpointTrafficLog over the request log of the scoring proxy, and queries of it.

Source: learn.microsoft.com/azure/azure-monitor/reference/tables/amlonlineendpointtrafficlog, read 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from operator import attrgetter
from typing import Any

from local.addresses import WORKSPACE_ID
from local.monitor.ingestion import Arrived
from local.monitor.kql.parser import parse
from local.monitor.kql.stages import run_stage
from local.monitor.kql.syntax import KqlSemanticError
from local.monitor.kql.values import Column, Table, Type
from local.monitor.timespan import Range
from local.traffic_log import Request

NAME = "AmlOnlineEndpointTrafficLog"

Read = Callable[[Request], Any]


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _always(value: object) -> Read:
    return lambda _: value


# What the proxy does not measure is empty or zero, as in rows of endpoints that do not use it.
COLUMNS: dict[str, tuple[Type, Read]] = {
    "TimeGenerated": ("datetime", attrgetter("time_generated")),
    "EndpointName": ("string", attrgetter("endpoint_name")),
    "DeploymentName": ("string", attrgetter("deployment_name")),
    "Method": ("string", attrgetter("method")),
    "Path": ("string", attrgetter("path")),
    "Protocol": ("string", _always("HTTP/1.1")),
    "XRequestId": ("string", attrgetter("request_id")),
    "XMSClientRequestId": ("string", attrgetter("client_request_id")),
    "ResponseCode": ("int", attrgetter("response_code")),
    "ResponseCodeReason": ("string", lambda request: _phrase(request.response_code)),
    "ModelStatusCode": ("int", attrgetter("model_status_code")),
    "ModelStatusReason": ("string", lambda request: _phrase(request.model_status_code)),
    "RequestDurationMs": ("int", attrgetter("request_duration_ms")),
    "ResponseDurationMs": ("int", attrgetter("response_duration_ms")),
    "TotalDurationMs": ("int", attrgetter("total_duration_ms")),
    "RequestPayloadSize": ("int", attrgetter("request_payload_size")),
    "ResponsePayloadSize": ("int", attrgetter("response_payload_size")),
    "RequestThrottlingDelayMs": ("int", _always(0)),
    "ResponseThrottlingDelayMs": ("int", _always(0)),
    "AuthType": ("string", _always("Key")),
    "IdentityData": ("string", _always("")),
    "Location": ("string", _always("local")),
    "OperationName": ("string", _always("Score")),
    "UserAgent": ("string", _always("")),
    "Type": ("string", _always(NAME)),
    "_ResourceId": ("string", _always(WORKSPACE_ID.lower())),
}


def run_query(text: str, traffic: Arrived, timespan: Range) -> Table:
    """Return the table that a query asks for, over the requests in `timespan`.

    Raises:
        KqlError: the query is malformed, names something unknown or mixes types.
    """
    query = parse(text)
    if query.table != NAME:
        raise KqlSemanticError(f"'{query.table}': failed to resolve table; the only table here is {NAME}")
    table = _table(list(traffic.between(timespan.start, timespan.end)), traffic.profile.response_code_is_text)
    for stage in query.stages:
        table = run_stage(stage, table, traffic.now)
    return table


def _table(requests: Sequence[Request], is_code_text: bool) -> Table:
    """Return the requests as a table.

    ResponseCode is a number on the table's own page, and a text in Microsoft's example queries.
    """
    columns = COLUMNS | (
        {"ResponseCode": ("string", lambda request: str(request.response_code))} if is_code_text else {}
    )
    cells = {name: Column(kind, list(map(read, requests))) for name, (kind, read) in columns.items()}
    return Table(cells, len(requests))
