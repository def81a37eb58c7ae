"""The proxy in front of the scoring processes: splits and mirrors traffic, logs each request, feeds the data collector.

Status codes: https://learn.microsoft.com/azure/machine-learning/how-to-troubleshoot-online-endpoints ("HTTPS status
codes"): 401 no or a wrong key, 404 no deployment with traffic, 408 the request timeout passed, 424 the model answered
something else than 200 (its own status in header ms-azureml-model-error-statuscode), 429 too many pending requests.
Ours: 502 the process is gone, 503 it was never ready.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
import uuid
from dataclasses import dataclass

import aiohttp
from aiohttp import web

from local.azureml.base.arm import now
from local.azureml.base.config import AzureMlConfig
from local.azureml.online.collector import Collector
from local.azureml.online.deployment import Deployment, Endpoint
from local.traffic_log import Request, TrafficLog


@dataclass(frozen=True, slots=True)
class Answer:
    """What a deployment made of a request. `model_status` is 0 when the model did not answer."""

    status: int
    model_status: int
    body: bytes
    request_ms: int
    total_ms: int


class ScoringProxy:
    """POST /endpoints/ENDPOINT/score."""

    def __init__(
        self,
        config: AzureMlConfig,
        endpoints: dict[str, Endpoint],
        traffic: TrafficLog,
        collector: Collector,
        session: aiohttp.ClientSession,
    ) -> None:
        self._config = config
        self._endpoints = endpoints
        self._traffic = traffic
        self._collector = collector
        self._session = session
        self._chance = random.Random(config.seed)
        self._mirrors: set[asyncio.Task[None]] = set()

    def app(self) -> web.Application:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.add_routes([web.post("/endpoints/{endpoint}/score", self._score)])
        return app

    async def stop(self) -> None:
        """Let mirrored requests end."""
        await asyncio.gather(*self._mirrors, return_exceptions=True)

    async def _score(self, request: web.Request) -> web.Response:
        name = request.match_info["endpoint"]
        endpoint = self._endpoints.get(name)
        request_id = request.headers.get("x-request-id") or str(uuid.uuid4())
        if endpoint is None:
            return _refuse(404, f"endpoint {name} does not exist", request_id)
        if self._config.require_keys and not _is_authorized(request, endpoint):
            return _refuse(401, f"Authorization: Bearer KEY is missing or wrong; keys: listKeys of {name}", request_id)
        requested = request.headers.get("azureml-model-deployment")
        chosen = endpoint.deployments.get(requested) if requested else endpoint.pick(self._chance)
        if chosen is None:
            reason = f"deployment {requested} does not exist" if requested else "no deployment has traffic"
            return _refuse(404, f"endpoint {name}: {reason}", request_id)
        body = await request.read()
        # The mirror is part of the split: a request that names its deployment goes past both.
        copy_to = None if requested else endpoint.pick_mirror(self._chance)
        if copy_to is not None:
            # Not awaited: a slow shadow must not delay the caller.
            self._mirror(endpoint, copy_to, body, request_id)
        answer = await self._forward(chosen, body, request_id)
        client_id = request.headers.get("x-ms-client-request-id", "")
        self._record(endpoint, chosen, body, answer, request_id, client_id, is_mirrored=False)
        headers = {"azureml-model-deployment": chosen.name, "x-request-id": request_id}
        if answer.status == 424:
            headers["ms-azureml-model-error-statuscode"] = str(answer.model_status)
            headers["ms-azureml-model-error-reason"] = "model_error"
        return web.Response(body=answer.body, status=answer.status, headers=headers, content_type="application/json")

    async def _forward(self, deployment: Deployment, body: bytes, request_id: str) -> Answer:
        """Send a request to the deployment's process; every outcome is an Answer."""
        began = time.perf_counter()
        server = deployment.server
        if server is None:
            return _failure(503, f"deployment {deployment.name} is not serving", began)
        if not server.is_alive:
            return _failure(502, f"deployment {deployment.name}: the scoring process has ended", began)
        if server.waiting >= self._config.pending_limit:
            return _failure(429, f"deployment {deployment.name}: too many pending requests", began)
        server.waiting += 1
        try:
            async with asyncio.timeout(deployment.timeout_seconds):
                headers = {"Content-Type": "application/json", "x-request-id": request_id}
                async with self._session.post(f"{server.url}/score", data=body, headers=headers) as response:
                    headed = time.perf_counter()
                    content = await response.read()
        except TimeoutError:
            return _failure(408, f"deployment {deployment.name}: no answer in {deployment.timeout_seconds:g} s", began)
        except aiohttp.ClientError as exc:
            return _failure(502, f"deployment {deployment.name}: {type(exc).__name__}", began)
        finally:
            server.waiting -= 1
        # Callers tell the model's own errors from the proxy's by the 424.
        status = 200 if response.status == 200 else 424
        return Answer(status, response.status, content, round((headed - began) * 1000), _ms(began))

    def _mirror(self, endpoint: Endpoint, deployment: Deployment, body: bytes, request_id: str) -> None:
        async def send() -> None:
            answer = await self._forward(deployment, body, request_id)
            self._record(endpoint, deployment, body, answer, request_id, "", is_mirrored=True)

        task = asyncio.create_task(send())
        # The loop holds tasks weakly: without this set one could be collected before it ends.
        self._mirrors.add(task)
        task.add_done_callback(self._mirrors.discard)

    def _record(
        self,
        endpoint: Endpoint,
        deployment: Deployment,
        body: bytes,
        answer: Answer,
        request_id: str,
        client_id: str,
        *,
        is_mirrored: bool,
    ) -> None:
        when = now()
        logged = Request(
            time_generated=when,
            endpoint_name=endpoint.name,
            deployment_name=deployment.name,
            response_code=answer.status,
            model_status_code=answer.model_status,
            total_duration_ms=answer.total_ms,
            request_duration_ms=answer.request_ms,
            response_duration_ms=max(0, answer.total_ms - answer.request_ms),
            request_payload_size=len(body),
            response_payload_size=len(answer.body),
            request_id=request_id,
            client_request_id=client_id,
            is_mirrored=is_mirrored,
        )
        # Azure Monitor has neither logs nor metrics of endpoints on a cluster.
        if endpoint.compute is None:
            self._traffic.append(logged)
        if answer.status == 200 and deployment.resource.properties.get("dataCollector"):
            self._collector.keep(endpoint.name, deployment, request_id, when, body, answer.body)


def _is_authorized(request: web.Request, endpoint: Endpoint) -> bool:
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    match str(endpoint.resource.properties.get("authMode")).lower():
        case "key":
            return token in endpoint.keys.values()
        case "amltoken":
            return token == endpoint.token
        case _:
            return bool(token)  # Entra's: nobody signs on loopback


def _ms(began: float) -> int:
    return round((time.perf_counter() - began) * 1000)


def _failure(status: int, message: str, began: float) -> Answer:
    return Answer(status, 0, _message(message), _ms(began), _ms(began))


def _message(text: str) -> bytes:
    return json.dumps({"message": text}).encode()


def _refuse(status: int, message: str, request_id: str) -> web.Response:
    return web.json_response({"message": message}, status=status, headers={"x-request-id": request_id})
