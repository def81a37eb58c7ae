"""The Azure Monitor emulator: its HTTP interface."""

from __future__ import annotations

import asyncio
import math
import time
import uuid
from datetime import UTC, datetime
from json import JSONDecodeError
from typing import Any

from aiohttp import web

from local.listener import Listener
from local.monitor.ingestion import Arrived
from local.monitor.kql.errors import KqlError, KqlSyntaxError
from local.monitor.kql.functions import to_text
from local.monitor.kql.values import Table
from local.monitor.metrics import MetricsError, MetricsQuery, endpoint_metrics
from local.monitor.metrics_request import parse_request, parse_resource
from local.monitor.query import run_query
from local.monitor.timespan import TimespanError, parse_timespan
from local.profile import Conditions, ProfileError
from local.traffic_log import TrafficLog


class Monitor:
    """Answers log queries and metric requests from the traffic log. Any workspace id reaches the same log."""

    def __init__(self, port: int, traffic: TrafficLog, conditions: Conditions | None = None) -> None:
        self._listener = Listener("Azure Monitor", port)
        self._traffic = traffic
        self._conditions = conditions or Conditions()

    @property
    def port(self) -> int:
        return self._listener.port

    async def start(self) -> None:
        """Listen.

        Raises:
            PortInUseError: something else listens on the port.
        """
        app = web.Application(middlewares=[_require_token, self._gate])
        app.add_routes(
            [
                web.post("/v1/workspaces/{workspace}/query", self._query),
                web.post("/v1/{resource:subscriptions/.+}/query", self._query),
                web.post("/subscriptions/{subscription}/metrics:getBatch", self._metrics),
                web.get("/_local/faults", self._get_faults),
                web.post("/_local/faults", self._post_faults),
            ]
        )
        await self._listener.start(app)

    async def stop(self) -> None:
        await self._listener.stop()

    @web.middleware
    async def _gate(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Refuse whose roles are missing, and a share of calls for coming too often."""
        is_metrics = request.path.endswith("metrics:getBatch")
        if not request.path.startswith("/_local/"):
            if self._conditions.lacks("metrics" if is_metrics else "logs"):
                code = "AuthorizationFailed" if is_metrics else "InsufficientAccessError"
                text = "The provided credentials have insufficient access to perform the requested operation"
                return _refusal(code, text, status=403)
            if self._conditions.is_throttled():
                seconds = str(self._conditions.throttle_seconds())
                answer = _refusal("ThrottledError", "Too many requests; try again later", status=429)
                answer.headers["Retry-After"] = seconds
                return answer
        response: web.StreamResponse = await handler(request)
        return response

    async def _get_faults(self, _: web.Request) -> web.Response:
        return web.json_response(self._conditions.profile.faults())

    async def _post_faults(self, request: web.Request) -> web.Response:
        try:
            self._conditions.change(await request.json())
        except ProfileError as exc:
            return _refusal("BadArgumentError", str(exc))
        return await self._get_faults(request)

    async def _query(self, request: web.Request) -> web.Response:
        now = datetime.now(UTC)
        try:
            body = await request.json()
            if not isinstance(body, dict) or not isinstance(body.get("query"), str):
                return _refusal("BadArgumentError", "the body must be an object with a text `query`")
            timespan = parse_timespan(body.get("timespan"), now)
            started = time.perf_counter()
            # In a thread: a long query must not delay the scoring requests that share the event loop.
            table = await asyncio.to_thread(run_query, body["query"], self._arrived(now), timespan)
        except JSONDecodeError as exc:
            return _refusal("BadArgumentError", f"the body is not JSON: {exc}")
        except TimespanError as exc:
            return _refusal("BadArgumentError", f"timespan: {exc}")
        except KqlError as exc:
            inner = "SyntaxError" if isinstance(exc, KqlSyntaxError) else "SemanticError"
            return _refusal("BadArgumentError", f"The request had some invalid properties: {exc}", inner, str(exc))
        answer: dict[str, Any] = {"tables": [_table_json(table)]}
        if "include-statistics=true" in request.headers.get("Prefer", ""):
            answer["statistics"] = {"query": {"executionTime": time.perf_counter() - started}}
        return web.json_response(answer)

    async def _metrics(self, request: web.Request) -> web.Response:
        try:
            now = datetime.now(UTC)
            query = parse_request(request.query, now)
            resource_ids = (await request.json())["resourceids"]
            values = [self._metrics_of(query, resource_id, now) for resource_id in resource_ids]
        except (JSONDecodeError, KeyError, TypeError):
            return _refusal("BadRequest", 'the body must be {"resourceids": [...]}')
        except MetricsError as exc:
            return _refusal("BadRequest", str(exc))
        return web.json_response({"values": values})

    def _arrived(self, now: datetime, *, are_metrics: bool = False) -> Arrived:
        return Arrived(self._traffic, self._conditions.profile, now, are_metrics)

    def _metrics_of(self, query: MetricsQuery, resource_id: str, now: datetime) -> dict[str, Any]:
        endpoint, deployment = parse_resource(resource_id)
        return {
            "starttime": to_text(query.start),
            "endtime": to_text(query.end),
            "interval": f"PT{int(query.interval.total_seconds()) // 60}M",
            "namespace": "Microsoft.MachineLearningServices/workspaces/onlineEndpoints",
            "resourceregion": "local",
            "resourceid": resource_id,
            "value": endpoint_metrics(query, endpoint, deployment, self._arrived(now, are_metrics=True)),
        }


@web.middleware
async def _require_token(request: web.Request, handler: Any) -> web.StreamResponse:
    if not request.path.startswith("/_local/") and not request.headers.get("Authorization", "").startswith("Bearer "):
        return _refusal("AuthorizationRequiredError", "Valid authentication was not provided", status=401)
    response: web.StreamResponse = await handler(request)
    return response


def _table_json(table: Table) -> dict[str, Any]:
    columns = [[_json_value(value) for value in column.values] for column in table.columns.values()]
    return {
        "name": "PrimaryResult",
        "columns": [{"name": name, "type": column.type} for name, column in table.columns.items()],
        "rows": list(zip(*columns, strict=True)),
    }


def _json_value(value: Any) -> Any:
    """Return a value as JSON can carry it; numbers that JSON lacks are texts, as the service writes them."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        return value if math.isfinite(value) else ("Infinity" if value > 0 else "-Infinity")
    return to_text(value)


def _refusal(code: str, message: str, inner: str | None = None, detail: str = "", status: int = 400) -> web.Response:
    error: dict[str, Any] = {"code": code, "message": message, "correlationId": str(uuid.uuid4())}
    if inner is not None:
        error["innererror"] = {"code": inner, "message": detail}
    return web.json_response({"error": error}, status=status)
