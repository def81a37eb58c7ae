"""The Azure ML emulator: ARM on one port, the scoring proxy on another."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
from aiohttp import web

from local.addresses import HOST, require_free
from local.azureml.base import events
from local.azureml.base.arm import Json, Resource, middleware
from local.azureml.base.assets import Assets
from local.azureml.base.blobs import Blobs
from local.azureml.base.config import AzureMlConfig
from local.azureml.base.events import Outbox
from local.azureml.base.gate import Gate
from local.azureml.base.operations import Operations
from local.azureml.base.processes import kill
from local.azureml.base.references import References
from local.azureml.base.tokens import check_token
from local.azureml.batch.deployments import BatchDeployments
from local.azureml.batch.endpoint import BatchEndpoint
from local.azureml.batch.endpoints import BatchEndpoints
from local.azureml.batch.jobs import BatchJobs
from local.azureml.batch.run import BatchRunner
from local.azureml.endpoints.region import Region
from local.azureml.jobs.command import CommandRunner
from local.azureml.jobs.job import ENDED, Job
from local.azureml.jobs.job_data import JobData
from local.azureml.jobs.job_run import JobRunner
from local.azureml.jobs.jobs import Jobs
from local.azureml.jobs.pipeline import PipelineRunner
from local.azureml.jobs.run_history import RunHistory
from local.azureml.jobs.schedules import Schedules
from local.azureml.jobs.tracking import Tracking
from local.azureml.local_api import LocalApi
from local.azureml.online.collector import Collector
from local.azureml.online.deploy import Deployer
from local.azureml.online.deployment import Endpoint
from local.azureml.online.deployments import Deployments
from local.azureml.online.endpoints import Endpoints
from local.azureml.online.scoring import ScoringProxy
from local.azureml.registry_file import RegistryFile
from local.azureml.workspace.compute import Compute
from local.azureml.workspace.datastores import Datastores
from local.azureml.workspace.requirements import Requirements
from local.azureml.workspace.workspace import Workspace
from local.traffic_log import TrafficLog


class AzureMl:
    """Build it, `await start()`, use it through MLClient, `await stop()`. State lives in memory.

    `publish` gets one event of the workspace's system topic at a time, in the Event Grid schema. Storage must run.
    """

    def __init__(self, config: AzureMlConfig, publish: Callable[[Json], Awaitable[None]], traffic: TrafficLog) -> None:
        self._config = config
        self._traffic = traffic
        self._outbox = Outbox(publish)
        self._blobs = Blobs(config.addresses)
        self._operations = Operations(config.addresses.url("azureml"), config.conditions)
        self._jobs: dict[str, Job] = {}
        self._endpoints: dict[str, Endpoint] = {}
        self._batch: dict[str, BatchEndpoint] = {}
        self._assets = Assets(self._model_registered)
        self._references = References(self._assets)
        self._data = JobData(self._blobs, self._references, self._assets)
        self._runner = JobRunner(config, self._data, self._references, self._outbox, self._jobs)
        self._collector = Collector(self._blobs, random.Random(config.seed))
        self._session: aiohttp.ClientSession | None = None
        self._proxy: ScoringProxy | None = None
        self._runners: list[web.AppRunner] = []
        self._registry_file: RegistryFile | None = None
        self._deployments: Deployments | None = None

    async def start(self) -> None:
        """Listen on both ports.

        Raises:
            PortInUseError: one is taken.
        """
        require_free("Azure ML", self._config.addresses.azureml)
        require_free("the scoring proxy of Azure ML", self._config.addresses.scoring)
        if not self._config.is_kept:
            for folder in (
                "jobs",
                "models",
                "deployments",
            ):  # the registry starts empty, so what was downloaded is stale
                shutil.rmtree(self._config.workdir / folder, ignore_errors=True)
        self._config.workdir.mkdir(parents=True, exist_ok=True)
        await self._blobs.start()
        await self._outbox.start()
        await self._collector.start()
        session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout())
        self._session = session
        self._proxy = ScoringProxy(self._config, self._endpoints, self._traffic, self._collector, session)
        try:
            await self._listen(self._proxy.app(), self._config.addresses.scoring)
            app = self._arm_app(session)
            await self._resume()
            await self._listen(app, self._config.addresses.azureml)
        except OSError:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End jobs and scoring processes, write what was collected, publish what waits."""
        # Listeners first, so that nothing new comes in; storage last, because the collector still writes to it.
        for runner in self._runners:
            await runner.cleanup()
        if self._registry_file is not None:
            await self._registry_file.stop()
        await self._runner.stop()
        await self._operations.stop()
        if self._proxy is not None:
            await self._proxy.stop()
        servers = [
            deployment.server for endpoint in self._endpoints.values() for deployment in endpoint.deployments.values()
        ]
        await asyncio.gather(*(kill(server.process) for server in servers if server is not None))
        if self._session is not None:
            await self._session.close()
        await self._collector.stop()
        await self._outbox.stop()
        await self._blobs.stop()

    def _arm_app(self, session: aiohttp.ClientSession) -> web.Application:
        config, operations = self._config, self._operations
        region = Region(config.conditions)
        compute = Compute(operations, config)
        endpoints = Endpoints(config, operations, self._endpoints, region, compute)
        deployer = Deployer(config, self._blobs, self._references, session)
        batch = BatchEndpoints(config, operations, self._batch, region)
        datastores = Datastores(config.addresses)
        requirements = Requirements(self._references, compute)
        jobs = Jobs(config, self._runner, requirements, operations, self._outbox, self._jobs)
        schedules = Schedules(jobs.submit)
        deployments = self._deployments = Deployments(
            config, endpoints, self._references, requirements, deployer, operations, self._outbox, region
        )
        if config.is_kept:
            stored: dict[str, dict[str, Any]] = {
                "jobs": self._jobs,
                "endpoints": self._endpoints,
                "batch": self._batch,
                **self._assets.kinds,
            }
            stored |= {"computes": compute.computes, "schedules": schedules.schedules}
            stored |= {"datastores": datastores.datastores, "secrets": datastores.secrets}
            self._registry_file = RegistryFile(config.workdir / "registry.pickle", stored)
        parts = (
            Workspace(config.addresses, self._blobs),
            datastores,
            operations,
            self._assets,
            compute,
            jobs,
            schedules,
            endpoints,
            deployments,
            batch,
            BatchDeployments(config, batch, self._references, requirements, operations),
            BatchJobs(config, batch, self._runner, self._batch_runner(), self._outbox, self._jobs),
            RunHistory(config, self._jobs),
            Tracking(self._jobs),
            LocalApi(self._jobs, endpoints, batch, self._endpoints, config, self._traffic),
        )
        arm = middleware(config.faults, config.conditions, self._check(Gate(config.faults, config.conditions)))
        app = web.Application(middlewares=[arm], client_max_size=16 * 1024 * 1024)
        for part in parts:
            app.add_routes(part.routes())
        return app

    async def _resume(self) -> None:
        """Go on where the last start has ended: endpoints serve again, and jobs that it cut off have failed."""
        if self._registry_file is None or self._deployments is None:
            return
        self._registry_file.restore()
        for job in self._jobs.values():
            if job.status not in ENDED:
                job.error = "the local system was stopped while this job ran"
                job.move("Failed", self._outbox)
        await self._deployments.resume(self._endpoints.values())
        self._registry_file.start()

    def _check(self, gate: Gate) -> Callable[[web.Request], dict[str, str]]:
        own = self._config.addresses.url("azureml")

        def check(request: web.Request) -> dict[str, str]:
            check_token(request, own)
            return gate.check(request)

        return check

    def _batch_runner(self) -> BatchRunner:
        commands = CommandRunner(self._config, self._data, self._outbox)
        steps = PipelineRunner(commands, self._data, self._references, self._outbox, self._jobs)
        return BatchRunner(steps, self._blobs, self._references, self._outbox)

    async def _listen(self, app: web.Application, port: int) -> None:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        self._runners.append(runner)
        await web.TCPSite(runner, HOST, port).start()

    def _model_registered(self, name: str, version: str, model: Resource) -> None:
        tags, properties = model.properties.get("tags") or {}, model.properties.get("properties") or {}
        self._outbox.emit(events.model_registered(name, version, dict(tags), dict(properties)))
