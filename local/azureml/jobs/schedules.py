"""Schedules: stored, enabled and disabled, and run by hand; none of them fires by itself."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from aiohttp import web

from local.azureml.base.arm import PREFIX, Json, Resource, bad_request, caller, find_named, page, read_json, resource
from local.azureml.jobs.job import Job
from local.azureml.jobs.job_data import with_modes


class Schedules:
    """ARM routes for schedules. `submit` starts a job of a name, with its properties, for a caller."""

    def __init__(self, submit: Callable[[str, Json, Json], Job]) -> None:
        self._submit = submit
        self.schedules: dict[str, Resource] = {}

    def routes(self) -> list[web.RouteDef]:
        one = PREFIX + "/schedules/{name}"
        return [
            web.get(PREFIX + "/schedules", self._list),
            web.get(one, self._get),
            web.put(one, self._put),
            web.delete(one, self._delete),
            web.post(one + "/trigger", self._trigger),
        ]

    def _find(self, request: web.Request) -> Resource:
        return find_named(self.schedules, request, "Schedule")

    async def _list(self, request: web.Request) -> web.Response:
        view = request.query.get("listViewType", "EnabledOnly")
        shown = [
            schedule.json()
            for schedule in self.schedules.values()
            if view == "All" or schedule.properties["isEnabled"] == (view == "EnabledOnly")
        ]
        return page(shown)

    async def _get(self, request: web.Request) -> web.Response:
        return web.json_response(self._find(request).json())

    async def _put(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        given = (await read_json(request)).get("properties") or {}
        made = resource(f"schedules/{name}", "schedules", _as_stored(given), caller(request))
        is_new = name not in self.schedules
        self.schedules[name] = made
        return web.json_response(made.json(), status=201 if is_new else 200)

    async def _delete(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self.schedules:
            return web.Response(status=204)
        if self.schedules[name].properties["isEnabled"]:
            raise bad_request("Cannot delete an active trigger. Disable the schedule first.", "ScheduleIsEnabled")
        del self.schedules[name]
        return web.Response(status=200)

    async def _trigger(self, request: web.Request) -> web.Response:
        schedule = self._find(request)
        action = schedule.properties.get("action") or {}
        if action.get("actionType") != "CreateJob":
            raise bad_request(f"{schedule.name} makes no job, but {action.get('actionType')}.")
        name = f"{schedule.name}-{uuid.uuid4().hex[:12]}"
        self._submit(name, action["jobDefinition"], caller(request))
        return web.json_response({"submissionId": name, "scheduleActionType": "CreateJob"})


def _as_stored(given: Json) -> Json:
    """Fill in what the service does: whether it is enabled, the spelling of days, the modes of the job."""
    stored: Json = {**given, "isEnabled": given.get("isEnabled", True) is not False, "provisioningState": "Succeeded"}
    pattern = (given.get("trigger") or {}).get("schedule") or {}
    if pattern.get("weekDays"):
        days = [day.capitalize() for day in pattern["weekDays"]]
        stored["trigger"] = {**given["trigger"], "schedule": {**pattern, "weekDays": days}}
    action = given.get("action") or {}
    if action.get("jobDefinition"):
        stored["action"] = {**action, "jobDefinition": with_modes(action["jobDefinition"])}
    return stored
