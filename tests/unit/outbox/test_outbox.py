from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.ids import EndpointName, ModelName
from shared.domain.notice import Notice, NoticeKind
from shared.engine.notices.bursts import WINDOW
from shared.errors import AmbiguousWriteError, PermanentError, RetryableError
from shared.policy.reading.people import Directory, Person
from shared.policy.sections.model import Endpoint, People, Policy
from shared.ports.blobs import Written
from shared.ports.channels import Message, Recipient
from shared.ports.queues import NOTICES
from shared.reactions.notify_section import Notify
from shared.store.notices.outbox import OutboxRecord
from tests.fakes.app import MemoryApp
from tests.fakes.blobs import MemoryBlobStore
from tests.fakes.clock import FakeClock
from tests.fakes.queues import FakeQueues
from tests.unit.engine.fact_world import SETTINGS


class RecordingChannel:
    """Keeps what it sent; raises what a person's address is mapped to first."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Message]] = []
        self.troubles: dict[str, Exception] = {}

    def send(self, message: Message, to: Recipient) -> None:
        if to.email in self.troubles:
            raise self.troubles[to.email]
        self.sent.append((to.email, message))

    @property
    def readers(self) -> list[str]:
        return [email for email, _ in self.sent]


class FlakyBlobStore(MemoryBlobStore):
    """Writes, but says that it does not know whether it did."""

    def replace(self, name: str, body: bytes, etag: str, metadata: Mapping[str, str] | None = None) -> Written | None:
        super().replace(name, body, etag, metadata)
        raise AmbiguousWriteError(code="test.lost", message="the answer was lost")


def _policy(model: str, *rules: dict[str, Any]) -> Policy:
    return Policy(
        model=ModelName(model),
        kind="tabular",
        endpoint=Endpoint(EndpointName(model), "online"),
        people=People("ana@example.com", ("ana@example.com", "ben@example.com")),
        digest="d",
        path="p.yaml",
        sections={"notify": Notify.model_validate_json(json.dumps(rules))},
    )


class Town:
    """An outbox with two people, two channels and a policy that tells both of a roll-back by both."""

    def __init__(self, blobs: MemoryBlobStore | None = None) -> None:
        self.clock = FakeClock()
        self.blobs = blobs or MemoryBlobStore(self.clock.now)
        self.queue = FakeQueues(self.clock)
        self.teams, self.email = RecordingChannel(), RecordingChannel()
        app = MemoryApp(
            SETTINGS,
            self.clock,
            policies=(
                _policy(
                    "flight-delay", {"on": ["rolled-back"], "to": ["owner", "approvers"], "by": ["teams", "email"]}
                ),
                _policy("other", {"on": ["event-quarantined"], "to": ["zoe@example.com"], "by": ["email"]}),
            ),
            blobs=self.blobs,
            queue=self.queue,
            people=Directory({"ana@example.com": Person("ana@example.com", "Ana", "pt-BR", "America/Sao_Paulo")}),
        )
        self.store = app.outbox_store
        self.outbox = replace(app.outbox, channels={"teams": self.teams, "email": self.email})

    def post(self, kind: NoticeKind = NoticeKind.ROLLED_BACK, model: str = "flight-delay") -> None:
        self.outbox.post([Notice(kind, f"key/{kind}", ModelName(model), {"version": "3"}, "/api/approvals/x")])

    def deliver_next(self) -> None:
        message = self.queue.take(NOTICES)
        assert message is not None
        self.outbox.handle(message)

    def record(self) -> OutboxRecord:
        (record,) = self.store.records()
        return record


def test_a_notice_reaches_everyone_once_in_their_language() -> None:
    town = Town()
    town.post()
    town.deliver_next()
    assert town.email.readers == town.teams.readers == ["ana@example.com", "ben@example.com"]
    assert [message.language for _, message in town.email.sent] == ["pt-BR", "en"]
    assert town.record().state == "sent"
    assert town.outbox.undelivered() == ()


def test_a_refusal_is_told_once_it_has_lasted() -> None:
    town = Town()
    for _ in range(4):
        town.post(NoticeKind.ACCESS_REFUSED)
        town.clock.advance(timedelta(minutes=1))
    assert list(town.store.records()) == []

    # The next one, hours later, is another; this one is met again until four minutes have passed.
    town.clock.advance(timedelta(hours=3))
    for _ in range(4):
        town.post(NoticeKind.ACCESS_REFUSED)
        assert list(town.store.records()) == []
        town.clock.advance(timedelta(minutes=1))
    for _ in range(2):
        town.post(NoticeKind.ACCESS_REFUSED)
    assert town.record().notice.kind is NoticeKind.ACCESS_REFUSED


def test_posting_again_sends_nothing_more() -> None:
    town = Town()
    for _ in range(3):
        town.post()
    assert len(town.queue.texts(NOTICES)) == 1


def test_a_redelivered_queue_message_sends_nothing_more() -> None:
    town = Town()
    town.post()
    (text,) = town.queue.texts(NOTICES)
    for _ in range(5):
        town.outbox.handle(text)
    assert len(town.email.sent) == len(town.teams.sent) == 2


def test_a_busy_channel_delays_its_own_messages_only() -> None:
    town = Town()
    town.teams.troubles["ana@example.com"] = RetryableError("teams.busy", "the Teams webhook answered 429")
    town.post()
    (text,) = town.queue.texts(NOTICES)
    with pytest.raises(RetryableError, match="429"):
        town.deliver_next()
    assert town.teams.readers == ["ben@example.com"]
    assert len(town.email.sent) == 2
    assert len(town.outbox.undelivered()) == 1

    town.teams.troubles.clear()
    town.outbox.handle(text)
    assert town.teams.readers == ["ben@example.com", "ana@example.com"]
    assert len(town.email.sent) == 2
    assert town.record().state == "sent"


def test_a_refused_address_is_recorded_and_the_others_are_told() -> None:
    town = Town()
    town.email.troubles["ana@example.com"] = PermanentError("email.refused", "550 no such user")
    town.post()
    town.deliver_next()
    assert town.email.readers == ["ben@example.com"]
    record = town.record()
    assert record.state == "failed"
    problems = {d.to: d.problem for d in record.deliveries or () if d.state == "failed"}
    assert problems == {"ana@example.com": "550 no such user"}


def test_a_channel_that_is_not_configured_is_recorded() -> None:
    town = Town()
    assert isinstance(town.outbox.channels, dict)
    del town.outbox.channels["teams"]
    town.post()
    town.deliver_next()
    assert len(town.email.sent) == 2
    assert town.record().state == "failed"
    assert "teams is not configured" in str(town.record().deliveries)


@pytest.mark.parametrize("model", ["flight-delay", "unknown-model"])
def test_a_notice_that_nobody_routes_stays_visible(model: str) -> None:
    town = Town()
    town.post(NoticeKind.PROMOTED, model)
    town.deliver_next()
    assert town.record().state == "no-route"
    assert [record.notice.kind for record in town.store.records()] == [NoticeKind.PROMOTED]
    assert town.outbox.undelivered() == ()


def test_a_notice_about_no_model_goes_to_whoever_asked_for_its_kind() -> None:
    town = Town()
    town.post(NoticeKind.EVENT_QUARANTINED, model="")
    town.deliver_next()
    assert town.email.readers == ["zoe@example.com"]


def test_an_unreachable_channel_is_given_up_after_two_days() -> None:
    town = Town()
    town.email.troubles["ana@example.com"] = RetryableError("email.unreachable", "the mail server is out of reach")
    town.post()
    (text,) = town.queue.texts(NOTICES)
    with pytest.raises(RetryableError):
        town.deliver_next()
    town.clock.advance(timedelta(days=3))
    town.outbox.handle(text)
    assert town.record().state == "failed"
    assert "given up" in str(town.record().deliveries)


def test_a_crash_before_queueing_is_repaired_by_the_sweep() -> None:
    town = Town()
    town.post()
    town.queue.messages.clear()
    assert town.outbox.requeue_overdue() == 0
    town.clock.advance(2 * WINDOW + timedelta(minutes=1))  # it might be waiting for a digest
    assert town.outbox.requeue_overdue() == 1
    town.deliver_next()
    assert town.record().state == "sent"
    assert town.outbox.requeue_overdue() == 0


def test_a_lost_answer_to_the_note_does_not_send_again() -> None:
    town = Town(FlakyBlobStore())
    town.post()
    town.deliver_next()
    assert len(town.email.sent) == len(town.teams.sent) == 2
    assert town.record().state == "sent"


def test_two_workers_on_one_notice_keep_each_others_notes() -> None:
    town = Town()
    town.post()
    (text,) = town.queue.texts(NOTICES)

    class Interrupting(RecordingChannel):
        def send(self, message: Message, to: Recipient) -> None:
            super().send(message, to)
            if len(self.sent) == 1:
                town.outbox.handle(text)

    assert isinstance(town.outbox.channels, dict)
    town.outbox.channels["teams"] = Interrupting()
    town.outbox.handle(text)
    assert town.record().state == "sent"


def test_an_unknown_notice_is_refused_for_good() -> None:
    with pytest.raises(PermanentError, match="there is no notice"):
        Town().outbox.deliver("outbox/none.json")
