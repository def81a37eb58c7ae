"""What the commands say about an A/B test: beforehand, while its split is held, and afterwards."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from cli.releases.line import step_words
from cli.releases.plan_report import gather
from cli.releases.view import release_tree
from shared.domain.ids import ModelVersion
from shared.domain.releases.release import Release, ReleaseState, Serving
from shared.domain.releases.verdict import Judgement, Verdict
from shared.policy.reading.load import load_policy
from shared.policy.sections.model import Policy
from shared.release.sections.gates_and_approval import SECTIONS
from shared.release.sections.to_plan import plan_from
from tests.fakes.releases import NOW, a_release
from tests.unit.cli.conftest import Run
from tests.unit.cli.world import FakeApp

POLICY = """\
model: flight-delay
kind: tabular
endpoint: {name: flight-delay, type: online}
people: {owner: ana@example.com}
rollout:
  strategy: ab
  split: 30%
  hold_for: 2h
  on_inconclusive: extend
  outcome: {metric: mean, labels: azureml:visits@latest, label: revenue, better_by_at_least: 0.5}
"""
WHAT = "the mean of revenue on azureml:visits@latest is better by at least 0.5"


@pytest.fixture
def policy() -> Policy:
    return load_policy(POLICY, "ab.yaml", SECTIONS, ())


@pytest.fixture
def held(policy: Policy) -> Release:
    return replace(
        a_release(plan=plan_from(policy)),
        champion=Serving(a_release("1").challenger.deployment, ModelVersion("1")),
        state=ReleaseState.CANARY,
        phase="baking",
        traffic_since=NOW,
        traffic_steps=(30,),
    )


def shown(release: Release) -> str:
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(release_tree(release, None, None, NOW))
    return console.export_text()


def test_the_plan_says_what_is_tested_and_when(fake: FakeApp, policy: Policy) -> None:
    fake.have_champion()
    fake.azureml.register("flight-delay", "3")
    report = gather(fake, policy, ModelVersion("3"))
    assert f"traffic: v-2 100 % → v-2 70 %, v-3 30 %, held for 2 h, then tested: {WHAT}" in [
        change.what for change in report.changes
    ]


def test_the_status_says_until_when_the_split_is_held(held: Release) -> None:
    assert step_words(held) == "A/B test, held until 2026-11-20 11:00 UTC"
    once = replace(held, outcomes=(Judgement(Verdict.INCONCLUSIVE, "too close"),))
    assert step_words(once) == "A/B test, held until 2026-11-20 13:00 UTC"


def test_a_release_shows_its_tests(held: Release) -> None:
    outcome = Judgement(Verdict.INCONCLUSIVE, "the mean of revenue is 10.1", numbers={"gain_low": -0.2})
    page = shown(replace(held, outcomes=(outcome,)))
    for line in (
        f"promoted when {WHAT} (95 % sure)",
        "to be tested 2026-11-20 13:00:00",
        "inconclusive  the mean of revenue is 10.1",
        "gain low -0.2",
    ):
        assert line in page
    assert "to be tested 2026-11-20 11:00:00" not in page


def test_the_policy_is_told_in_words(tmp_path: Path, run: Run) -> None:
    file = tmp_path / "ab.yaml"
    file.write_text(POLICY)
    rollout = json.loads(run("policy", "validate", str(file), "-o", "json").stdout)["policies"][0]["summary"]["rollout"]
    assert rollout == (
        f"ab: 30 % of the traffic for 2h, then tested once: promoted when {WHAT} (95% sure), held on until 4h and "
        "tested once more when it decides nothing, else the champion stays; back at once on errors up by over 1% or "
        "latency over 1.25 times the champion's; watched for 2h after, beside 5 % for the champion; what is not "
        "proven then waits for a person"
    )


@pytest.mark.parametrize(("requests", "code"), [(600, 0), (5, 1)])
def test_the_guard_of_a_test_is_simulated(tmp_path: Path, run: Run, requests: int, code: int) -> None:
    file = tmp_path / "ab.yaml"
    file.write_text(POLICY)
    done = run("simulate", str(file), "--requests", str(requests), "--runs", "50")
    assert done.exit_code == code
    assert "an A/B test's outcome is taken as proven, and only its guard simulated" in " ".join(done.stdout.split())
    if code:
        assert "would decide: hold_for: " in done.stdout
