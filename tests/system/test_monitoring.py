"""A monitored model in the whole local system: collected flights, a report on the console, and one training."""

from __future__ import annotations

import http.cookiejar
import json
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from local.flights.data import FEATURES, ROW_ID, flights
from local.flights.workspace_files import WorkspaceFiles
from shared.domain.fact import DriftDetected, Fact
from shared.domain.ids import DeploymentName, EndpointName, ModelName, ModelVersion
from shared.domain.state import Training
from shared.ports.endpoints import DeploymentRequest
from shared.store.monitors.monitors import MonitorRun
from tests.local.azureml.conftest import write_toy_model
from tests.system.town import Town

MODEL = ModelName("flights")
ENDPOINT, DEPLOYMENT = EndpointName("flights"), DeploymentName("v-1")
STORE = "azureml://datastores/workspaceblobstore/paths"
POLICY = f"""\
model: flights
kind: tabular
endpoint: {{name: flights, type: online}}
people: {{owner: ana@example.com}}
retrain:
  job: azureml:train_flights@latest
  inputs: {{training_data: "{STORE}/january", toy: "{STORE}/toy"}}
  on: [drift]
  cooldown: 1s
monitor:
  every: 1s
  data_drift: {{ignore: [{ROW_ID}]}}
  data_quality: {{ignore: [{ROW_ID}]}}
  prediction_drift: {{minimum_rows: 2000}}
notify:
  - {{on: [drift-detected, training-started, monitor-trouble], to: [owner], by: [teams]}}
"""
COMPONENT = """\
$schema: https://azuremlschemas.azureedge.net/latest/commandComponent.schema.json
type: command
name: train_flights
environment: azureml:plain:1
inputs:
  training_data: {type: uri_folder}
  toy: {type: uri_folder}
outputs:
  model: {type: mlflow_model}
command: >-
  ls ${{inputs.training_data}} && cp -r ${{inputs.toy}}/. ${{outputs.model}}/
"""


class Airport(Town):
    """The town, with a monitored model that was trained on January."""

    def __init__(self, folder: Path, profile: str) -> None:
        super().__init__(folder, profile)
        (self.policies / "flights.yaml").write_text(POLICY)
        self.system.settings["VIGIA_MONITOR_SCHEDULE"] = "*/1 * * * * *"
        self.folder = folder

    def open(self) -> None:
        """Train version 1 as the policy says, and let it serve."""
        from azure.ai.ml import load_component
        from azure.ai.ml.entities import Environment

        component = self.folder / "component.yaml"
        component.write_text(COMPONENT)
        files = WorkspaceFiles.at(self.system.addresses)
        files.upload_frame(flights([1])[[*FEATURES, ROW_ID]], "january/part-0.parquet")
        files.upload_folder(write_toy_model(self.folder / "toy"), "toy")
        client = self.app.workspace.ml
        plain = Environment(name="plain", version="1", image="python:3.11")
        self.get(lambda: client.environments.create_or_update(plain))
        self.get(lambda: client.components.create_or_update(load_component(component)))
        self.get(lambda: self.app.workspace.create_endpoint(ENDPOINT))
        self.ask_for_training(MODEL, "the first")
        self.until(lambda: [training for training in self.trainings if training.outcome == "completed"])
        version = self.until(lambda: self.app.workspace.model(MODEL, ModelVersion("1")))
        request = DeploymentRequest(ENDPOINT, DEPLOYMENT, MODEL, version.version)
        self.get(lambda: self.app.workspace.create_deployment(request))
        self.until(
            lambda: [
                deployment for deployment in self.app.workspace.deployments(ENDPOINT) if deployment.state == "Succeeded"
            ]
        )
        self.get(lambda: self.app.workspace.set_traffic(ENDPOINT, {DEPLOYMENT: 100}))
        # A monitor's first window begins with its first look; what was scored before is nobody's.
        self.until(lambda: self.app.monitor_states.read(MODEL)[0])

    def serve(self, frame: pd.DataFrame) -> None:
        """Have the collector write that these rows were scored just now, 100 a request."""
        now = datetime.now(UTC)
        inputs: list[bytes] = []
        outputs: list[bytes] = []
        for start in range(0, len(frame), 100):
            rows, request = frame.iloc[start : start + 100], uuid.uuid4().hex
            answers = [{"prediction": delay / 60} for delay in rows["dep_delay"]]
            for lines, data in ((inputs, rows.to_dict("records")), (outputs, answers)):
                record = {"id": uuid.uuid4().hex, "correlationid": request, "time": now.isoformat(), "data": data}
                lines.append(json.dumps(record, default=str).encode() + b"\n")
        # Answers first: a monitor that looks in between finds nothing that was asked.
        for collection, lines in (("model_outputs", outputs), ("model_inputs", inputs)):
            folder = f"modelDataCollector/{ENDPOINT}/{DEPLOYMENT}/{collection}/{now:%Y/%m/%d/%H}"
            self.app.workspace_files.put(f"{folder}/{uuid.uuid4().hex}.jsonl", b"".join(lines))

    @property
    def trainings(self) -> tuple[Training, ...]:
        return self.app.models.read(MODEL).trainings

    def runs(self, signal: str) -> list[MonitorRun]:
        state, _ = self.app.monitor_states.read(MODEL)
        runs = state.runs if state else ()
        return [run for run in runs if run.signal == signal and run.verdict != "insufficient-data"]

    def drift_events(self) -> list[Fact]:
        return [entry.fact for entry in self.entries("drift-detected")]

    def page(self, path: str) -> str:
        """Return a page of the console as a signed-in person sees it."""
        base = self.system.addresses.url("functions")
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
        form = urllib.parse.urlencode({"user": "ana@example.com", "post_login_redirect_uri": path})
        with opener.open(f"{base}/.auth/login/aad", form.encode(), timeout=20) as answer:
            return str(answer.read().decode())


