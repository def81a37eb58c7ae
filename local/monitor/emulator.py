"""The Azure Monitor emulator: its HTTP interface."""

from __future__ import annotations

import asyncio
import math
import time
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from json import JSONDecodeError
from typing import Any

from aiohttp import web

from local.addresses import LOGS_WORKSPACE_ID
from local.listener import Listener
from local.monitor.ingestion import Arrived
from local.monitor.kql.syntax import KqlError, KqlSyntaxError
from local.monitor.kql.values import Table
from local.monitor.logs import run_query
from local.monitor.metrics import MetricsError, MetricsQuery, endpoint_metrics
from local.monitor.metrics_request import parse_request, parse_resource
from local.monitor.timespan import TimespanError, format_time, parse_timespan
from local.profile import Conditions, ProfileError
from local.traffic_log import TrafficLog

# Source: learn.microsoft.com/azure/azure-monitor/logs/api/errors, read 2026-11-30, and azure-sdk-for-python #45580
# for the unknown workspace.
_NO_TOKEN = "Authentication failed. The 'Authorization' header is missing."
_NO_PATH = "The requested path does not exist"


@dataclass(frozen=True)
class Answer:
    """A status and a body: of a request, or of one of the requests in a batch."""

    status: int
    body: dict[str, Any]

    def response(self) -> web.Response:
        return web.json_response(self.body, status=self.status)


class Monitor:
    """Answers log queries and metric requests from the traffic log, which is that of each of the `workspaces`."""

    def __init__(
        self,
        port: int,
        traffic: TrafficLog,
        conditions: Conditions | None = None,
        workspaces: Collection[str] = (LOGS_WORKSPACE_ID,),
    ) -> None:
        self._listener = Listener("Azure Monitor", port)
        self._traffic = traffic
        self._conditions = conditions or Conditions()
        self._workspaces = frozenset(workspaces)

    @property
    def port(self) -> int:
        return self._listener.port

    async def start(self) -> None:
        """Listen.

        Raises:
            PortInUseError: something else listens on the port.
        """
        app = web.Application(middlewares=[_authenticate, self._gate])
        app.add_routes(
            [
                web.post("/v1/workspaces/{workspace}/query", self._query),
                web.post("/v1/{resource:subscriptions/.+}/query", self._query),
                web.post("/v1/$batch", self._batch),
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
        """Refuse a caller whose role is missing, and throttle a share of the calls."""
        is_metrics = request.path.endswith("metrics:getBatch")
        if not request.path.startswith("/_local/"):
            if self._conditions.lacks("metrics" if is_metrics else "logs"):
                code = "AuthorizationFailed" if is_metrics else "InsufficientAccessError"
                text = "The provided credentials have insufficient access to perform the requested operation"
                return _refusal(code, text, status=403).response()
            if self._conditions.is_throttled():
                seconds = str(self._conditions.throttle_seconds())
                answer = _refusal("ThrottledError", "Too many requests; try again later", status=429).response()
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
            return _refusal("BadArgumentError", str(exc)).response()
        return await self._get_faults(request)

    async def _query(self, request: web.Request) -> web.Response:
        try:
            body = await request.json()
        except JSONDecodeError as exc:
            return _refusal("BadArgumentError", f"the body is not JSON: {exc}").response()
        workspaces = [request.match_info["workspace"]] if "workspace" in request.match_info else []
        return (await self._answer(workspaces, body, request.headers.get("Prefer", ""))).response()

    async def _batch(self, request: web.Request) -> web.Response:
        """Each request of a batch is answered by itself; the batch as a whole succeeds."""
        try:
            parts = [
                (part["id"], [part["workspace"]], part["body"], (part.get("headers") or {}).get("Prefer", ""))
                for part in (await request.json())["requests"]
            ]
        except (JSONDecodeError, KeyError, TypeError):
            text = 'the body must be {"requests": [{"id", "workspace", "body"}]}'
            return _refusal("BadArgumentError", text).response()
        answers = [{"id": name, **vars(await self._answer(*query))} for name, *query in parts]
        return web.json_response({"responses": answers})

    async def _answer(self, workspaces: list[str], body: Any, prefer: str) -> Answer:
        if not isinstance(body, dict) or not isinstance(body.get("query"), str):
            return _refusal("BadArgumentError", "the body must be an object with a text `query`")
        if {*workspaces, *(body.get("workspaces") or [])} - self._workspaces:
            return _refusal("PathNotFoundError", _NO_PATH, status=404)
        started, now = time.perf_counter(), datetime.now(UTC)
        try:
            timespan = parse_timespan(body.get("timespan"), now)
            # In a thread: a long query must not delay the scoring requests that share the event loop.
            table = await asyncio.to_thread(run_query, body["query"], self._arrived(now), timespan)
        except TimespanError as exc:
            return _refusal("BadArgumentError", f"timespan: {exc}")
        except KqlError as exc:
            inner = "SyntaxError" if isinstance(exc, KqlSyntaxError) else "SemanticError"
            return _refusal("BadArgumentError", f"The request had some invalid properties: {exc}", inner, str(exc))
        answer: dict[str, Any] = {"tables": [_table_json(table)]}
        if "include-statistics=true" in prefer:
            answer["statistics"] = {"query": {"executionTime": time.perf_counter() - started}}
        if "include-render=true" in prefer:
            answer["render"] = {"visualization": None}  # what a query without `render` gets; there is no `render` here
        return Answer(200, answer)

    async def _metrics(self, request: web.Request) -> web.Response:
        try:
            now = datetime.now(UTC)
            query = parse_request(request.query, now)
            resource_ids = (await request.json())["resourceids"]
            values = [self._metrics_of(query, resource_id, now) for resource_id in resource_ids]
        except (JSONDecodeError, KeyError, TypeError):
            return _refusal("BadRequest", 'the body must be {"resourceids": [...]}').response()
        except MetricsError as exc:
            return _refusal("BadRequest", str(exc)).response()
        return web.json_response({"values": values})

    def _arrived(self, now: datetime, *, are_metrics: bool = False) -> Arrived:
        return Arrived(self._traffic, self._conditions.profile, now, are_metrics)

    def _metrics_of(self, query: MetricsQuery, resource_id: str, now: datetime) -> dict[str, Any]:
        endpoint, deployment = parse_resource(resource_id)
        return {
            "starttime": format_time(query.start),
            "endtime": format_time(query.end),
            "interval": f"PT{int(query.interval.total_seconds()) // 60}M",
            "namespace": "Microsoft.MachineLearningServices/workspaces/onlineEndpoints",
            "resourceregion": "local",
            "resourceid": resource_id,
            "value": endpoint_metrics(query, endpoint, deployment, self._arrived(now, are_metrics=True)),
        }


@web.middleware
async def _authenticate(request: web.Request, handler: Any) -> web.StreamResponse:
    """Require a bearer token, and answer an unknown path in the service's own shape."""
    if not request.path.startswith("/_local/") and not request.headers.get("Authorization", "").startswith("Bearer "):
        return _refusal("AuthenticationFailed", _NO_TOKEN, status=401).response()
    try:
        response: web.StreamResponse = await handler(request)
    except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
        return _refusal("PathNotFoundError", _NO_PATH, status=404).response()
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
    return format_time(value)


def _refusal(code: str, message: str, inner: str | None = None, detail: str = "", status: int = 400) -> Answer:
    error: dict[str, Any] = {"code": code, "message": message, "correlationId": str(uuid.uuid4())}
    if inner is not None:
        error["innererror"] = {"code": inner, "message": detail}
    return Answer(status, {"error": error})
