"""What goes on while a policy is broken, and what waits for it."""

from __future__ import annotations

import json
from pathlib import Path

import azure.functions as func
import pytest

import shared.bootstrap
from functions.notices import deliver_notice
from functions.process import BROKEN_POLICY_DELAY, process
from shared.domain.ids import ModelName
from shared.domain.notice import Notice, NoticeKind
from shared.errors import PolicyError
from shared.ports.queues import EVENTS, NOTICES
from shared.settings import Settings
from tests.unit.cli.world import SAMPLE, FakeApp

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


def test_an_alert_that_cannot_be_read_is_still_kept(app: FakeApp) -> None:
    with pytest.raises(Exception, match="schema"):
        app.alerts.publish(b"{}")
    assert len(list(app.quarantine.items())) == 1


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
