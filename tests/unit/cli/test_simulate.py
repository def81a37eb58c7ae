"""`vigia simulate`: whether a policy decides, what would let it, and the page with plots."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.simulate import study as simulate_study
from shared.domain.ids import DeploymentName
from shared.domain.releases.measurement import Interval
from tests.fakes.telemetry import FakeTelemetry
from tests.unit.cli.conftest import Run
from tests.unit.cli.world import ROOT

Json = Callable[..., Any]
EXAMPLE = str(ROOT / "policies" / "flight-delay.yaml")
FEW = ("--runs", "60")
HEAD = """\
model: model
kind: tabular
endpoint: {name: endpoint, type: online}
people: {owner: nobody@example.com}
"""


def test_a_policy_with_traffic_enough_decides(run: Run, run_json: Json) -> None:
    shown = run("simulate", EXAMPLE, *FEW)
    printed = run_json("simulate", EXAMPLE, *FEW)

    assert shown.exit_code == 0
    assert "decides: of the good versions" in shown.stdout
    outcomes = {notice["change"]["name"]: notice for notice in printed["outcomes"]}
    assert printed["decides"] is True
    assert outcomes["no difference"]["finished"] > 95
    assert outcomes["latency +50 %"]["rolled_back"] > 95
    assert outcomes["latency +10 %"]["is_tolerated"] is True


def test_a_policy_that_cannot_decide_is_refused_with_what_would(run: Run, run_json: Json) -> None:
    shown = run("simulate", EXAMPLE, *FEW, "--requests", "60")
    printed = run_json("simulate", EXAMPLE, *FEW, "--requests", "60")

    assert shown.exit_code == 1
    words = " ".join(shown.stdout.split())
    assert "cannot decide: 10 % of 60 requests per minute needs about 99 min to decide" in words
    assert "would decide: decide_within: " in words
    assert {notice["write"].split(":")[0] for notice in printed["advice"]} >= {"decide_within", "steps"}


def test_versions_of_ones_own_can_be_tried(run_json: Json) -> None:
    printed = run_json("simulate", EXAMPLE, *FEW, "--latency", "3", "--errors", "20%")
    outcomes = {notice["change"]["name"]: notice for notice in printed["outcomes"]}
    assert outcomes["latency 3 times"]["rolled_back"] == outcomes["errors +20 %"]["rolled_back"] == 100


def test_the_page_stands_alone_and_its_plots_are_sound(run: Run, tmp_path: Path) -> None:
    page = tmp_path / "rollout.html"
    assert run("simulate", EXAMPLE, *FEW, "--at-night", "400", "--report", str(page)).exit_code == 0

    text = page.read_text(encoding="utf-8")
    plots = [f"<svg{part.split('</svg>')[0]}</svg>" for part in text.split("<svg")[1:]]
    assert [ET.fromstring(plot).get("aria-label") for plot in plots] == [
        "Shares of releases per kind of version",
        "Share of releases promoted or rolled back over time",
        "Traffic over a day",
    ]
    # Nothing is fetched from anywhere: no scripts, no images, no fonts.
    assert not [part for part in ("<script", "<link", "<img", "url(", "@import") if part in text]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(("nowhere.yaml",), "there is no file nowhere.yaml", id="no_file"),
        pytest.param((EXAMPLE, "--errors", "2"), "write e.g. --errors 2%", id="no_percent"),
        pytest.param((EXAMPLE, "--requests", "5", "--at-night", "9"), "more than by day", id="night"),
        pytest.param((EXAMPLE, "--learn", "--requests", "5"), "leave one of them out", id="two_traffics"),
        pytest.param((EXAMPLE, "--report", "no/such/folder/a.html"), "there is no folder", id="no_folder"),
    ],
)
def test_what_cannot_be_simulated_is_said(run: Run, arguments: tuple[str, ...], sentence: str) -> None:
    shown = run("simulate", *arguments)
    assert shown.exit_code == 2
    assert sentence in " ".join((shown.stdout + shown.stderr).split())


def test_traffic_is_learned_from_the_log(run_json: Json, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import UTC, datetime, timedelta

    now = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)

    class Clock:
        def now(self) -> datetime:
            return now

    class Learning:
        clock, telemetry = Clock(), FakeTelemetry()

    for hour in range(24):
        start = now.replace(minute=0) - timedelta(hours=hour + 1)
        Learning.telemetry.record("flight-delay", Interval(DeploymentName("v-1"), start, 120_000, 600, 4.0))
    monkeypatch.setattr(simulate_study, "open_app", lambda _: Learning())

    printed = run_json("simulate", EXAMPLE, *FEW, "--learn")

    assert printed["traffic"]["hourly"] == [2000.0] * 24
    assert printed["traffic"]["errors"] == 0.005
