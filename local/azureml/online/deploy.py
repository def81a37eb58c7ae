"""Starts scoring processes and waits until they are ready to serve."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from asyncio.subprocess import Process
from pathlib import Path

import aiohttp

from local.addresses import HOST
from local.azureml.base.arm import ArmError, Json
from local.azureml.base.blobs import Blobs, BlobsMissingError
from local.azureml.base.config import AzureMlConfig
from local.azureml.base.environments import requirements_of, requirements_of_model
from local.azureml.base.processes import kill, spawn, tail
from local.azureml.base.references import References
from local.azureml.online.deployment import Deployment, Server
from local.lifeline import MARK

_ROOT = Path(__file__).resolve().parents[3]
_POLL_SECONDS = 0.03
_LINES_IN_ERROR = 12


class Deployer:
    """Brings the model, starts the process, probes it and warms it up."""

    def __init__(
        self, config: AzureMlConfig, blobs: Blobs, references: References, session: aiohttp.ClientSession
    ) -> None:
        self._config = config
        self._blobs = blobs
        self._references = references
        self._session = session
        self._downloads: dict[str, asyncio.Lock] = {}

    async def start(self, endpoint: str, deployment: Deployment) -> Server:
        """Return a process that answers.

        Raises:
            ArmError: none came up; carries the reason and the log's end.
        """
        properties = deployment.resource.properties
        try:
            model = await self._model(str(properties["model"]), deployment.model)
            script = await self._script(properties.get("codeConfiguration"), endpoint, deployment.name)
        except BlobsMissingError as exc:
            raise _failed(f"deployment {deployment.name}: {exc}") from exc
        # A name of its own per start: an earlier process's file would give the wrong port.
        port_file = self._config.workdir / "deployments" / endpoint / deployment.name / f"port-{time.monotonic_ns()}"
        python = await self._python(properties.get("environmentId"), model, deployment)
        command = [python, "-m", "local.azureml.online.serve", "--model", str(model)]
        command += ["--port", "0", "--port-file", str(port_file), "--concurrent", str(deployment.concurrent)]
        if script is not None:
            command += ["--script", str(script)]
        variables = {str(k): str(v) for k, v in (properties.get("environmentVariables") or {}).items()}
        # One thread per process: several models share the cores of one machine.
        threads = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(_ROOT), "PYTHONUNBUFFERED": "1", MARK: "1"}
        deployment.log.parent.mkdir(parents=True, exist_ok=True)
        process = await spawn(command, deployment.log.parent, {**threads, **variables}, deployment.log)
        try:
            async with asyncio.timeout(self._config.deployment_timeout_seconds):
                port = await _port(deployment, process, port_file)
                server = Server(process, f"http://{HOST}:{port}", deployment.log)
                await self._warm_up(server, model, deployment)
        except TimeoutError as exc:
            await kill(process)
            seconds = self._config.deployment_timeout_seconds
            raise _failed(f"deployment {deployment.name} was not ready after {seconds:g} s") from exc
        except BaseException:  # cancellation too: no process outlives its deployment
            await kill(process)
            raise
        finally:
            port_file.unlink(missing_ok=True)
        return server

    async def _model(self, reference: str, label: str) -> Path:
        """Return the model's folder (or file) on disk; each version is downloaded once."""
        source = self._references.blob(reference, "models")
        folder = self._config.workdir / "models" / label.replace(":", "/")
        async with self._downloads.setdefault(label, asyncio.Lock()):
            target = folder / (source.name or "model")
            if not target.exists():
                part = folder / ".part"
                downloaded = await self._blobs.download(source, part)
                # Renamed when it is whole: a download that broke off is not taken for the model.
                downloaded.rename(target)
                # A scoring script sees what is beside the model.
                shutil.rmtree(part, ignore_errors=True)
            return target

    async def _python(self, environment: str | None, model: Path, deployment: Deployment) -> str:
        """Return the interpreter with the packages of the deployment's environment, or else of its MLflow model."""
        asset = self._references.asset(environment, "environments") if environment else None
        requirements = requirements_of(asset.properties) if asset else requirements_of_model(model)
        return await self._config.environments.interpreter(requirements, deployment.note)

    async def _script(self, configuration: Json | None, endpoint: str, deployment: str) -> Path | None:
        if not configuration:
            return None
        folder = self._config.workdir / "deployments" / endpoint / deployment / f"code-{time.monotonic_ns()}"
        await self._blobs.download(self._references.blob(str(configuration["codeId"]), "codes"), folder)
        return folder / str(configuration["scoringScript"])

    async def _warm_up(self, server: Server, model: Path, deployment: Deployment) -> None:
        """Probe the process, and send the model's own example once: the first request often is a slow one.

        Raises:
            ArmError: 400, the probe or the example was not answered with success.
        """
        async with self._session.get(f"{server.url}/ready") as answer:
            if answer.status != 200:
                raise _failed(f"deployment {deployment.name}: the readiness probe was answered {answer.status}")
        example = model / "input_example.json"
        if not example.is_file():
            return
        content = json.loads(example.read_text())
        body = content if "input_data" in content else {"input_data": content.get("dataframe_split", content)}
        async with self._session.post(f"{server.url}/score", json=body) as answer:
            await answer.read()
            if answer.status != 200:
                text = f"deployment {deployment.name}: the model fails on its own input_example.json"
                raise _failed(f"{text}:\n{tail(deployment.log, _LINES_IN_ERROR)}")


async def _port(deployment: Deployment, process: Process, port_file: Path) -> int:
    """Wait until the process says where it listens.

    Raises:
        ArmError: it ended instead.
    """
    while not port_file.exists():
        if process.returncode is not None:
            text = f"deployment {deployment.name}: the scoring process ended with exit code {process.returncode}"
            raise _failed(f"{text}; its log ends:\n{tail(deployment.log, _LINES_IN_ERROR)}")
        await asyncio.sleep(_POLL_SECONDS)
    return int(port_file.read_text())


def not_ready(deployment: Deployment) -> ArmError:
    """Return the service's commonest failure; why is in the deployment's log. Source: mlops-v2 #120."""
    deployment.log.parent.mkdir(parents=True, exist_ok=True)
    with deployment.log.open("a") as log:
        log.write("ModuleNotFoundError: No module named 'catboost'\nWorker failed to boot.\n")
    reason = "User container has crashed or terminated: Liveness probe failed: HTTP probe failed with statuscode: 502."
    return ArmError(400, None, f"ResourceNotReady: {reason}")


def _failed(message: str) -> ArmError:
    return ArmError(400, "UserError", message, "ResourceNotReady")
