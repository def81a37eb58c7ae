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
                    "name": each.name,
                    "model": each.model,
                    "state": each.state,
                    "error": each.error,
                    "traffic": endpoint.traffic.get(each.name, 0),
                    "mirror": endpoint.mirror.get(each.name, 0),
                    "pid": None if each.server is None else each.server.process.pid,
                    "is_alive": each.server is not None and each.server.is_alive,
                    "log": str(each.log),
                }
                for endpoint in self._endpoints.values()
                for each in endpoint.deployments.values()
            ]
        )

    async def _requests(self, _: web.Request) -> web.Response:
        return web.json_response({"logged": len(self._traffic)})

    async def _get_faults(self, _: web.Request) -> web.Response:
        return web.json_response({**dataclasses.asdict(self._faults), **self._conditions.profile.faults()})

    async def _set_faults(self, request: web.Request) -> web.Response:
        wanted = await request.json()
        known = {field.name for field in dataclasses.fields(Faults)}
        counters = {name: value for name, value in wanted.items() if name in known}
        wrong = [name for name, value in counters.items() if not isinstance(value, int) or value < 0]
        if wrong:
            text = f"{', '.join(wrong)}: {', '.join(sorted(known))} are whole numbers from 0"
            return web.json_response({"error": text}, status=400)
        try:
            self._conditions.change({name: value for name, value in wanted.items() if name not in known})
        except ProfileError as exc:
            return web.json_response({"error": f"{exc}, {', '.join(sorted(known))}"}, status=400)
        for name, value in counters.items():
            setattr(self._faults, name, value)
        return await self._get_faults(request)
