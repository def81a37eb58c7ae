"""Releases on batch endpoints, as the command shows them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from shared.domain.ids import DeploymentName, EndpointName, FactKey, ModelName, ModelVersion
from shared.domain.releases.release import Release, ReleaseState, Serving
from shared.domain.releases.verdict import Judgement, Verdict
from shared.ports.endpoints import DeploymentRecord, EndpointRecord
from shared.release.open_release import Opening, new_release
from shared.release.sections.to_plan import plan_from
from shared.release.states.batch import begin_comparing
from tests.unit.cli.conftest import Run
from tests.unit.cli.world import NOW, ROOT, FakeApp

EXAMPLE = ROOT / "policies" / "examples" / "churn-scores.yaml"
MODEL, ENDPOINT = ModelName("churn-scores"), EndpointName("churn-scores")
V2, V3 = DeploymentName("v-2"), DeploymentName("v-3")


@pytest.fixture
def batch(fake: FakeApp, tmp_path: Path) -> FakeApp:
    """An app with one policy, of a batch endpoint whose default is v-2."""
    (tmp_path / EXAMPLE.name).write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8")
    fake.settings = replace(fake.settings, policies=tmp_path)
    for version in ("2", "3"):
        fake.azureml.register(MODEL, version)
    serving = DeploymentRecord(V2, MODEL, ModelVersion("2"), "Succeeded")
    fake.azureml.batch.endpoints[ENDPOINT] = EndpointRecord(ENDPOINT, "Succeeded", {V2: 100}, {}, (serving,), "")
    return fake


def comparing(app: FakeApp) -> Release:
    opening = Opening(MODEL, ModelVersion("3"), ENDPOINT, FactKey("f"), None, "a test")
    opened = new_release(opening, plan_from(app.policies[0]), NOW - timedelta(minutes=30))
    release = begin_comparing(replace(opened, champion=Serving(V2, ModelVersion("2"))), "deployment v-3 is up", NOW)
    judgement = Judgement(Verdict.INCONCLUSIVE, "20 of 1,000 rows changed class", numbers={"changed": 20.0})
    return replace(release, sample="azureml:churn-sample:7", judgement=judgement)


def test_a_plan_says_what_is_compared_and_swapped(batch: FakeApp, run: Run) -> None:
    document = json.loads(run("plan", "churn-scores:3", "-o", "json").stdout)

    assert [f"{change['sign']} {change['what']}" for change in document["changes"]] == [
        "+ deployment v-3 with version 3, 2 instances of cluster cpu-cluster per job",
        "+ jobs score-churn-scores-3-v-2 and score-churn-scores-3-v-3 on azureml:churn-sample@latest",
        "~ their predictions are compared: at most 2 % of the rows may change class (at 0.5), the mean may move by "
        "0.05, no row may be missing; 95 % sure",
        "~ default deployment: v-2 → v-3, swapped back when more than 0 of its jobs fail",
        "- what was there before v-2 is deleted after 7 d as no default",
        "- v-2 is deleted 7 d after the watch",
    ]
    assert document["at_least"] == timedelta(hours=26).total_seconds()
    assert run("plan", "churn-scores:2").stdout.strip().endswith("version 2 serves already.")


def test_the_status_reads_the_batch_endpoint(batch: FakeApp, run: Run) -> None:
    document = json.loads(run("status", "-o", "json").stdout)
    assert [(share["deployment"], share["percent"]) for share in document["models"][0]["traffic"]] == [("v-2", 100)]


def test_a_default_that_is_not_the_champion_asks_for_attention(batch: FakeApp, run: Run) -> None:
    assert batch.endpoints.claim(ENDPOINT, comparing(batch).id)
    batch.endpoints.give_back(ENDPOINT, comparing(batch).id, Serving(V3, ModelVersion("3")), None)
    document = json.loads(run("status", "-o", "json").stdout)
    assert document["models"][0]["attention"] == ["the default deployment is v-2, but the champion v-3 should be it"]


def test_a_release_shows_its_comparison(batch: FakeApp, run: Run) -> None:
    batch.releases.create(comparing(batch))
    shown = " ".join(re.sub("[│├└─]", " ", run("releases", "get", "churn-scores-3").stdout).split())
    assert "default deployment compared on azureml:churn-sample:7: at most 2 % of the rows may change class" in shown
    assert "v-2 is the default until it passes" in shown
    assert "20 of 1,000 rows changed class" in shown


def test_a_person_may_take_what_is_not_proven(batch: FakeApp, run: Run) -> None:
    release = comparing(batch)
    batch.releases.create(release)
    run("releases", "promote", release.id, "--reason", "checked", "--by", "ana@example.com", "--yes", "--timeout", "0")
    request = batch.releases.request(release.id)
    assert request is not None
    assert (request.kind, request.step) == ("promote", -1)
    assert release.state is ReleaseState.COMPARING


def test_there_is_no_traffic_to_simulate(run: Run) -> None:
    shown = run("simulate", str(EXAMPLE))
    assert shown.exit_code != 0
    assert "releases on a batch endpoint, which has no traffic to simulate" in " ".join(shown.output.split())


def test_a_policy_check_says_what_will_happen(run: Run) -> None:
    shown = " ".join(run("policy", "validate", str(EXAMPLE)).output.split())
    assert "batch: both versions score azureml:churn-sample@latest on cpu-cluster, decided within 12h" in shown
