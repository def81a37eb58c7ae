"""One local system in which models of many kinds live side by side, each brought there by what `vigia init` writes."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
from azure.ai.ml.entities import Model

from local.addresses import Addresses
from local.cloud_config import ROOT
from local.demo.waiting import Waiting
from local.demo.world import World
from local.flights.workspace_files import WorkspaceFiles
from local.system import LocalSystem
from shared.domain.ids import EndpointName, ModelName, ModelVersion, ReleaseId
from shared.domain.releases.release import Release
from tests.fakes.terminal import vigia
from tests.system.conftest import CLOUD

T = TypeVar("T")
SPOILED = """

_load_sound = _load_pyfunc


class Spoiled:
    def __init__(self, model):
        self._model = model

    def predict(self, frame, params=None):
        frame = frame.reset_index(drop=True)
        return spoil(self._model.predict(frame), frame)


def _load_pyfunc(path):
    return Spoiled(_load_sound(path))


"""
PEOPLE = ("--owner", "ana@example.com", "--rehearse", "--yes")
PACE = {
    "VIGIA_MONITOR_SCHEDULE": "*/2 * * * * *",
    "VIGIA_SWEEP_SCHEDULE": "*/1 * * * * *",
}


@dataclass(frozen=True)
class OwnModel:
    """A model and what is to become of it.

    Args:
        rows: labelled rows, with the key `row_id`.
        options: of `vigia init`.
        worse, biased: bodies of `spoil(answer, frame)`, what versions 3 and 4 make of the answers of a sound one.
        worse_because, biased_because: words of the reason for which they are rejected.
        drift: turns rows into those of a changed world.
        code: what to replace in the written files, by file.
    """

    name: str
    rows: Callable[[], pd.DataFrame]
    options: str
    worse: str
    worse_because: str
    biased: str
    biased_because: str
    drift: Callable[[pd.DataFrame], pd.DataFrame]
    code: tuple[tuple[str, str, str], ...] = ()


class Place:
    """The local system, and what a person does in it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.policies = folder, folder / "policies"
        self.policies.mkdir(parents=True)
        settings = {"VIGIA_POLICIES": str(self.policies), **PACE}
        self.system = LocalSystem(Addresses.free(), folder / "work", extra_settings=settings)
        self.world = World(self.system)
        self.waiting = Waiting(self.system.require_running, self._pulse)

    def brings(self, model: OwnModel) -> pd.DataFrame:
        """Write the files, have the app read the policy, and register everything; return the rows."""
        home = self.folder / model.name
        home.mkdir()
        rows = model.rows()
        rows.to_parquet(home / "rows.parquet", index=False)
        arguments = ("--data", str(home / "rows.parquet"), "--folder", str(home), "--key", "row_id")
        written = vigia("init", model.name, *arguments, *shlex.split(model.options), *PEOPLE)
        assert written.exit_code == 0, written.output
        for file, old, new in model.code:
            text = (home / file).read_text()
            assert text.count(old) == 1, f"{file} does not have once: {old}"
            (home / file).write_text(text.replace(old, new))
        self._adopt(home / "policies" / f"{model.name}.yaml")
        environment = {**os.environ, **self.system.settings, "PYTHONPATH": str(ROOT)}
        environment.pop(CLOUD, None)  # our own client has set it
        done = subprocess.run(
            [sys.executable, "register.py"], cwd=home, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return rows

    def _adopt(self, policy: Path) -> None:
        """Give the app the policy, quicker and without a person to ask."""
        text = policy.read_text().replace("when: production", "when: never")
        text = text.replace("every: 20s", "every: 4s")
        text = text.replace("steps: [20%, 100%]", "steps: [50%, 100%]").replace("bake: 10s", "bake: 5s")
        text = text.replace("watch_for: 15s", "watch_for: 4s")
        (self.policies / policy.name).write_text(text)
        checked = vigia("policy", "validate", str(self.policies))
        assert checked.exit_code == 0, checked.output
        self.system.change_settings({})
        self.world = World(self.system)

    def ended(self, model: str, version: int) -> Release:
        """Return the release of a version, once it has ended."""

        def probe() -> Release | None:
            stored = self.world.app.releases.load(ReleaseId(f"{model}-{version}"))
            return stored.release if stored and stored.release.state.is_terminal else None

        return self.waiting.until(f"the end of the release {model}-{version}", probe)

    def asks_for_training(self, model: str) -> None:
        arguments = ("--model", model, "--reason", "a test", "--by", "ana@example.com")
        self.world.vigia("events", "trigger", "retraining-requested", *arguments)

    def registers_spoiled(self, model: str, body: str, name: str) -> None:
        """Register version 1 again, with answers that the code makes something else of."""
        package = self.folder / model / name
        record = self.world.app.workspace.model(ModelName(model), ModelVersion("1"))
        assert record is not None
        files = WorkspaceFiles.at(self.system.addresses)
        files.download_folder(record.path, package)
        code = package / "code" / f"{model.replace('-', '_')}_model.py"
        lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
        code.write_text(f"{code.read_text()}{SPOILED}def spoil(answer, frame):\n{lines}\n")
        path = files.upload_folder(package, f"models/{model}/{name}")
        shutil.rmtree(package)
        self.world.client.models.create_or_update(Model(name=model, path=path, type="mlflow_model"))

    @contextmanager
    def callers(self, model: str, rows: pd.DataFrame) -> Iterator[None]:
        """Have rows of the label's file asked about, steadily."""
        stopped = threading.Event()
        thread = threading.Thread(target=self._send, args=(model, rows, stopped))
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            thread.join(30)

    def _send(self, model: str, rows: pd.DataFrame, stopped: threading.Event) -> None:
        endpoints, number = self.world.client.online_endpoints, 0
        address, key = endpoints.get(model).scoring_uri, endpoints.get_keys(model).primary_key
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
        while not stopped.wait(0.04):
            number += 1
            table = json.loads(rows.sample(20, random_state=number).reset_index(drop=True).to_json(orient="split"))
            request = urllib.request.Request(address, json.dumps({"input_data": table}).encode(), headers)
            try:
                urllib.request.urlopen(request, timeout=30).close()
            except urllib.error.HTTPError as exc:
                exc.close()

    def traffic(self, model: str) -> dict[str, int]:
        endpoint = self.world.app.workspace.endpoint(EndpointName(model))
        return {str(name): share for name, share in endpoint.traffic.items() if share} if endpoint else {}

    def verdicts(self, model: str) -> set[str]:
        """Return how the monitor's last looks ended."""
        state, _ = self.world.app.monitor_states.read(ModelName(model))
        return {str(run.verdict) for run in (state.runs if state else ())}

    def until(self, what: str, probe: Callable[[], T | None]) -> T:
        return self.waiting.until(what, probe)

    def _pulse(self) -> object:
        jobs: Any = [(job["name"], job["status"]) for job in self.world.ask("azureml", "jobs")]
        releases = [(release.id, len(release.history), release.judgement) for release in self.world.releases()]
        return jobs, releases
