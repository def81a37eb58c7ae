"""`vigia releases`: the list, one release's story, and the abort."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.domain.releases.approval import Decision, Vote
from shared.domain.releases.card import Evidence, VersionCard
from shared.domain.releases.release import Release, ReleaseState
from shared.ports.queues import RELEASES
from tests.fakes.cards import a_card
from tests.unit.cli.conftest import Run
from tests.unit.cli.world import NOW, FakeApp, a_release, an_approval, in_canary

Json = Callable[..., Any]
ABORT = ("releases", "abort", "flight-delay-3", "--reason", "complaints", "--by", "ana@example.com")


@pytest.fixture
def running(fake: FakeApp) -> Release:
    release = in_canary(fake)
    fake.releases.create(release)
    return release


def end(app: FakeApp, version: str, state: ReleaseState, days_ago: int) -> None:
    then = NOW - timedelta(days=days_ago)
    release = replace(a_release(app, version), state=state, is_settled=True, opened_at=then, wake_at=then, reason="so")
    app.releases.create(release)


def test_the_list_shows_running_ones_first_then_the_newest(fake: FakeApp, running: Release, run_json: Json) -> None:
    end(fake, "1", ReleaseState.FINISHED, days_ago=2)
    end(fake, "2", ReleaseState.ROLLED_BACK, days_ago=1)

    releases = run_json("releases")["releases"]

    assert [release["id"] for release in releases] == ["flight-delay-3", "flight-delay-2", "flight-delay-1"]
    assert [release["percent"] for release in releases] == [10, None, None]


def test_the_list_is_a_table_of_state_step_traffic_age_and_reason(fake: FakeApp, running: Release, run: Run) -> None:
    shown = run("releases").stdout.splitlines()

    assert shown[0].split() == ["release", "state", "step", "traffic", "age", "reason"]
    assert shown[1].split()[:7] == ["flight-delay-3", "canary", "1/3", "10", "%", "30", "min"]


def test_the_limit_leaves_out_the_oldest_that_ended_and_another_model_is_left_out(
    fake: FakeApp, running: Release, run_json: Json
) -> None:
    for version in range(4, 8):
        end(fake, str(version), ReleaseState.FINISHED, days_ago=version)

    limited = run_json("releases", "--limit", "2")["releases"]

    assert [row["id"] for row in limited] == ["flight-delay-3", "flight-delay-4", "flight-delay-5"]
    assert run_json("releases", "--model", "flight")["releases"] == []


def test_no_release_yet_is_said(fake: FakeApp, run: Run) -> None:
    assert run("releases").stdout == "There are no releases yet.\n"


def test_get_tells_the_whole_story(fake: FakeApp, running: Release, run: Run) -> None:
    approval = an_approval(running)
    fake.approvals.records.ask(approval)
    vote = Vote("ana@example.com", "approve", "looks good", NOW)
    fake.approvals.records.cast(running.id, approval.digest, vote)
    fake.approvals.records.decide(
        running.id, approval.digest, Decision("approved", ("ana@example.com",), "looks good", NOW)
    )

    shown = run("releases", "get", "flight-delay-3").stdout

    for part in (
        "canary, step 1 of 3, baking, for 9 min",
        "2026-11-20 08:30:00  opened: drift",
        "2026-11-20 08:47:00  deploying: approved by ana@example.com",
        "pass  metric roc_auc: roc_auc is 0.7412",
        "ana@example.com says approve: looks good",
        "planned for the challenger: 10 % → 50 % → 100 %",
        "step 1: v-2 90 %, v-3 10 %",
        "inconclusive  no worse so far, and not yet sure",
        "champion requests 11,106, latency ratio 1.041",
    ):
        assert part in shown


def test_get_finds_a_release_by_the_beginning_of_its_id(fake: FakeApp, running: Release, run_json: Json) -> None:
    assert run_json("releases", "get", "flight-d")["release"]["id"] == "flight-delay-3"


def test_get_refuses_what_is_nobody_or_several(fake: FakeApp, running: Release, run: Run) -> None:
    end(fake, "4", ReleaseState.FINISHED, days_ago=1)

    nobody, several = run("releases", "get", "fraud"), run("releases", "get", "flight")

    assert (nobody.exit_code, several.exit_code) == (2, 2)
    assert "there is no release 'fraud'" in nobody.stderr
    assert "several releases begin with 'flight': flight-delay-3, flight-delay-4" in several.stderr


def test_abort_leaves_the_request_wakes_the_release_and_reads_it_back(
    fake: FakeApp, running: Release, run: Run
) -> None:
    printed = run(*ABORT, "--yes")

    request = fake.releases.request(running.id)
    assert printed.exit_code == 0
    assert request is not None
    assert (request.kind, request.by, request.reason) == ("abort", "ana@example.com", "complaints")
    assert [json.loads(text) for text in fake.queues.texts(RELEASES)] == [{"release": "flight-delay-3"}]
    assert printed.stdout.startswith("abort requested by ana@example.com: complaints\nrelease flight-delay-3 is canary")


def test_abort_asks_first_and_no_leaves_the_release_alone(
    fake: FakeApp, running: Release, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.kit.confirm.is_interactive", lambda: True)

    refused = run(*ABORT, input="n\n")
    unasked = fake.releases.request(running.id)
    agreed = run(*ABORT, input="y\n")

    assert (refused.exit_code, agreed.exit_code) == (2, 0)
    assert "Abort flight-delay-3 (canary, 10 % of the traffic)?" in refused.stderr
    assert unasked is None


def test_abort_without_a_terminal_needs_yes(fake: FakeApp, running: Release, run: Run) -> None:
    refused = run(*ABORT)

    assert refused.exit_code == 2
    assert "add --yes" in refused.stderr
    assert fake.releases.request(running.id) is None


def test_abort_waits_for_the_end(
    fake: FakeApp, running: Release, run_json: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    def let_it_end(seconds: float) -> None:
        stored = fake.releases.load(running.id)
        assert stored is not None
        fake.releases.save(stored, replace(running, state=ReleaseState.ABORTED, reason="ana asked to abort"))

    monkeypatch.setattr(time, "sleep", let_it_end)

    assert run_json(*ABORT, "--yes", "--wait", "60")["state"] == "aborted"


def test_abort_of_a_release_that_ended_is_refused(fake: FakeApp, run: Run) -> None:
    end(fake, "3", ReleaseState.FINISHED, days_ago=1)

    refused = run(*ABORT, "--yes")

    assert refused.exit_code == 2
    assert "release flight-delay-3 has ended already, finished: so" in refused.stderr


def test_a_card_is_a_tree_json_or_a_page(
    fake: FakeApp, running: Release, run: Run, run_json: Json, tmp_path: Path
) -> None:
    assert "has no card yet" in run("releases", "card", "flight-delay-3").stderr
    fake.releases.save_card(a_card())
    shown = run("releases", "card", "flight-delay:3").stdout
    assert "fail  fairness equal opportunity by gender" in shown
    assert "evaluation: azureml:flights-labelled:9, 4,000 rows" in shown
    assert "No gate looked at the weather." in shown
    assert run_json("releases", "card", "flight-delay-3")["evidence"]["data"][0]["rows"] == 4000
    page = tmp_path / "card.html"
    assert f"wrote {page}" in run("releases", "card", "flight-delay-3", "--html", str(page)).stdout.replace("\n", "")
    assert "style-src 'sha256-" in page.read_text().replace("&#39;", "'")


def test_each_field_of_a_card_is_in_the_documentation() -> None:
    page = (Path(__file__).parents[3] / "docs" / "how-to" / "read-a-versions-card.md").read_text()
    names = [field.name for field in fields(VersionCard)] + [f"evidence.{field.name}" for field in fields(Evidence)]
    assert [name for name in names if f"`{name}`" not in page and name != "evidence"] == []
