"""Azure Resource Manager's conventions: errors, resource envelopes, api-version, and faults of any call."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from aiohttp import web
from aiohttp.typedefs import Middleware

from local.addresses import WORKSPACE_ID
from local.azureml.base.config import Faults
from local.profile import Conditions

T = TypeVar("T")
Json = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

PROVIDER = "Microsoft.MachineLearningServices"
_VERSION = re.compile(r"^\d{4}-\d{2}-\d{2}(-(dataplane)?preview|-privatepreview)?$")


def in_any_case(path: str) -> str:
    """Return a pattern for routes: Azure takes ids in any case, and gives some of them back in another."""
    for word in ("resourceGroups", PROVIDER):
        path = path.replace(f"/{word}/", f"/{{_{word[0]}:(?i:{re.escape(word)})}}/")
    return path


PREFIX = in_any_case(WORKSPACE_ID)  # of the workspace's routes


class ArmError(Exception):
    """An error answer in ARM's shape: `{"error": {"code", "message", "details", "innererror"}}`."""

    def __init__(
        self,
        status: int,
        code: str | None,
        message: str,
        inner: str | None = None,
        headers: dict[str, str] | None = None,
        reason: str | None = None,
    ) -> None:
        super().__init__(message)
        self.headers = headers or {}
        self.reason = reason or message  # what `details` say
        self.status = status
        self.code = code
        self.message = message
        self.inner = inner
        self.reason = reason or message

    def body(self) -> Json:
        error: Json = {"code": self.code, "message": self.message, "details": [], "additionalInfo": []}
        if self.inner is not None:
            error["details"] = [{"code": self.inner, "message": self.reason, "details": []}]
        if self.inner is not None and self.reason == self.message:
            error["innererror"] = {"code": self.inner, "innerError": None}
        return {"error": error}


def not_found(kind: str, what: str) -> ArmError:
    """Return the service's own 404; `what` is added to its text because a developer reads it."""
    return ArmError(404, "UserError", f"The specified resource was not found. ({what})", f"{kind}NotFound")


def find_named(resources: Mapping[str, T], request: web.Request, kind: str) -> T:
    """Return what the path of a request names: of kind `Job`, the one at `jobs/{name}`.

    Raises:
        ArmError: 404, there is none of this name.
    """
    name = request.match_info["name"]
    if name not in resources:
        raise not_found(kind, f"{kind.lower()}s/{name}")
    return resources[name]


def bad_request(message: str, inner: str = "BadArgument") -> ArmError:
    return ArmError(400, "UserError", message, inner)


def conflict(message: str, inner: str = "Conflict") -> ArmError:
    return ArmError(409, "UserError", message, inner)


def now() -> datetime:
    return datetime.now(UTC)


def stamp(moment: datetime | None = None) -> str:
    """ISO 8601 with microseconds and Z, as ARM writes times."""
    return (moment or now()).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def claims_of(request: web.Request) -> Json:
    """Return the claims of a call's token; empty when there is none. The signature isn't checked."""
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError, binascii.Error):
        return {}
    return claims if isinstance(claims, dict) else {}


def caller(request: web.Request) -> Json:
    """Return the caller, from the bearer token's claims: `{"createdBy", "createdByType"}`."""
    claims = claims_of(request)
    # A display name, as Azure ML records it: "Mary Smith", and no address with it.
    person = claims.get("name") or claims.get("upn")
    if person:
        return {"createdBy": person, "createdByType": "User"}
    return {"createdBy": claims.get("appid") or "local-user", "createdByType": "Application"}


@dataclass
class Resource:
    """One ARM resource; `top` holds members beside `properties`, such as tags, sku, identity and location."""

    id: str
    type: str
    properties: Json
    system_data: Json
    top: Json = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.id.rsplit("/", 1)[-1]

    def json(self) -> Json:
        return {
            "id": self.id,
            "name": self.name,
            "type": f"{PROVIDER}/workspaces/{self.type}",
            "systemData": self.system_data,
            **self.top,
            "properties": self.properties,
        }


def caller_of(made: Resource) -> Json:
    """Return the author of a resource, for what is made on its behalf."""
    return {key: made.system_data[key] for key in ("createdBy", "createdByType")}


