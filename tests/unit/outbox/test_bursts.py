"""Ten thousand notices of one burst: a few messages, none missing from the digests, whatever crashes in between."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.ids import ModelName
from shared.domain.messages import MakeDigest
from shared.domain.notice import Notice, NoticeKind
from shared.engine.notices.bursts import AT_ONCE, MOST_IN_DIGEST, WINDOW
from shared.engine.notices.outbox import NoticeOutbox
from shared.errors import AmbiguousWriteError
from shared.policy.reading.people import Directory, Person
from shared.ports.blobs import Written
from shared.ports.channels import Message, Recipient
from shared.ports.queues import NOTICES
from shared.store.notices.outbox import OutboxStore
from tests.fakes.app import MemoryApp
from tests.fakes.blobs import MemoryBlobStore
from tests.fakes.clock import FakeClock
from tests.fakes.queues import FakeQueues
from tests.unit.engine.fact_world import SETTINGS, Fuse, Fused, Killed
from tests.unit.outbox.policies import a_policy

KIND = NoticeKind.ENDPOINT_DEGRADED


class Mailbox:
    def __init__(self) -> None:
        self.messages: list[Message] = []

    def send(self, message: Message, to: Recipient) -> None:
        self.messages.append(message)

    def notified(self) -> set[str]:
        """Return the number of every notice that some message tells."""
        texts = [f"{m.sentence} {m.facts}" for m in self.messages]
        return {number for text in texts for number in re.findall(r"alert (\d+)!", text)}


class City:
    """An outbox over memory with one reader; every port may kill the worker, and another one comes."""

    def __init__(self, blobs: type[MemoryBlobStore] = MemoryBlobStore) -> None:
        self.clock = FakeClock()
        self.fuse = Fuse()
        self.memory = blobs(self.clock.now)
        self.queues = FakeQueues(self.clock)
        self.mailbox = Mailbox()
        rule = {"on": [KIND.value, "promoted"], "to": ["owner"], "by": ["email"]}
        self.policies = tuple(a_policy(model, rule) for model in ("flight-delay", "churn"))
        self.outbox = self.new_worker()

    def new_worker(self) -> NoticeOutbox:
        app = MemoryApp(
            SETTINGS,
            self.clock,
            self.policies,
            blobs=Fused(self.memory, self.fuse),
            queue=Fused(self.queues, self.fuse),
            people=Directory({"ana@example.com": Person("ana@example.com", "Ana", "pt-BR", "UTC")}),
        )
        channel: Any = Fused(self.mailbox, self.fuse)
        return replace(app.outbox, channels={"email": channel})

    def post(self, numbers: range, model: str = "flight-delay", kind: NoticeKind = KIND) -> None:
        for number in numbers:
            parameters = {"reason": f"alert {number}!", "endpoint": model}
            self.outbox.post([Notice(kind, f"{model}/{kind}/{number}", ModelName(model), parameters)])

    def work(self) -> None:
        """Handle every message that is visible; what is killed comes back."""
        while (text := self.queues.take(NOTICES)) is not None:
            try:
                self.outbox.handle(text)
            except Killed:
                self.queues.send(NOTICES, text, timedelta(minutes=1))
                self.outbox = self.new_worker()

    def work_for(self, minutes: int) -> None:
        for _ in range(minutes):
            self.work()
            self.outbox.requeue_overdue()
            self.clock.advance(timedelta(minutes=1))
        self.work()

    @property
    def states(self) -> set[str]:
        return {record.state for record in OutboxStore(self.memory).records()}


def test_few_notices_go_out_at_once_and_by_themselves() -> None:
    city = City()
    city.post(range(AT_ONCE))
    city.work()
    assert len(city.mailbox.messages) == AT_ONCE
    city.clock.advance(WINDOW)
    city.post(range(100, 100 + AT_ONCE))
    city.work()
    assert len(city.mailbox.messages) == 2 * AT_ONCE
    assert city.queues.texts(NOTICES) == []


def test_ten_thousand_alerts_are_at_most_ten_messages_and_none_is_missing() -> None:
    city = City()
    for second in range(50):
        city.post(range(second * 200, second * 200 + 200))
        city.work()
        city.clock.advance(timedelta(seconds=1))
    city.work_for(12)

    assert len(city.mailbox.messages) <= 10
    assert city.mailbox.notified() == {str(number) for number in range(10_000)}
    assert city.states == {"sent", "in-digest"}
    assert city.outbox.undelivered() == ()
    assert city.queues.texts(NOTICES) == []


def test_a_burst_that_goes_on_is_a_digest_per_window() -> None:
    city = City()
    for minute in range(30):
        city.post(range(minute * 100, minute * 100 + 100))
        city.work_for(1)
    city.work_for(12)
    assert AT_ONCE + 6 <= len(city.mailbox.messages) <= AT_ONCE + 8
    assert len(city.mailbox.notified()) == 3_000


def test_after_a_burst_the_next_notice_goes_out_at_once() -> None:
    city = City()
    city.post(range(20))
    city.work_for(15)
    previous = len(city.mailbox.messages)
    city.post(range(100, 101))
    city.work()
    assert len(city.mailbox.messages) == previous + 1


def test_a_burst_holds_up_no_other_kind_and_no_other_model() -> None:
    city = City()
    city.post(range(50))
    city.work()
    city.post(range(1), kind=NoticeKind.PROMOTED)
    city.post(range(1), model="churn")
    city.work()
    assert len(city.mailbox.messages) == AT_ONCE + 2


def test_a_digest_lists_equal_notices_once_with_their_number_in_the_readers_language() -> None:
    city = City()
    city.post(range(AT_ONCE))
    for number in range(1_300):
        notice = Notice(KIND, f"same/{number}", ModelName("flight-delay"), {"reason": "alert 7!", "endpoint": "e"})
        city.outbox.post([notice])
    city.work_for(8)
    digest = city.mailbox.messages[-1]
    assert digest.title.startswith("Mais 1.300: flight-delay")
    assert "1.300" in digest.sentence
    assert [label for label, _ in digest.facts] == ["1300×"]
    assert "alert 7!" in digest.facts[0][1]
    assert digest.key.startswith("storm/")


def test_a_digest_has_a_limit_and_the_next_follows_at_once() -> None:
    city = City()
    city.post(range(AT_ONCE + MOST_IN_DIGEST + 10))
    city.work()
    city.clock.advance(WINDOW)
    city.work()
    assert len(city.mailbox.messages) == AT_ONCE + 2
    assert len(city.mailbox.notified()) == AT_ONCE + MOST_IN_DIGEST + 10


@pytest.mark.parametrize("is_late", [False, True], ids=["before", "after"])
def test_a_worker_killed_at_any_call_loses_nothing_and_repeats_one_message_at_most(is_late: bool) -> None:
    def calls_of(city: City) -> int:
        city.post(range(AT_ONCE + 4))
        city.fuse.calls = 0
        city.work_for(30)
        return city.fuse.calls

    total = calls_of(City())
    for number in range(1, total + 1, 1 if total < 400 else 2):
        city = City()
        city.post(range(AT_ONCE + 4))
        city.fuse.calls, city.fuse.burns_at, city.fuse.is_late = 0, number, is_late
        _survive(city)
        assert len(city.mailbox.notified()) == AT_ONCE + 4, f"killed at call {number}"
        assert city.states <= {"sent", "in-digest"}, f"killed at call {number}"
        assert len(city.mailbox.messages) <= AT_ONCE + 3, f"killed at call {number}"


def _survive(city: City) -> None:
    """Work on although the sweep itself may be what is killed."""
    for _ in range(40):
        for work in (city.work, city.outbox.requeue_overdue):
            try:
                work()
            except Killed:
                continue
        city.clock.advance(timedelta(minutes=1))


class Forgetful(MemoryBlobStore):
    """Every third write is done, and its answer lost."""

    writes = 0

    def _lost(self, write: Callable[[], Written | None]) -> Written | None:
        self.writes += 1
        written = write()
        if self.writes % 3 == 0:
            raise AmbiguousWriteError(code="test.lost", message="the answer was lost")
        return written

    def replace(self, name: str, body: bytes, etag: str, metadata: Mapping[str, str] | None = None) -> Written | None:
        return self._lost(lambda: super(Forgetful, self).replace(name, body, etag, metadata))


def test_lost_answers_lose_no_notice() -> None:
    city = City(Forgetful)
    city.post(range(60))
    city.work_for(20)
    assert len(city.mailbox.notified()) == 60
    assert len(city.mailbox.messages) <= AT_ONCE + 2
    assert city.states == {"sent", "in-digest"}


def test_a_member_costs_two_reads_until_the_digest() -> None:
    city = City()
    city.post(range(AT_ONCE + 2))
    city.work()
    city.post(range(100, 101))
    city.memory.calls.clear()
    city.work()
    assert [call.split()[0] for call in city.memory.calls] == ["get", "get"]


def test_a_message_of_a_burst_that_is_none_is_dropped() -> None:
    city = City()
    city.outbox.handle(MakeDigest("0" * 32).to_body())
    assert city.mailbox.messages == []
