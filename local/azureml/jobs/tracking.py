"""What training code may tell of its run: MLflow's tracking REST interface, as far as tags of runs.

Source: https://mlflow.org/docs/latest/api_reference/rest-api.html ("Set Tag"), from memory; not verified. On Azure the
tracking address is azureml://…, which MLflow speaks with the plug-in azureml-mlflow.
"""

from __future__ import annotations

from aiohttp import web

from local.azureml.jobs.job import Job

PREFIX = "/mlflow"


class Tracking:
    """A job is the run of its name."""

    def __init__(self, jobs: dict[str, Job]) -> None:
        self._jobs = jobs

    def routes(self) -> list[web.RouteDef]:
        return [web.post(f"{PREFIX}/api/2.0/mlflow/runs/set-tag", self._set_tag)]

    async def _set_tag(self, request: web.Request) -> web.Response:
        body = await request.json()
        job = self._jobs.get(str(body.get("run_id", "")))
        if job is None:
            message = f"there is no run {body.get('run_id')!r}"
            return web.json_response({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": message}, status=404)
        key = str(body.get("key") or "")
        if not key:
            message = "a tag needs a key"
            return web.json_response({"error_code": "INVALID_PARAMETER_VALUE", "message": message}, status=400)
        job.resource.properties["tags"] = {**job.tags, key: str(body.get("value", ""))}
        return web.json_response({})
