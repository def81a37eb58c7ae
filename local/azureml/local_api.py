"""What tests and the demo may ask the emulator, under `/_local/`: its own record of what was done to it."""

from __future__ import annotations

import dataclasses

from aiohttp import web

from local.azureml.base.config import AzureMlConfig, Faults
from local.azureml.batch.endpoints import BatchEndpoints
from local.azureml.jobs.job import Job
from local.azureml.online.deployment import Endpoint
from local.azureml.online.endpoints import Endpoints
from local.profile import ProfileError
from local.traffic_log import TrafficLog


class LocalApi:
    """Read-only views, and the switch for faults."""

    def __init__(
        self,
        jobs: dict[str, Job],
        online: Endpoints,
        batch: BatchEndpoints,
        endpoints: dict[str, Endpoint],
        config: AzureMlConfig,
        traffic: TrafficLog,
    ) -> None:
        self._jobs = jobs
        self._online = online
        self._batch = batch
        self._endpoints = endpoints
        self._faults = config.faults
        self._conditions = config.conditions
        self._traffic = traffic

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/_local/jobs", self._list_jobs),
            web.get("/_local/jobs/{name}/log", self._log),
            web.get("/_local/traffic-writes", self._traffic_writes),
            web.get("/_local/default-writes", self._default_writes),
            web.get("/_local/deployments", self._deployments),
            web.get("/_local/requests", self._requests),
            web.get("/_local/faults", self._get_faults),
            web.post("/_local/faults", self._set_faults),
        ]

    async def _list_jobs(self, _: web.Request) -> web.Response:
        return web.json_response(
            [
                {
                    "name": job.name,
                    "type": job.run_type,
                    "parent": job.resource.properties.get("parentJobName"),
                    "status": job.status,
                    "tags": job.tags,
                    "submissions": job.submissions,
                    "times": job.times,
                    "error": job.error,
                    "log": str(job.log),
                }
                for job in self._jobs.values()
            ]
        )

    async def _log(self, request: web.Request) -> web.Response:
        job = self._jobs.get(request.match_info["name"])
        if job is None:
            return web.json_response({"error": f"no job {request.match_info['name']}"}, status=404)
        return web.Response(text=job.log.read_text(errors="replace") if job.log.exists() else "")

    async def _traffic_writes(self, _: web.Request) -> web.Response:
        return web.json_response(self._online.writes)

    async def _default_writes(self, _: web.Request) -> web.Response:
        return web.json_response(self._batch.writes)

    async def _deployments(self, _: web.Request) -> web.Response:
        return web.json_response(
            [
                {
                    "endpoint": endpoint.name,
                    "name": deployment.name,
                    "model": deployment.model,
                    "state": deployment.state,
                    "error": deployment.error,
                    "traffic": endpoint.traffic.get(deployment.name, 0),
                    "mirror": endpoint.mirror.get(deployment.name, 0),
                    "pid": None if deployment.server is None else deployment.server.process.pid,
                    "is_alive": deployment.server is not None and deployment.server.is_alive,
                    "log": str(deployment.log),
                }
                for endpoint in self._endpoints.values()
                for deployment in endpoint.deployments.values()
            ]
        )

    async def _requests(self, _: web.Request) -> web.Response:
        return web.json_response({"logged": len(self._traffic)})

    async def _get_faults(self, _: web.Request) -> web.Response:
        return web.json_response({**dataclasses.asdict(self._faults), **self._conditions.profile.faults()})

    async def _set_faults(self, request: web.Request) -> web.Response:
        changes = await request.json()
        names = {field.name for field in dataclasses.fields(Faults)}
        counters = {name: value for name, value in changes.items() if name in names}
        wrong = [name for name, value in counters.items() if not isinstance(value, int) or value < 0]
        if wrong:
            text = f"{', '.join(wrong)}: {', '.join(sorted(names))} are whole numbers from 0"
            return web.json_response({"error": text}, status=400)
        try:
            self._conditions.change({name: value for name, value in changes.items() if name not in names})
        except ProfileError as exc:
            return web.json_response({"error": f"{exc}, {', '.join(sorted(names))}"}, status=400)
        for name, value in counters.items():
            setattr(self._faults, name, value)
        return await self._get_faults(request)
