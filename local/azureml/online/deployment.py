"""An online endpoint and its deployments, as the ARM routes and the scoring proxy share them."""

from __future__ import annotations

import random
import re
import secrets
from asyncio.subprocess import Process
from dataclasses import dataclass, field
from pathlib import Path

from local.azureml.base.arm import Json
from local.azureml.endpoints.provisioned import Provisioned, ProvisionedEndpoint

_DURATION = re.compile(r"^PT(?:(?P<m>\d+(?:\.\d+)?)M)?(?:(?P<s>\d+(?:\.\d+)?)S)?$")


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
class Deployment(Provisioned):
    """`model` is `name:version`; `server` is None until the first process is ready, and stays when it dies."""

    model: str
    log: Path
    server: Server | None = None
    error: str | None = None

    def __getstate__(self) -> Json:
        """Return what outlives this process: its children do not."""
        return {**super().__getstate__(), "server": None}

    def note(self, line: str) -> None:
        """Add a line of the emulator's own to the deployment's log."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("a") as log:
            log.write(f"{line}\n")

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
        settings = (collector.get("collections") or {}).get(collection) or {}
        if str(settings.get("dataCollectionMode", "Disabled")).lower() != "enabled":
            return 0.0
        return float(settings.get("samplingRate") or 1.0)


@dataclass
class Endpoint(ProvisionedEndpoint[Deployment]):
    """Traffic maps deployment names to whole percents; `routed` is what of it callers meet already."""

    keys: dict[str, str] = field(default_factory=dict)
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))  # for callers, where authMode is AMLToken
    routed: dict[str, int] = field(default_factory=dict)

    @property
    def compute(self) -> str | None:
        """The id of the Kubernetes cluster; None for an endpoint that Azure manages."""
        return self.resource.properties.get("compute") or None

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
        for name, percent in self.routed.items():
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
