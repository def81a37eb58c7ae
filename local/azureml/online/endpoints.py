"""Online endpoints over ARM: create, traffic, keys, delete.

Rules for traffic: recorded from the service. That a map may only name deployments that exist is the
service's own validation ("deployments … do not exist").
"""

from __future__ import annotations

from aiohttp import web

from local.azureml.base.arm import PREFIX, Json, Resource, bad_request, now, read_json
from local.azureml.base.config import AzureMlConfig
from local.azureml.base.operations import Operations
from local.azureml.base.processes import kill
from local.azureml.endpoints.region import Region
from local.azureml.endpoints.routes import EndpointRoutes
from local.azureml.online.deployment import Endpoint
from local.azureml.workspace.compute import Compute
from local.profile import NONE


def check_traffic(traffic: Json, mirror: Json, deployments: set[str]) -> None:
    """Check both maps.

    Raises:
        ArmError: 400, names the first rule that is broken.
    """
    for label, percents in (("traffic", traffic), ("mirrorTraffic", mirror)):
        unknown = sorted(set(percents) - deployments)
        if unknown:
            raise bad_request(f"{label} names deployments that do not exist: {', '.join(unknown)}", "InvalidTraffic")
        for name, percent in percents.items():
            if isinstance(percent, bool) or not isinstance(percent, int) or not 0 <= percent <= 100:
                raise bad_request(
                    f"{label} of {name!r} must be a whole percent, 0 to 100, not {percent!r}", "InvalidTraffic"
                )
    if sum(traffic.values()) not in {0, 100}:
        raise bad_request(f"traffic must sum to 0 or 100, not {sum(traffic.values())}", "InvalidTraffic")
    if sum(mirror.values()) > 50:
        raise bad_request(f"mirrorTraffic must be at most 50, not {sum(mirror.values())}", "InvalidTraffic")


class Endpoints(EndpointRoutes[Endpoint]):
    """ARM routes for online endpoints. `writes` records each accepted map of traffic, in order."""

    kind = "Online"
    write_operation = "oe"
    delete_operation = "oe"

    def __init__(
        self,
        config: AzureMlConfig,
        operations: Operations,
        endpoints: dict[str, Endpoint],
        region: Region,
        compute: Compute,
    ) -> None:
        super().__init__(config, operations, endpoints, region)
        self._compute = compute

    def routes(self) -> list[web.RouteDef]:
        one = PREFIX + "/onlineEndpoints/{endpoint}"
        return [
            *super().routes(),
            web.post(one + "/listKeys", self._keys),
            web.post(one + "/token", self._token),
            web.post(one + "/regenerateKeys", self._regenerate),
        ]

    def _check(self, body: Json, existing: Endpoint | None) -> None:
        traffic, mirror = _shares(body)
        check_traffic(traffic, mirror, set(existing.deployments) if existing else set())
        compute = (body.get("properties") or {}).get("compute")
        if existing is not None and existing.compute != compute:
            # The code is a guess; that the compute of an endpoint cannot be changed is documented.
            raise bad_request(f"the compute of endpoint {existing.name} cannot be changed", "ComputeChanged")
        if compute:
            self._check_cluster(str(compute), mirror)

    def _check_cluster(self, compute: str, mirror: Json) -> None:
        """Raise ArmError 400 for what an endpoint on a cluster lacks. Words and codes are ours.

        Source: learn.microsoft.com, concept-endpoints-online (managed and Kubernetes compared), read 2026-11-30.
        """
        name = compute.rsplit("/", 1)[-1]
        if self._compute.kind(compute) != "Kubernetes":
            raise bad_request(f"compute {name} is no attached Kubernetes cluster", "ComputeNotFound")
        if any(mirror.values()):
            raise bad_request("Kubernetes online endpoints mirror no traffic", "MirrorTrafficNotSupported")

    def _new(self, made: Resource) -> Endpoint:
        endpoint = Endpoint(made)
        endpoint.make_keys()
        return endpoint

    def _write(self, endpoint: Endpoint, body: Json) -> Json:
        endpoint.resource.top = {
            "location": body.get("location") or "local",
            "tags": body.get("tags") or {},
            "identity": body.get("identity") or {"type": "SystemAssigned"},
            "kind": "K8S" if (body.get("properties") or {}).get("compute") else "Managed",
        }
        given = {key: value for key, value in (body.get("properties") or {}).items() if key != "keys"}
        url = f"{self._config.addresses.url('scoring')}/endpoints/{endpoint.name}"
        traffic, mirror = _shares(body)
        endpoint.resource.properties = {
            "authMode": "Key",
            "properties": {},
            **given,
            "traffic": traffic,
            "mirrorTraffic": mirror,
            "scoringUri": f"{url}/score",
            "swaggerUri": f"{url}/swagger.json",
        }
        if self._config.conditions.profile.traffic_minutes == NONE:
            endpoint.routed = dict(traffic)
        return {"traffic": traffic, "mirror": mirror}

    async def _settle(self, endpoint: Endpoint) -> None:
        await super()._settle(endpoint)
        endpoint.routed = dict(endpoint.traffic)

    async def _remove(self, endpoint: Endpoint) -> None:
        for deployment in endpoint.deployments.values():
            if deployment.server is not None:
                await kill(deployment.server.process)
        del self._endpoints[endpoint.name]

    async def _keys(self, request: web.Request) -> web.Response:
        return web.json_response(self.find(request).keys)

    async def _token(self, request: web.Request) -> web.Response:
        """A token of an endpoint whose callers have tokens of Azure ML's own, good for an hour.

        Raises:
            ArmError: 400 for an endpoint with keys or tokens of Entra ID.
        """
        endpoint = self.find(request)
        if str(endpoint.resource.properties.get("authMode")).lower() != "amltoken":
            raise bad_request(f"endpoint {endpoint.name} has no tokens of Azure ML; authMode must be AMLToken")
        expires = int(now().timestamp()) + 3600
        return web.json_response(
            {
                "accessToken": endpoint.token,
                "expiryTimeUtc": expires,
                "refreshAfterTimeUtc": expires - 600,
                "tokenType": "Bearer",
            }
        )

    async def _regenerate(self, request: web.Request) -> web.Response:
        endpoint, kind = self.find(request), (await read_json(request)).get("keyType")
        if kind not in {"Primary", "Secondary"}:
            raise bad_request(f"keyType must be Primary or Secondary, not {kind!r}")
        old = dict(endpoint.keys)
        endpoint.make_keys()
        unchanged = "secondaryKey" if kind == "Primary" else "primaryKey"
        endpoint.keys[unchanged] = old[unchanged]
        return web.json_response(endpoint.keys)


def _shares(body: Json) -> tuple[Json, Json]:
    properties = body.get("properties") or {}
    return dict(properties.get("traffic") or {}), dict(properties.get("mirrorTraffic") or {})
