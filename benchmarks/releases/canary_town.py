"""The local system with one model, whose versions differ only in how long they take and how often they fail."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks.harness.spec import BenchmarkError
from local.addresses import Addresses
from local.demo.lateness import with_late_logs
from local.demo.traffic import BackgroundTraffic
from local.demo.waiting import StoodStillError, Waiting
from local.demo.world import MODEL, World
from local.flights.replay import Load
from local.profile import QUICK, Profile
from local.system import LocalSystem
from shared.domain.releases.release import Release, ReleaseState

T = TypeVar("T")

POLICY = """\
model: flight-delay
kind: tabular
endpoint: {name: flight-delay, type: online}
people: {owner: ana@example.com}
rollout:
  steps: [50%, 100%]
  bake: 6s
  decide_within: 10m
  watch_for: 2s
  judge:
    errors: {worse_by_at_most: 0.5%}
    latency: {ratio_at_most: 1.1}
    false_rollbacks: 1%
    interval: 1s
    log_delay: 1s
"""
MLMODEL = "flavors:\n  python_function:\n    loader_module: canary_model\n    code: code\n    data: data\n"
SCORING = """\
import json, pathlib, random, time

class CanaryModel:
    def __init__(self, settings):
        self.settings, self.chance = settings, random.Random(7)

    def predict(self, frame):
        time.sleep(self.settings["seconds"])
        if self.chance.random() < self.settings["fails"]:
            raise RuntimeError("a request in so many fails")
        return [0.5] * len(frame)

def _load_pyfunc(path):
    return CanaryModel(json.loads((pathlib.Path(path) / "settings.json").read_text()))
"""
# A deployment scores one request at a time, as on Azure by default: half of the traffic keeps it a third busy.
LOAD = Load(requests_per_second=50, rows_per_request=1)
SECONDS = 0.006
# A request takes some milliseconds on its way, too, which are the same for every version.
ON_THE_WAY = 0.004
# The SDK sets it for its whole process; a child that inherits it cannot import the SDK.
CLOUD = "AZUREML_CURRENT_CLOUD"


@dataclass(frozen=True, slots=True)
class Version:
    """How a version behaves.

    Args:
        slower_by: share of a request's whole time, on an idle machine.
        fails: share of requests.
    """

    slower_by: float = 0.0
    fails: float = 0.0

    @property
    def settings(self) -> dict[str, float]:
        return {"seconds": SECONDS + self.slower_by * (SECONDS + ON_THE_WAY), "fails": self.fails}


class CanaryTown:
    """Runs everything in processes of their own. `with` it."""

    def __init__(self, folder: Path, profile: Profile = QUICK) -> None:
        os.environ.pop(CLOUD, None)
        self._folder = folder
        policies = folder / "policies"
        policies.mkdir(parents=True)
        (policies / "flight-delay.yaml").write_text(with_late_logs(POLICY, profile))
        extra = {"VIGIA_POLICIES": str(policies)}
        self.system = LocalSystem(Addresses.free(), folder / "work", extra_settings=extra, profile=profile.name)
        self.world = World(self.system)
        self.traffic: BackgroundTraffic | None = None
        self._number = 0

    def __enter__(self) -> CanaryTown:
        self.system.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.traffic is not None:
            self.traffic.stop()
        self.system.stop()

    def begin(self) -> None:
        """Have a first version serve, and requests come in."""
        self.ended(self.register(Version()))
        self.traffic = BackgroundTraffic(*self.until("the endpoint has an address", self.world.scoring), LOAD)
        self.traffic.play(3)

    def register(self, version: Version) -> str:
        """Register the next version of the model, which is released, and return its number."""
        from azure.ai.ml.entities import Model

        self._number += 1
        package = self._folder / f"package-{self._number}"
        for name, text in {
            "MLmodel": MLMODEL,
            "code/canary_model.py": SCORING,
            "data/settings.json": json.dumps(version.settings),
        }.items():
            file = package / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        path = self.world.files.upload_folder(package, f"models/{MODEL}/{package.name}")
        model = Model(name=MODEL, path=path, type="mlflow_model")
        made = self.until("it is registered", lambda: self.world.client.models.create_or_update(model))
        return str(made.version)

    def release(self, version: str) -> Release | None:
        return self.world.release(version)

    def baking(self, version: str) -> Release:
        """Return the release once it has traffic and is being judged."""
        return self.until(f"version {version} bakes", lambda: self._if(version, lambda r: r.phase == "baking"))

    def ended(self, version: str) -> Release:
        return self.until(f"the release of version {version} ends", lambda: self._if(version, _has_ended))

    def serves(self) -> dict[str, int]:
        """Return the traffic as Azure ML answers it."""
        (traffic,) = self.until("the endpoint answers", lambda: (self.world.traffic(),))
        return traffic

    def until(self, what: str, look: Callable[[], T | None]) -> T:
        """Return the first true value of `look`.

        Raises:
            BenchmarkError: nothing moves any more.
            LocalSystemError: a part of the system has ended.
        """
        waiting = Waiting(self.system.require_running, self.world.pulse, self.system.errors)
        try:
            return waiting.until(what, look)
        except StoodStillError as exc:
            raise BenchmarkError(str(exc)) from exc

    def _if(self, version: str, is_so: Callable[[Release], bool]) -> Release | None:
        release = self.release(version)
        return release if release and is_so(release) else None


def _has_ended(release: Release) -> bool:
    return release.state.is_terminal and release.is_settled


def seconds_in(release: Release, state: ReleaseState) -> float:
    """Return how long the release was in that state, by its own history; 0 when it never was."""
    entered = {move.entered: move.at for move in release.history}
    ended_at = {move.left: move.at for move in release.history if move.left != move.entered}
    return (ended_at[state] - entered[state]).total_seconds() if state in entered and state in ended_at else 0.0
