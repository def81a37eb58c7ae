"""An online endpoint and its deployments, as the ARM routes and the scoring proxy share them."""

from __future__ import annotations

import copy
import random
import re
import secrets
import time
from asyncio.subprocess import Process
from dataclasses import dataclass, field
from pathlib import Path

from local.azureml.arm import Json, Resource

_DURATION = re.compile(r"^PT(?:(?P<m>\d+(?:\.\d+)?)M)?(?:(?P<s>\d+(?:\.\d+)?)S)?$")
SETTLED = {"Succeeded", "Failed"}


@dataclass
class Server:
    """One scoring process that answers on `url`."""

    process: Process
    url: str
    log: Path
    waiting: int = 0  # requests that the proxy has sent and that are not answered

    @property
    def is_alive(self) -> bool:
        return self.process.returncode is None


@dataclass
class Deployment:
    """`model` is `name:version`; `server` is None until the first process is ready, and stays when it dies."""

    resource: Resource
    model: str
    log: Path
    server: Server | None = None
    error: str | None = None

    @property
    def name(self) -> str:
        return self.resource.name

    @property
    def state(self) -> str:
        return str(self.resource.properties["provisioningState"])

    @state.setter
    def state(self, value: str) -> None:
        self.resource.properties["provisioningState"] = value

    @property
    def timeout_seconds(self) -> float:
        """The request timeout of the deployment; the service's default is 5 s."""
        text = str((self.resource.properties.get("requestSettings") or {}).get("requestTimeout") or "PT5S")
        match = _DURATION.match(text)
        return 5.0 if match is None else 60 * float(match["m"] or 0) + float(match["s"] or 0)

    @property
    def concurrent(self) -> int:
        settings = self.resource.properties.get("requestSettings") or {}
        return max(1, int(settings.get("maxConcurrentRequestsPerInstance") or 1))

    def collects(self, collection: str) -> float:
        """The share of requests whose `model_inputs` or `model_outputs` are kept, 0 to 1."""
        collector = self.resource.properties.get("dataCollector") or {}
        found = (collector.get("collections") or {}).get(collection) or {}
        if str(found.get("dataCollectionMode", "Disabled")).lower() != "enabled":
            return 0.0
        return float(found.get("samplingRate") or 1.0)


@dataclass
class StaleReads:
    """An endpoint's resource. `shown` is what reads see while they are stale."""

    resource: Resource
    shown: Json | None = None
    stale_until: float = 0.0

    @property
    def name(self) -> str:
        return self.resource.name

    @property
    def state(self) -> str:
        return str(self.resource.properties["provisioningState"])

    def keep_showing(self, milliseconds: int) -> None:
        """Let reads see the state of now, before the next write, for a while longer."""
        self.shown = copy.deepcopy(self.resource.json())
        self.stale_until = time.monotonic() + milliseconds / 1000

    def json(self) -> Json:
        if self.shown is not None and time.monotonic() < self.stale_until:
            return self.shown
        self.shown = None
        return self.resource.json()


@dataclass
class Endpoint(StaleReads):
    """Traffic maps deployment names to whole percents."""

    deployments: dict[str, Deployment] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)

    @property
    def traffic(self) -> dict[str, int]:
        return self.resource.properties.get("traffic") or {}

    @property
    def mirror(self) -> dict[str, int]:
        return self.resource.properties.get("mirrorTraffic") or {}

    def make_keys(self) -> None:
        self.keys = {"primaryKey": secrets.token_urlsafe(24), "secondaryKey": secrets.token_urlsafe(24)}

    def pick(self, chance: random.Random) -> Deployment | None:
        """Choose by the traffic's percents. None when no deployment has traffic."""
        point = chance.random() * 100
        for name, percent in self.traffic.items():
            point -= percent
            if point < 0:
                return self.deployments.get(name)
        return None

    def pick_mirror(self, chance: random.Random) -> Deployment | None:
        """Choose the deployment that gets a copy of this request, if any."""
        for name, percent in self.mirror.items():
            if chance.random() * 100 < percent:
                return self.deployments.get(name)
        return None