@pytest.fixture(scope="module")
def airport(tmp_path_factory: pytest.TempPathFactory, profile: str) -> Iterator[Airport]:
    here = Airport(tmp_path_factory.mktemp("airport"), profile)
    with here.system:
        here.open()
        yield here


def sample(months: list[int], rows: int, **moved: Any) -> pd.DataFrame:
    return flights(months)[[*FEATURES, ROW_ID]].sample(rows, random_state=7).assign(**moved)


def test_ordinary_flights_are_silence_and_drifted_ones_a_report_an_event_and_one_training(airport: Airport) -> None:
    airport.serve(sample([1], 3000))
    airport.until(lambda: airport.runs("data-drift"))
    assert [run.verdict for run in airport.runs("data-drift")] == ["no-drift"]
    assert [run.verdict for run in airport.runs("data-quality")] == ["no-drift"]
    assert airport.drift_events() == []
    assert len(airport.trainings) == 1

    january = sample([1], 3000)
    airport.serve(january.assign(dep_delay=january["dep_delay"] + 45, origin="EWR"))
    (training,) = airport.until(lambda: airport.trainings[1:])
    airport.until(lambda: len(airport.drift_events()) >= 2)

    drifted = airport.runs("data-drift")[-1]
    assert (drifted.verdict, drifted.rows) == ("drift", 3000)
    assert {feature.feature for feature in drifted.features} == {"dep_delay", "origin"}
    assert training.cause == "drift"
    bodies = [fact.body for fact in airport.drift_events() if isinstance(fact.body, DriftDetected)]
    assert {body.signal for body in bodies} >= {"data-drift", "prediction-drift"}
    assert {body.report for body in bodies} == {drifted.report}
    page = airport.page(f"/api/monitors/{MODEL}/{drifted.report}")
    assert "dep_delay" in page
    assert "prediction" in page.lower()
    assert airport.until(lambda: airport.messages("drift-detected", drifted.report))
    airport.until(lambda: airport.ask("eventgrid", "idle")["idle"] and not any(airport.app.ledger.open_keys()))
    assert len(airport.trainings) == 2  # two events of one drift, one training
    assert timedelta(0) < drifted.end - drifted.start
