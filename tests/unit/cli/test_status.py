"""`vigia status`: what it shows, and when its exit code calls a person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.ids import FactKey
from shared.domain.reaction import Reaction, ReactionResult
from shared.domain.releases.release import ReleaseState
from shared.domain.state import Freeze, ModelState, Training, WaitingData
from shared.errors import WorkspaceError
from shared.store.facts.ledger import Claimed
from shared.store.facts.quarantine import Quarantined
from tests.unit.cli.conftest import Run
from tests.unit.cli.world import ENDPOINT, MODEL, NOW, FakeApp, a_fact, a_release, in_canary, record_fact

Json = Callable[..., Any]


@pytest.fixture
def healthy(fake: FakeApp) -> FakeApp:
    fake.have_champion()
    fake.watch()
    fake.remember_training()
    return fake


def start_canary(app: FakeApp, **changes: Any) -> None:
    release = replace(in_canary(app), **changes)
    app.releases.create(release)
    app.endpoints.claim(ENDPOINT, release.id)
    app.serve(v_2=90, v_3=10)


def test_a_model_that_is_well_is_shown_whole_and_exits_0(healthy: FakeApp, run: Run) -> None:
    start_canary(healthy)

    shown = run("status")

    assert shown.exit_code == 0
    for part in (
        "flight-delay  ● well",
        "version 2 on v-2",
        "90 % version 2",
        "flight-delay-3: canary, step 1 of 3, baking, 10 % of the traffic, for 9 min",
        "job-8f14e45fceea167a-0: drift, 1 h ago",
        "drift, 1 h ago: dep_delay drifted",
        "Open work: nothing",
        "Nothing needs a person.",
    ):
        assert part in shown.stdout


def test_a_narrow_terminal_cuts_nothing_off(healthy: FakeApp, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    start_canary(healthy)
    monkeypatch.setenv("COLUMNS", "60")

    shown = run("status").stdout

    assert max(map(len, shown.splitlines())) <= 60
    assert "…" not in shown


def test_json_holds_the_same_with_stable_keys(healthy: FakeApp, run_json: Json) -> None:
    start_canary(healthy)

    output = run_json("status")

    assert list(output) == ["at", "healthy", "attention", "models", "unsettled"]
    model = output["models"][0]
    assert (model["champion"], model["champion_deployment"]) == ("2", "v-2")
    assert [(share["deployment"], share["percent"]) for share in model["traffic"]] == [("v-2", 90), ("v-3", 10)]
    assert (model["releases"][0]["state"], model["releases"][0]["percent"]) == ("canary", 10)
    assert model["monitor"]["verdict"] == "drift"
    assert output["unsettled"]["quarantined"] == {}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        pytest.param(
            {"held_because": "the traffic was changed by hand"},
            "release flight-delay-3 is held: the traffic was changed by hand",
            id="held",
        ),
        pytest.param(
            {"state": ReleaseState.AWAITING_APPROVAL, "reason": "the gates passed"},
            "release flight-delay-3 waits for approval: the gates passed",
            id="waits_for_approval",
        ),
        pytest.param(
            {"state": ReleaseState.FAILED, "reason": "deployment v-3 did not come up: Failed"},
            "release flight-delay-3 failed: deployment v-3 did not come up: Failed",
            id="failed",
        ),
    ],
)
def test_a_release_that_needs_a_person_exits_1(
    healthy: FakeApp, run: Run, changes: dict[str, Any], sentence: str
) -> None:
    start_canary(healthy, **changes)

    shown = run("status")

    assert shown.exit_code == 1
    assert f"flight-delay: {sentence}" in shown.stdout


@pytest.mark.parametrize("state", [ReleaseState.FINISHED, ReleaseState.ROLLED_BACK, ReleaseState.REJECTED])
def test_a_release_that_ended_as_it_should_is_shown_and_calls_nobody(
    healthy: FakeApp, run: Run, state: ReleaseState
) -> None:
    healthy.releases.create(replace(a_release(healthy), state=state, is_settled=True, reason="as planned"))

    shown = run("status")

    assert shown.exit_code == 0
    assert f"flight-delay-3: {state.replace('_', ' ')}, 30 min ago" in shown.stdout


def test_traffic_beside_the_champion_without_a_release_calls_a_person(healthy: FakeApp, run: Run) -> None:
    healthy.serve(v_1=50, v_2=50)

    shown = run("status")

    assert shown.exit_code == 1
    assert "the traffic is v-1 50 %, v-2 50 %, but the champion v-2 should have it all" in shown.stdout


def test_a_workspace_that_cannot_be_read_is_said_and_hides_nothing_else(healthy: FakeApp, run: Run) -> None:
    healthy.azureml.errors["endpoint"] = [WorkspaceError("workspace.refused", "403 for the endpoint")]

    shown = run("status")

    assert shown.exit_code == 1
    assert "cannot be read: 403 for the endpoint" in shown.stdout
    assert "dep_delay drifted" in shown.stdout


def test_a_freeze_calls_a_person_until_it_is_over(healthy: FakeApp, run: Run) -> None:
    freeze = Freeze("budget ml-team is spent", NOW, FactKey("f"))
    healthy.models.update(MODEL, lambda state: replace(state, freeze=freeze))
    during = run("status")
    healthy.models.update(MODEL, lambda state: replace(state, freeze=replace(freeze, until=NOW)))
    updated = run("status")

    assert (during.exit_code, updated.exit_code) == (1, 0)
    assert "retraining is frozen: budget ml-team is spent" in during.stdout


def test_a_monitor_that_fails_calls_a_person(healthy: FakeApp, run: Run) -> None:
    healthy.watch("error", "the training data is gone")

    shown = run("status")

    assert shown.exit_code == 1
    assert "the monitor fails: the training data is gone" in shown.stdout


def test_quarantine_and_parked_facts_call_a_person(healthy: FakeApp, run: Run) -> None:
    healthy.quarantine.set_aside(Quarantined("event.envelope", "event 0 is not an object", "[]", NOW))
    plan = (Reaction("start-training", MODEL, "drift"),)
    claim = healthy.ledger.claim(a_fact(), plan, (), ())
    assert isinstance(claim, Claimed)
    healthy.ledger.park(claim, (), ())

    shown = run("status")

    assert shown.exit_code == 1
    assert "1 event in quarantine: event 0 is not an object" in shown.stdout
    assert f"1 fact could not be acted on: vigia why {a_fact().key[:16]}" in shown.stdout


def test_what_went_astray_calls_a_person_until_it_is_dismissed(healthy: FakeApp, run: Run) -> None:
    healthy.given_up.put("MODELS/2026/11/20/6/a.json", b"[{}]")
    healthy.queues.send("events-poison", "{}")
    healthy.queues.send("releases-poison", "{}")

    shown = run("status")

    assert shown.exit_code == 1
    assert "1 delivery given up by Event Grid: vigia events dead" in shown.stdout
    assert "2 messages failed too often: vigia events dead" in shown.stdout
    assert "Open work: 2 messages that failed too often, 1 delivery given up by Event Grid" in shown.stdout
    ids = [item.id for item in healthy.dead_letters.items()]
    assert run("events", "dismiss", *ids, "--reason", "a drill").exit_code == 0
    assert run("status").exit_code == 0


def test_work_in_progress_is_counted_and_calls_nobody(healthy: FakeApp, run: Run) -> None:
    record_fact(healthy)

    shown = run("status")

    assert shown.exit_code == 0
    assert "Open work: 1 fact in progress" in shown.stdout


def test_stored_texts_cannot_drive_the_terminal(healthy: FakeApp, run: Run) -> None:
    healthy.watch("drift", "[bold]x[/bold] \x1b[2J\u202egone")

    assert "[bold]x[/bold]  [2J gone" in run("status").stdout


def test_an_unknown_model_is_refused_with_the_closest(healthy: FakeApp, run: Run) -> None:
    refused = run("status", "flight-dely")

    assert refused.exit_code == 2
    assert refused.stdout == ""
    assert refused.stderr == "error: no policy names a model 'flight-dely'\n  → did you mean flight-delay?\n"


def test_a_training_that_failed_calls_a_person_with_its_reason_and_its_page(healthy: FakeApp, run: Run) -> None:
    def fail(state: ModelState) -> ModelState:
        failed = replace(state.trainings[0], outcome="failed", problem="no quota", link="https://ml.azure.com/runs/x")
        return replace(state, trainings=(failed,))

    healthy.models.update(MODEL, fail)

    shown = run("status")

    assert shown.exit_code == 1
    words = " ".join(shown.stdout.split())
    assert "flight-delay ▲ needs a person" in words
    assert "job-8f14e45fceea167a-0: drift, 1 h ago, failed: no quota" in words
    assert "training job-8f14e45fceea167a-0 failed: no quota (https://ml.azure.com/runs/x)" in words

    healthy.remember_training("job-9f14e45fceea167a-0")  # started since, so that the last one runs
    healthy.models.update(MODEL, lambda state: replace(state, trainings=_later(state.trainings)))
    assert run("status").exit_code == 0


def test_data_that_waits_is_shown(healthy: FakeApp, run: Run) -> None:
    waiting = WaitingData(NOW - timedelta(hours=2), NOW, "flights:8")
    healthy.models.update(MODEL, lambda state: replace(state, waiting=waiting))
    shown = run("status")
    assert shown.exit_code == 0
    assert "new data   waits to be trained on since 2 h ago: flights:8" in shown.stdout


def _later(trainings: tuple[Training, ...]) -> tuple[Training, ...]:
    return (*trainings[:-1], replace(trainings[-1], started_at=NOW))


def test_drift_that_stands_is_shown_after_a_look_at_too_little(healthy: FakeApp, run: Run, run_json: Json) -> None:
    state, etag = healthy.monitor_states.read(MODEL)
    assert state
    quiet = replace(state.runs[0], end=NOW, verdict="insufficient-data", sentence="no rows yet")
    other = replace(quiet, signal="performance", verdict="no-drift", sentence="roc_auc 0.75")
    healthy.monitor_states.save(replace(state, runs=(*state.runs, quiet, other)), etag)

    assert "still drift in data-drift, 1 h ago: dep_delay drifted" in " ".join(run("status").stdout.split())
    (standing,) = run_json("status")["models"][0]["standing_drift"]
    assert standing["signal"] == "data-drift"

    state, etag = healthy.monitor_states.read(MODEL)
    assert state
    over = replace(quiet, verdict="no-drift", sentence="all is as it was")
    healthy.monitor_states.save(replace(state, runs=(*state.runs, over)), etag)
    assert "still" not in run("status").stdout


def test_a_fact_that_could_not_be_acted_on_is_shown_under_its_model(healthy: FakeApp, run: Run) -> None:
    fact = a_fact()
    claim = healthy.ledger.claim(fact, (Reaction("start-training", MODEL, "drift"),), ("d",), ())
    assert isinstance(claim, Claimed)
    healthy.ledger.park(
        claim, (ReactionResult("start-training", "failed", "workspace.refused: no such component"),), ()
    )

    shown = run("status")

    assert shown.exit_code == 1
    words = " ".join(shown.stdout.split())
    assert f"drift-detected: start-training: workspace.refused: no such component (vigia why {fact.key[:16]})" in words
    assert "flight-delay ▲ needs a person" in words
