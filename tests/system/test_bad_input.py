"""What bad input gets: a clear error where its reader looks, and nothing that was accepted is lost."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.addresses import Addresses
from local.errors import PortInUseError
from local.system import PARTS, LocalSystem
from shared.domain.fact import RetrainingRequested
from shared.settings import SETTINGS
from tests.local.running import call
from tests.system.town import ROOT, Town

COMPONENT = """\
$schema: https://azuremlschemas.azureedge.net/latest/commandComponent.schema.json
type: command
name: train_badly
environment: azureml:plain:1
outputs:
  model: {type: mlflow_model}
command: >-
  echo reading customers && echo "KeyError: no column 'age'" && exit 3 && echo ${{outputs.model}}
"""


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory, profile: str) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("town")
    here = Town(folder, profile)
    with here.system:
        here.get(lambda: register_component(here, folder))
        yield here


def register_component(town: Town, folder: Path) -> None:
    from azure.ai.ml import load_component
    from azure.ai.ml.entities import Environment

    file = folder / "component.yaml"
    file.write_text(COMPONENT)
    client = town.app.workspace.ml
    client.environments.create_or_update(Environment(name="plain", version="1", image="python:3.11"))
    client.components.create_or_update(load_component(file))


def test_an_event_without_what_its_type_promises_is_kept_and_people_hear_it(town: Town) -> None:
    town.publish_raw("Vigia.DriftDetected", {"monitor": "m", "signal": "s", "run": "r"}, "malformed-1")
    (message,) = town.until(lambda: town.messages("event-quarantined", "malformed-1"))
    assert "data.model" in message
    (item,) = [item for _, item in town.app.quarantine.items() if '"malformed-1"' in item.body]
    assert json.loads(item.body)["data"] == {"monitor": "m", "signal": "s", "run": "r"}
    assert "event malformed-1 of type Vigia.DriftDetected" in item.reason


@pytest.mark.parametrize("body", ["this is no JSON", '{"id": "e-2"}'], ids=["no_json", "no_event"])
def test_a_body_that_is_no_event_is_kept_as_it_came(town: Town, body: str) -> None:
    town.queue(body)
    town.until(lambda: [item for _, item in town.app.quarantine.items() if item.body == body])
    assert town.ask("functions", "host")["poison"]["events-poison"] == 0


def test_an_event_of_an_unknown_type_is_noted(town: Town) -> None:
    event = {
        "id": "unknown-1",
        "topic": town.source,
        "subject": "x",
        "eventType": "Microsoft.MachineLearningServices.SomethingNew",
        "eventTime": "2026-11-20T07:00:00Z",
        "data": {"x": 1},
    }
    town.queue(json.dumps(event))
    (note,) = town.until(lambda: [note for _, note in town.app.quarantine.ignored() if '"unknown-1"' in note.body])
    assert note.reason == "nobody here reads events of type Microsoft.MachineLearningServices.SomethingNew"


def test_a_model_that_no_policy_names_is_done_and_says_why_nothing_happened(town: Town) -> None:
    town.ask_for_training("nobody", "r-1")
    request = RetrainingRequested
    (entry,) = town.until(
        lambda: town.entries("retraining-requested", lambda f: isinstance(f.body, request) and f.body.model == "nobody")
    )
    assert (entry.state, entry.remarks) == ("done", ("no policy is about model 'nobody'",))


def test_an_alert_that_cannot_be_read_is_answered_and_kept(town: Town) -> None:
    assert town.post_alert(b'{"schemaId": "from another world"}') == (202, "kept")
    assert town.until(lambda: town.messages("event-quarantined", "from another world"))
    assert any("from another world" in item.body for _, item in town.app.quarantine.items())


def test_a_training_that_cannot_be_submitted_is_parked_and_people_hear_why(town: Town) -> None:
    town.ask_for_training("orphan", "r-1")
    (message,) = town.until(lambda: town.messages("event-quarantined", "components/nowhere"))
    assert "start-training" in message.replace("\\", "")
    (entry,) = [entry for key in town.app.ledger.parked_keys() if (entry := town.app.ledger.entry(key))]
    assert "nowhere" in entry.outcomes[0].detail


def test_a_job_that_fails_is_told_by_name_and_its_log_says_why(town: Town) -> None:
    town.ask_for_training("churn", "r-1")
    (message,) = town.until(lambda: town.messages("training-failed", "job-"))
    (job,) = [job for job in town.ask("azureml", "jobs") if not job["parent"]]
    assert job["name"] in message
    assert (job["status"], job["tags"]["vigia.cause"]) == ("Failed", "request")
    steps = [step for step in town.ask("azureml", "jobs") if step["parent"] == job["name"]]
    log = "".join(town.ask("azureml", f"jobs/{step['name']}/log") for step in steps)
    assert "KeyError: no column 'age'" in log
    assert len(town.messages("training-failed", job["name"])) == 1


@pytest.mark.parametrize(("topics", "status"), [(0, 201), (["custom"], 202)], ids=["queue", "function"])
def test_an_event_acts_by_the_queue_and_by_its_function(town: Town, topics: list[str] | int, status: int) -> None:
    call("POST", f"{town.system.addresses.url('azureml')}/_local/faults", {"function_topics": topics})
    town.ask_for_training("nobody", f"way-{status}")
    town.until(lambda: town.entries("retraining-requested", lambda f: f.identity[-1:] == (f"way-{status}",)))
    assert town.ask("eventgrid", "deliveries")[-1]["status"] == status


def test_an_event_waits_for_a_broken_policy_to_be_mended(town: Town) -> None:
    file = town.policies / "churn.yaml"
    whole = file.read_text()
    file.write_text(whole.replace("cooldown: 1s", "cooldwon: 1s"))
    town.restart_functions()
    town.ask_for_training("nobody", "waits")

    town.until(lambda: "policy.broken" in town.host_log)
    assert "churn.yaml" in town.host_log
    assert "cooldwon" in town.host_log
    assert "cooldown" in town.host_log.partition("cooldwon")[2]  # what to write instead
    # An alert still gets in: it waits with the others.
    budget = json.loads((ROOT / "tests" / "golden" / "events" / "alert-budget-legacy.json").read_text())
    assert town.post_alert(json.dumps(budget["body"]).encode())[0] == 202

    def decided() -> bool:
        requests = town.entries("retraining-requested", lambda f: f.identity[-1:] == ("waits",))
        return bool(requests) and bool(town.entries("budget-crossed"))

    assert not decided()
    file.write_text(whole)
    town.restart_functions()
    town.until(decided)
    assert set(town.ask("functions", "host")["poison"].values()) == {0}


def test_a_host_without_its_settings_ends_and_names_them_all(tmp_path: Path) -> None:
    file = tmp_path / "local.settings.json"
    values = {"FUNCTIONS_WORKER_RUNTIME": "python", "AzureWebJobsStorage": "UseDevelopmentStorage=true"}
    file.write_text(json.dumps({"IsEncrypted": False, "Values": values}))
    command = [sys.executable, "-m", "local.functions_host", "--settings", str(file), "--port", "0"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VIGIA_")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    required = [setting for setting in SETTINGS if setting.default is None]
    assert [s.name for s in required if f"{s.name} is missing: {s.purpose}, e.g. " not in done.stderr] == []


@pytest.mark.parametrize("name", PARTS)
def test_a_port_in_use_is_named_with_its_part_before_anything_starts(tmp_path: Path, name: str) -> None:
    addresses = Addresses.free()
    port = getattr(addresses, name)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        with pytest.raises(PortInUseError) as refused:
            LocalSystem(addresses, tmp_path / "work").start()
    assert refused.value.message == f"{PARTS[name]} can't start: port {port} on 127.0.0.1 is already in use"
    assert f"lsof -i :{port}" in refused.value.hint
    assert not (tmp_path / "work").exists()
