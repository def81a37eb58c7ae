"""`vigia events dead|show|replay|dismiss`: what is shown, what is asked, and what is done."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from shared.ports.queues import EVENTS
from shared.store.facts.quarantine import Quarantined
from tests.unit.cli.conftest import Run
from tests.unit.cli.world import MODEL, NOW, FakeApp
from tests.unit.engine.dead_letter_world import given_up
from tests.unit.engine.fact_world import drift, registered

Json = Callable[..., Any]


@pytest.fixture
def undelivered(fake: FakeApp) -> FakeApp:
    """Three events were not delivered: one that would act, one that is known, and one that nobody can read."""
    fake.given_up.put("MODELS/2026/11/20/6/a.json", json.dumps([given_up(json.loads(registered()))]).encode())
    fake.processor.process(drift(model=MODEL))
    fake.queues.send("events-poison", drift(model=MODEL))
    fake.quarantine.set_aside(Quarantined("event.not_json", "the event is not JSON \x1b[2J", "{", NOW))
    return fake


def test_everything_is_listed_with_its_reason_and_prospect(undelivered: FakeApp, run: Run) -> None:
    shown = run("events", "dead").stdout

    for part in ("ModelRegistered models/churn:7", "would act", "already in the ledger", "MaxDeliveryAttemptsExceeded"):
        assert part in " ".join(shown.split())
    assert "3 items: 1 would act, 1 already in the ledger, 1 cannot be used." in shown
    assert "\x1b" not in shown


def test_json_has_stable_keys(undelivered: FakeApp, run_json: Json) -> None:
    output = run_json("events", "dead", "--source", "dead")

    assert (output["counts"], output["unseen"]) == ({"act": 1, "known": 0, "nothing": 0, "refused": 0}, 0)
    (item,) = output["items"]
    assert set(item) == {"id", "source", "at", "reason", "place", "expires_at", "prospect", "events"}
    assert item["events"][0]["standing"] == "new"


def test_nothing_astray_is_said(fake: FakeApp, run: Run) -> None:
    assert run("events", "dead").stdout == "Nothing is here.\n"


def test_more_poison_than_can_be_seen_is_said(fake: FakeApp, run: Run) -> None:
    for number in range(40):
        fake.queues.send("events-poison", registered(str(number)))

    assert "About 8 more poison messages are behind these" in run("events", "dead").stdout


def test_replay_takes_also_what_cannot_be_seen(fake: FakeApp, run: Run) -> None:
    for number in range(40):
        fake.queues.send("events-poison", registered(str(number)))
    ids = {item.id for item in fake.dead_letters.items()}
    unseen = [item.id for item in fake.dead_letters.items(is_deep=True) if item.id not in ids]
    assert len(unseen) == 8
    assert unseen[0] in run("events", "show", unseen[0]).stdout

    assert "40 put back" in run("events", "replay", "--yes").stdout
    assert fake.queues.length("events-poison") == 0


def test_one_is_shown_whole(undelivered: FakeApp, run: Run, run_json: Json) -> None:
    (item,) = run_json("events", "dead", "--source", "dead")["items"]

    shown = run("events", "show", item["id"][:8]).stdout

    for part in ("MODELS/2026/11/20/6/a.json", "not in the ledger", '"ModelVersion": "7"', "it is decided on"):
        assert part in shown


def test_an_id_as_people_were_told_it_is_found(undelivered: FakeApp, run: Run) -> None:
    ((identifier, _),) = undelivered.quarantine.items()

    assert "the event is not JSON" in run("events", "show", identifier).stdout


def test_a_dry_run_says_what_would_happen_and_does_nothing(undelivered: FakeApp, run: Run) -> None:
    output = run("events", "replay", "--from", "dead", "--dry-run")

    assert (output.exit_code, output.stdout) == (0, "1 item: 1 would act, 0 already in the ledger, 0 cannot be used.\n")
    assert len(undelivered.dead_letters.items()) == 3


def test_replaying_everything_puts_back_what_acts_and_leaves_what_cannot_be_read(
    undelivered: FakeApp, run: Run
) -> None:
    output = run("events", "replay", "--yes", "--reason", "fixed", "--by", "ana")

    assert output.exit_code == 1
    assert output.stdout.splitlines()[1:] == [
        "1 put back",
        "1 cleared, for nothing was left to do",
        "1 left where they are: see `vigia events show`, and fix the cause or dismiss them",
    ]
    assert len(undelivered.queues.texts(EVENTS)) == 1
    assert [item.source for item in undelivered.dead_letters.items()] == ["quarantine"]
    assert {(resolution.by, resolution.reason) for resolution in undelivered.replay.resolutions.all()} == {
        ("ana", "fixed")
    }


def test_nobody_there_to_ask_is_refused(undelivered: FakeApp, run: Run) -> None:
    refused = run("events", "replay")

    assert refused.exit_code == 2
    assert "give --yes, or --dry-run to only look" in refused.stderr
    assert undelivered.queues.texts(EVENTS) == []


@pytest.mark.parametrize(("answer", "sent"), [("y\n", 1), ("n\n", 0)])
def test_a_person_is_asked(
    undelivered: FakeApp, run: Run, monkeypatch: pytest.MonkeyPatch, answer: str, sent: int
) -> None:
    monkeypatch.setattr("cli.events.dead_letters.is_interactive", lambda: True)

    output = run("events", "replay", "--from", "dead", input=answer)

    assert "Put it back?" in output.stdout
    assert len(undelivered.queues.texts(EVENTS)) == sent


def test_one_is_dismissed_with_a_reason(undelivered: FakeApp, run: Run, run_json: Json) -> None:
    (item,) = run_json("events", "dead", "--source", "quarantine")["items"]

    output = run("events", "dismiss", item["id"], "--reason", "a typing error")

    assert output.stdout == f"{item['id']} is dismissed: a typing error\n"
    assert run_json("events", "dead", "--source", "quarantine")["items"] == []


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        pytest.param(["show", "d-0000"], "nothing here has the id 'd-0000'", id="unknown"),
        pytest.param(["show", "d-"], "'d-' is too short", id="short"),
        pytest.param(["dead", "--since", "yesterday"], "write e.g. 30m, 12h or 2d", id="since"),
        pytest.param(["replay", "d-1234", "--from", "dead"], "give the one or the other", id="both"),
        pytest.param(["dismiss", "d-1234", "--reason", " "], "--reason is empty", id="no_reason"),
        pytest.param(["dead", "--source", "ignored"], "is not one of", id="source"),
    ],
)
def test_a_wrong_call_is_refused(undelivered: FakeApp, run: Run, arguments: list[str], complaint: str) -> None:
    refused = run("events", *arguments)

    assert refused.exit_code == 2
    assert complaint in refused.stderr
