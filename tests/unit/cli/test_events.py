"""`vigia events trigger`: what is sent is what the app understands."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from cli.events.kinds import KINDS, names
from shared.domain.fact import Fact
from shared.errors import RetryableError
from shared.events.registry import parse_fact
from shared.events.wire.envelope import read_events
from shared.ports.publisher import cloud_event
from tests.unit.cli.conftest import Run
from tests.unit.cli.world import FakeApp
from tests.unit.events.wire import fact_from

Json = Callable[..., Any]
RETRAIN = ("events", "trigger", "retraining-requested", "--model", "flight-delay", "--reason", "new labels")
WELL_GIVEN = [
    ("model-registered", ["--model", "flight-delay", "--version", "3"], "model-registered"),
    ("retraining-requested", ["--model", "flight-delay", "--reason", "new labels"], "retraining-requested"),
    ("drift-detected", ["--model", "flight-delay", "--reason", "it looks odd"], "drift-detected"),
    ("budget-alert", ["--budget", "ml-team", "--percent", "100"], "budget-crossed"),
    ("endpoint-alert", ["--endpoint", "flight-delay", "--condition", "resolved"], "endpoint-degraded"),
    ("data-arrived", ["--data", "flights", "--version", "7"], "data-arrived"),
]


@pytest.mark.parametrize(("kind", "options", "fact_kind"), WELL_GIVEN)
def test_each_kind_is_published_and_read_as_its_fact(
    fake: FakeApp, run: Run, kind: str, options: list[str], fact_kind: str
) -> None:
    output = run("events", "trigger", kind, *options)

    (event,) = fake.topic.events
    (envelope,) = read_events(json.dumps(cloud_event(event)))
    fact = parse_fact(envelope)
    assert output.exit_code == 0
    assert event.id in output.stdout
    assert isinstance(fact, Fact)
    assert fact.kind == fact_kind
    assert fact.source == fake.settings.workspace_id.lower()


def test_every_kind_is_tested() -> None:
    assert [kind for kind, _, _ in WELL_GIVEN] == names()


def test_who_asks_is_in_the_request(fake: FakeApp, run: Run) -> None:
    run(*RETRAIN, "--by", "ana@example.com")

    assert fake.topic.events[0].data["requestedBy"] == "ana@example.com"


def test_asking_twice_is_two_requests_unless_they_are_named_alike(fake: FakeApp, run: Run) -> None:
    for options in ((), (), ("--request", "monday"), ("--request", "monday")):
        run(*RETRAIN, *options)

    ids = [event.id for event in fake.topic.events]
    assert len(set(ids)) == 3
    assert ids[2] == ids[3]


def test_a_dry_run_shows_the_cloud_event_and_sends_nothing(fake: FakeApp, run: Run) -> None:
    shown = json.loads(run(*RETRAIN, "--dry-run").stdout)

    assert fake.topic.events == []
    assert (shown["specversion"], shown["type"]) == ("1.0", "Vigia.RetrainingRequested")
    assert shown["data"]["reason"] == "new labels"


def test_json_tells_the_event_and_the_fact_it_becomes(fake: FakeApp, run_json: Json) -> None:
    output = run_json(*RETRAIN)

    assert output.pop("fact") == fact_from(json.dumps(cloud_event(fake.topic.events[0]))).key
    assert output == {
        "id": fake.topic.events[0].id,
        "type": "Vigia.RetrainingRequested",
        "subject": "models/flight-delay",
        "published": True,
    }


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        pytest.param(["drift"], f"write one of {', '.join(names())}", id="unknown_kind"),
        pytest.param(["budget-alert"], "budget-alert needs --budget, --percent", id="missing"),
        pytest.param(
            ["data-arrived", "--data", "flights", "--version", "1", "--model", "m"],
            "data-arrived takes no --model",
            id="surplus",
        ),
        pytest.param(["data-arrived", "--data", "flights"], "needs --version, or --location", id="either_or"),
        pytest.param(
            ["budget-alert", "--budget", "b", "--percent", "80", "--basis", "guess"],
            "--basis cannot be 'guess'\n  → write actual or forecasted",
            id="choice",
        ),
        pytest.param(
            ["model-registered", "--model", "", "--version", "1"], "the app would refuse this event", id="blank"
        ),
    ],
)
def test_a_wrong_call_is_refused_and_sends_nothing(
    fake: FakeApp, run: Run, arguments: list[str], complaint: str
) -> None:
    refused = run("events", "trigger", *arguments)

    assert refused.exit_code == 2
    assert complaint in refused.stderr
    assert fake.topic.events == []


def test_a_topic_that_refuses_is_one_line(fake: FakeApp, run: Run) -> None:
    fake.topic.errors.append(RetryableError("publisher.refused", "event could not be published: 401"))

    refused = run(*RETRAIN)

    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr == "error: event could not be published: 401\n  → try again\n"


def test_kinds_are_listed_with_what_they_need(run: Run, run_json: Json) -> None:
    shown = run("events", "kinds").stdout

    assert all(kind.name in shown for kind in KINDS)
    assert run_json("events", "kinds")["kinds"][0]["needs"] == ["model", "version"]
