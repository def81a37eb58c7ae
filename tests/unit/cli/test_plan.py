"""`vigia plan`: what would happen, and its exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from shared.domain.releases.release import ReleaseState
from tests.unit.cli.conftest import Run
from tests.unit.cli.world import FakeApp, a_release

Json = Callable[..., Any]


@pytest.fixture
def champion(fake: FakeApp) -> FakeApp:
    fake.have_champion()
    for version in ("1", "2", "3"):
        fake.azureml.register("flight-delay", version)
    return fake


def test_a_new_version_is_planned_from_gate_to_clearing_away(champion: FakeApp, run: Run) -> None:
    shown = run("plan", "flight-delay:3")

    assert shown.exit_code == 2
    lines = shown.stdout.splitlines()
    assert lines[0] == "Release flight-delay-3 on endpoint flight-delay"
    for part in (
        "  gate: metric: metric roc_auc, at_least ",
        "  asks: 1 of ",
        "  + job eval-flight-delay-3: ",
        "  + deployment v-3 with version 3, ",
        "  ~ traffic: v-2 100 % → v-2 90 %, v-3 10 %, for ",
        "  - what was there before v-2 is deleted after 1 d without traffic",
        "  ~ v-2 stays as it is, and costs its instances, until the next release has ended",
    ):
        assert any(line.startswith(part) for line in lines), part
    assert not [call for call in champion.azureml.calls if call[0] != "register"]


def test_the_plan_is_there_for_programs(champion: FakeApp, run: Run) -> None:
    output = json.loads(run("plan", "flight-delay:3", "-o", "json").stdout)

    assert (output["release"], output["nothing"], output["waits"]) == ("flight-delay-3", "", [])
    assert output["at_most"] > output["at_least"] > 0
    assert {change["sign"] for change in output["changes"]} == {"+", "~", "-"}


@pytest.mark.parametrize(
    ("version", "sentence"),
    [
        pytest.param("2", "version 2 serves already.", id="serves"),
        pytest.param("1", "version 2 serves already, which is newer than 1.", id="older"),
    ],
)
def test_what_serves_or_is_older_changes_nothing(champion: FakeApp, run: Run, version: str, sentence: str) -> None:
    shown = run("plan", f"flight-delay:{version}")
    assert (shown.exit_code, shown.stdout) == (0, f"Nothing would change: {sentence}\n")


def test_a_version_whose_release_has_ended_changes_nothing(champion: FakeApp, run: Run) -> None:
    ended = replace(a_release(champion), state=ReleaseState.REJECTED, is_settled=True, reason="roc_auc is 0.5")
    champion.releases.create(ended)

    shown = run("plan", "flight-delay:3")

    assert shown.exit_code == 0
    assert "release flight-delay-3 has ended, rejected: roc_auc is 0.5" in shown.stdout


def test_what_stands_in_the_way_is_said(champion: FakeApp, run_json: Json) -> None:
    owner = a_release(champion)
    champion.releases.create(owner)
    assert champion.endpoints.claim(owner.endpoint, owner.id)

    waits = run_json("plan", "flight-delay:4")["waits"]

    assert waits == [
        "the registry has no flight-delay:4 yet; it is released when it is registered",
        "release flight-delay-3 holds endpoint flight-delay: it waits for it",
    ]


@pytest.mark.parametrize("version", ["flight-delay", "flight-delay:", "fraud:1"])
def test_what_cannot_be_planned_is_no_change(champion: FakeApp, run: Run, version: str) -> None:
    refused = run("plan", version)
    assert refused.exit_code == 1
    assert refused.stderr.startswith("error: ")