def resource(path: str, kind: str, properties: Json, by: Json, top: Json | None = None) -> Resource:
    """Make a new resource of the workspace at `path` (such as `jobs/j1`)."""
    moment = stamp()
    data = {
        **by,
        "createdAt": moment,
        "lastModifiedBy": by["createdBy"],
        "lastModifiedByType": by["createdByType"],
        "lastModifiedAt": moment,
    }
    return Resource(f"{WORKSPACE_ID}/{path}", kind, properties, data, top or {})


async def read_json(request: web.Request) -> Json:
    """Return the body as an object.

    Raises:
        ArmError: 400, it isn't one.
    """
    try:
        body = await request.json()
    except ValueError as exc:
        raise bad_request(f"{request.method} {request.path}: the body is not JSON: {exc}") from exc
    if not isinstance(body, dict):
        raise bad_request(f"{request.method} {request.path}: the body must be a JSON object")
    return body


def page(values: list[Json]) -> web.Response:
    return web.json_response({"value": values, "nextLink": None})


def middleware(faults: Faults, conditions: Conditions, check: Callable[[web.Request], dict[str, str]]) -> Middleware:
    """Turn ArmError into its answer, require an api-version, and show the faults that are set.

    `check` raises ArmError for calls that are refused unseen, and returns headers for the answers to others.
    """

    @web.middleware
    async def arm(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith("/_local/"):
            return await handler(request)
        # The data plane has versions in its paths, and the SDK sends `v1.0` along.
        if request.path.startswith("/subscriptions/") and (wrong := _wrong_version(request.query.get("api-version"))):
            return _answer(wrong)
        headers: dict[str, str] = {}
        try:
            headers = check(request)
            response = await handler(request)
        except ArmError as exc:
            response = _answer(
                _wrapped(exc) if conditions.profile.wrapped_refusals and "Endpoints" in request.path else exc
            )
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed) as exc:
            text = f"the emulator has no {request.method} {request.path}"
            response = _answer(ArmError(exc.status, "NotImitated", text))
        response.headers.update(headers)
        if conditions.profile.other_case:
            _spell_otherwise(response)
        if _writes(request) and faults.lost_replies > 0 and response.status < 400:
            faults.lost_replies -= 1
            if request.transport is not None:
                request.transport.abort()
        return response

    return arm


def _wrong_version(version: str | None) -> ArmError | None:
    """Any version is taken, as the SDK mixes nine of them, but it must be one."""
    if version is None:
        return ArmError(400, "MissingApiVersionParameter", "The api-version query parameter is required.")
    if _VERSION.match(version):
        return None
    return ArmError(400, "InvalidApiVersionParameter", f"The api-version '{version}' is invalid.")


def _writes(request: web.Request) -> bool:
    """Whether a call changes something: a write to a resource, or the invocation of a batch endpoint."""
    return request.method in {"PUT", "DELETE", "PATCH"} or request.path.startswith("/batch/")


def _answer(error: ArmError) -> web.Response:
    return web.json_response(error.body(), status=error.status, headers=error.headers)


def _wrapped(error: ArmError) -> ArmError:
    """Return a refusal of the inferencing service as ARM hands it on: the reason below a generic message.

    Source: azure-sdk-for-python #35109, mslearn-azure-ml #30.
    """
    if error.status != 400:
        return error
    return ArmError(400, "BadRequest", "The request is invalid.", error.inner, error.headers, error.message)


def _spell_otherwise(response: web.StreamResponse) -> None:
    """Write the ids in an answer as some of Azure's services do: names as they were given, all else in lower case.

    Ids of versions, jobs and deployments stay: Microsoft's own SDK reads those in Azure ML's spelling only, so the
    service writes them so.
    """
    if isinstance(response, web.Response) and response.content_type == "application/json" and response.text:
        response.text = _RESOURCE_ID.sub(lambda match: _in_lower_case(match[0]), response.text)


_READ_STRICTLY = ("/versions/", "/jobs/", "/deployments/")
_RESOURCE_ID = re.compile(r'/subscriptions/[^"]+')


def _in_lower_case(resource: str) -> str:
    if any(kind in resource for kind in _READ_STRICTLY):
        return resource
    return resource.replace("/resourceGroups/", "/resourcegroups/").replace(PROVIDER, PROVIDER.lower())
