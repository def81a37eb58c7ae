"""Services that are away for longer than the host's five tries: the message comes again, and nobody is called."""

from __future__ import annotations

from datetime import timedelta

import azure.functions as func
import pytest

import shared.bootstrap
from functions.notices import deliver_notice
from functions.process import BUSY_DELAY, process
from shared.domain.notice import Notice, NoticeKind
from shared.errors import PermanentError, RetryableError
from shared.ports.channels import Message, Recipient
from shared.ports.queues import EVENTS, NOTICES
from shared.store.facts.queue_errors import LAST_TRY
from tests.unit.cli.world import MODEL, FakeApp
from tests.unit.engine.fact_world import registered


class Tried(func.QueueMessage):
    def __init__(self, body: str, tries: int) -> None:
        super().__init__(id="1", body=body.encode())
        self._tries = tries

    @property
    def dequeue_count(self) -> int:
        return self._tries


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> FakeApp:
    made = FakeApp()
    monkeypatch.setattr(shared.bootstrap, "get_app", lambda: made)
    return made


def test_an_event_whose_service_is_away_comes_again_until_it_is_done(app: FakeApp) -> None:
    body = registered("3", model=MODEL)
    app.azureml.errors["model"] = [RetryableError("workspace.retry", "away")] * LAST_TRY
    app.azureml.register(MODEL, "3")
    for tries in range(1, LAST_TRY):
        with pytest.raises(RetryableError):
            process(Tried(body, tries))

    process(Tried(body, LAST_TRY))

    (again,) = [message for message in app.queues.messages if message.queue == EVENTS]
    assert (again.text, again.visible_at - app.time.now()) == (body, BUSY_DELAY)
    assert app.queue_errors.read(EVENTS, "") is None
    process(Tried(again.text, 1))
    assert [item.id for item in app.releases.items()] == ["flight-delay-3"]


def test_an_event_comes_again_when_the_service_asked_for_it(app: FakeApp) -> None:
    body = registered("3", model=MODEL)
    delay = timedelta(minutes=2)
    app.azureml.errors["model"] = [RetryableError("azure.throttled", "too often", retry_after=delay)]
    app.azureml.register(MODEL, "3")

    process(Tried(body, 1))

    (again,) = [message for message in app.queues.messages if message.queue == EVENTS]
    assert (again.text, again.visible_at - app.time.now()) == (body, delay)


def test_a_notice_whose_channel_is_away_comes_again(app: FakeApp) -> None:
    class Away:
        def send(self, message: Message, to: Recipient) -> None:
            raise RetryableError("channel.away", f"nobody takes {message.key} to {to.email}")

    app.outbox.channels["email"] = Away()  # type: ignore[index]
    app.outbox.post([Notice(NoticeKind.TRAINING_FAILED, "k", MODEL, {"reason": "x"})])
    body = app.queues.take(NOTICES)
    assert body
    with pytest.raises(RetryableError):
        deliver_notice(Tried(body, 1))
    deliver_notice(Tried(body, LAST_TRY))
    assert app.outbox.undelivered()
    assert [message.text for message in app.queues.messages if message.queue == NOTICES] == [body]


def test_a_notice_comes_again_when_the_channel_asked_for_it(app: FakeApp) -> None:
    class Full:
        def send(self, message: Message, to: Recipient) -> None:
            raise RetryableError("email.quota", f"{message.key} to {to.email}: 429", retry_after=timedelta(minutes=30))

    app.outbox.channels.update(email=Full(), teams=Full())  # type: ignore[attr-defined]
    app.outbox.post([Notice(NoticeKind.TRAINING_FAILED, "k", MODEL, {"reason": "x"})])
    body = app.queues.take(NOTICES)
    assert body

    deliver_notice(Tried(body, 1))

    (again,) = [message for message in app.queues.messages if message.queue == NOTICES]
    assert (again.text, again.visible_at - app.time.now()) == (body, timedelta(minutes=30))


def test_what_can_never_work_still_becomes_poison(app: FakeApp) -> None:
    with pytest.raises(PermanentError):
        deliver_notice(Tried('{"notice": "nonsense"}', LAST_TRY))
