"""What goes on while a policy is broken, and what waits for it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import azure.functions as func
import pytest

import shared.bootstrap
from functions.notices import deliver_notice
from functions.process import BROKEN_POLICY_DELAY, process
from shared.domain.ids import ModelName
from shared.domain.notice import Notice, NoticeKind
from shared.domain.reaction import Reaction
from shared.errors import PolicyError
from shared.policy.reading.people import Person
from shared.ports.queues import EVENTS, NOTICES, RELEASES
from shared.settings import Settings
from tests.unit.cli.world import SAMPLE, FakeApp, a_fact, a_release

CHURN = """\
model: churn
kind: tabular
endpoint: {name: churn, type: online}
people: {owner: ana@example.com}
"""
NOTICE = Notice(NoticeKind.ROLLED_BACK, "rolled-back/1", ModelName("churn"), {"version": "2"})


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeApp:
    """The app, whose only policy is broken."""
    (tmp_path / "churn.yaml").write_text("model: churn\nmodle: churn\n")
    made = FakeApp()
    values = json.loads(SAMPLE.read_text(encoding="utf-8"))["Values"]
    made.settings = Settings.read({**values, "VIGIA_POLICIES": str(tmp_path)})
    monkeypatch.setattr(shared.bootstrap, "get_app", lambda: made)
    return made


def a_message(body: str) -> func.QueueMessage:
    return func.QueueMessage(id="1", body=body.encode())


def test_a_release_that_runs_can_still_be_moved_and_its_news_are_kept(app: FakeApp) -> None:
    assert app.reconciler is not None
    app.outbox.post([NOTICE])
    assert len(app.queues.texts(NOTICES)) == 1


def test_the_sweep_wakes_releases_and_notices_while_facts_wait(app: FakeApp) -> None:
    release = a_release(FakeApp())
    app.releases.create(release)
    app.outbox.post([NOTICE])
    app.ledger.claim(a_fact(), (Reaction("notify", ModelName("churn"), "drift"),), ("digest",), ())
    app.queues.messages.clear()
    app.time.advance(timedelta(hours=1))

    app.sweep.run()

    assert [json.loads(text)["release"] for text in app.queues.texts(RELEASES)] == [release.id]
    assert len(app.queues.texts(NOTICES)) == 1
    assert len(list(app.ledger.open_keys())) == 1


@pytest.fixture
def broken_people(app: FakeApp) -> FakeApp:
    """The app, whose policies are right and whose list of people is broken."""
    (app.settings.policies / "churn.yaml").write_text(CHURN)
    (app.settings.policies / "people.yaml").write_text("people: {ana@example.com: {time_zone: Mars/Base}}\n")
    return app


def test_broken_people_stop_neither_releases_nor_decisions(broken_people: FakeApp) -> None:
    app = broken_people
    assert app.reconciler is not None
    assert app.keeper is not None
    assert app.approval_pages is not None
    assert [policy.model for policy in app.processor.policies] == ["churn"]
    app.sweep.run()


def test_while_people_are_broken_everybody_is_told_in_english_and_it_is_said_aloud(
    broken_people: FakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    app = broken_people
    assert app.people.person("ana@example.com") == Person("ana@example.com", "ana@example.com", "en", "UTC")
    (line,) = caplog.records
    reason = line.vigia["reason"]  # type: ignore[attr-defined]
    assert "people.yaml:1" in reason
    assert "Mars/Base" in reason

    (app.settings.policies / "people.yaml").write_text("people: {ana@example.com: {name: Ana, locale: pt-BR}}\n")
    assert app.people.person("ANA@example.com").name == "Ana"


def test_what_needs_the_policy_says_what_is_wrong_with_it(app: FakeApp) -> None:
    with pytest.raises(PolicyError, match="modle"):
        _ = app.processor


def test_an_event_waits_as_it_came(app: FakeApp) -> None:
    process(a_message("{}"))
    (waiting,) = [message for message in app.queues.messages if message.queue == EVENTS]
    assert (waiting.text, waiting.visible_at - app.time.now()) == ("{}", BROKEN_POLICY_DELAY)
    assert list(app.quarantine.items()) == []


def test_a_notice_waits_and_is_delivered_once_the_file_is_mended(app: FakeApp) -> None:
    app.outbox.post([NOTICE])
    first = app.queues.take(NOTICES)
    assert first is not None
    deliver_notice(a_message(first))
    assert app.queues.take(NOTICES) is None
    app.time.advance(BROKEN_POLICY_DELAY)
    assert app.queues.take(NOTICES) == first
    (app.settings.policies / "churn.yaml").unlink()
    deliver_notice(a_message(first))
    assert app.queues.take(NOTICES) is None
    assert app.outbox.undelivered() == ()
