"""`vigia notices`: what could not be delivered is listed, tried again, or given up."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.notice import Notice, NoticeKind
from shared.ports.queues import NOTICES
from shared.store.notices.outbox import Delivery, OutboxRecord, Stored
from tests.unit.cli.conftest import Run
from tests.unit.cli.world import MODEL, NOW, FakeApp

Json = Callable[..., Any]
SENT = Delivery("teams", "ben@example.com", "sent", NOW)
FAILED = Delivery("email", "ana@example.com", "failed", NOW, "550 no such user")


@pytest.fixture
def stored(fake: FakeApp) -> Stored:
    """Ben was told that a version was promoted; Ana could not be."""
    store = fake.outbox.store
    name = store.create(Notice(NoticeKind.PROMOTED, "promoted/1", MODEL), NOW)
    stored = store.load(name or "")
    assert stored is not None
    return store.note(stored, lambda record: replace(record, deliveries=(SENT, FAILED)))


def record(fake: FakeApp, stored: Stored) -> OutboxRecord:
    record = fake.outbox.store.load(stored.name)
    assert record is not None
    return record.record


def test_a_notice_that_failed_is_listed_with_whom_and_why(stored: Stored, run: Run, run_json: Json) -> None:
    shown = " ".join(run("notices", "failed").stdout.split())

    assert "promoted flight-delay" in shown
    assert "ana@example.com by email" in shown
    assert "550 no such user" in shown
    (output,) = run_json("notices", "failed")["notices"]
    assert set(output) == {"id", "kind", "model", "posted_at", "failed"}
    assert len(output["failed"]) == 1


def test_nothing_failed_is_said(fake: FakeApp, run: Run) -> None:
    assert run("notices", "failed").stdout == "Everybody was told.\n"


def test_retrying_sends_only_what_failed_and_has_two_days_for_it(
    fake: FakeApp, stored: Stored, run: Run, run_json: Json
) -> None:
    fake.time.advance(timedelta(days=5))
    (output,) = run_json("notices", "failed")["notices"]

    assert run("notices", "retry", output["id"]).exit_code == 0

    states = {delivery.to: delivery.state for delivery in record(fake, stored).deliveries or ()}
    assert states == {"ben@example.com": "sent", "ana@example.com": "pending"}
    assert record(fake, stored).retried_at == fake.time.now()
    assert [json.loads(text) for text in fake.queues.texts(NOTICES)] == [{"notice": stored.name}]


def test_dismissing_clears_the_status_and_keeps_who_and_why(
    fake: FakeApp, stored: Stored, run: Run, run_json: Json
) -> None:
    assert run_json("status")["unsettled"]["failed_notices"] == 1
    (output,) = run_json("notices", "failed")["notices"]

    assert run("notices", "dismiss", output["id"], "--reason", "by phone", "--by", "ben").exit_code == 0

    assert run_json("status")["unsettled"]["failed_notices"] == 0
    assert record(fake, stored).state == "sent"
    (settled,) = fake.replay.resolutions.all()
    assert (settled.by, settled.reason, settled.trouble) == ("ben", "by phone", "550 no such user")


@pytest.mark.parametrize("given", ["n-0", "n-000000000000"])
def test_an_unknown_id_is_refused(stored: Stored, run: Run, given: str) -> None:
    refused = run("notices", "retry", given)

    assert refused.exit_code == 2
    assert f"{given!r} is the id of no notice that failed" in refused.stderr
