"""Whatever a worker dies of, and at whatever call, no open record is without its marker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.ids import ModelName
from shared.domain.notice import Notice, NoticeKind
from shared.domain.reaction import Reaction
from shared.ports.blobs import BlobStore, Written
from shared.store.facts.ledger import Claimed, Entry, Finished, Ledger
from shared.store.notices.outbox import Delivery, OutboxRecord, OutboxStore, blob_name
from shared.store.open_index import OPEN, OpenIndex
from tests.fakes.blobs import MemoryBlobStore
from tests.unit.store.test_ledger import FACT

NOW = datetime(2026, 11, 30, tzinfo=UTC)
LEASE = timedelta(minutes=10)
PLAN = (Reaction("notify", ModelName("churn"), "drift"),)
NOTICE = Notice(NoticeKind.PROMOTED, "promoted/churn/7", ModelName("churn"), {})


class CrashError(Exception):
    """The worker is gone."""


class Service:
    """A blob service with a clock, whose caller dies before or after the call that its `dies_at` counts down to."""

    def __init__(self) -> None:
        self.now = NOW
        self.store = MemoryBlobStore(lambda: self.now)

    def worker(self, dies_at: int, lands: bool) -> BlobStore:
        return _Mortal(self, dies_at, lands)


class _Mortal(MemoryBlobStore):
    def __init__(self, service: Service, dies_at: int, lands: bool) -> None:
        super().__init__(lambda: service.now)
        self._blobs = service.store._blobs
        self._etags = service.store._etags
        self._remaining = dies_at
        self._lands = lands

    def _call(self, land: Callable[[], object]) -> None:
        self._remaining -= 1
        if self._remaining == 0:
            if self._lands:
                land()
            raise CrashError

    def create(self, name: str, body: bytes, metadata: Mapping[str, str] | None = None) -> Written | None:
        self._call(lambda: super(_Mortal, self).create(name, body, metadata))
        return super().create(name, body, metadata)

    def replace(self, name: str, body: bytes, etag: str, metadata: Mapping[str, str] | None = None) -> Written | None:
        self._call(lambda: super(_Mortal, self).replace(name, body, etag, metadata))
        return super().replace(name, body, etag, metadata)

    def put(self, name: str, body: bytes, metadata: Mapping[str, str] | None = None) -> Written:
        self._call(lambda: super(_Mortal, self).put(name, body, metadata))
        return super().put(name, body, metadata)

    def delete(self, name: str, etag: str | None = None) -> None:
        self._call(lambda: super(_Mortal, self).delete(name, etag))
        super().delete(name, etag)


def _work(ledger: Ledger, action: str) -> None:
    if action == "dismiss":
        ledger.dismiss(FACT.key, "by ana")
        return
    if action == "reopen":
        ledger.reopen(FACT.key)
        return
    plan = () if action == "pass" else PLAN
    claim = ledger.take_over(FACT.key) if action == "sweep" else ledger.claim(FACT, plan, (), ())
    if isinstance(claim, Claimed):
        if action == "give up":
            ledger.release(claim)
            return
        close = ledger.park if action == "park" else ledger.finish
        claim = close(claim, (), (NOTICE,) if action != "quiet" else ()) or claim
    if isinstance(claim, Finished) and not claim.entry.notices_posted:
        ledger.mark_posted(claim)


# "pass": the same event, when the policy is gone that it concerned.
ACTIONS = ("act", "quiet", "park", "give up", "pass", "sweep", "reopen", "dismiss")
EVENTS = {"act", "quiet", "park", "give up", "pass"}


class Facts:
    """One fact whose event comes back until it was worked on to the end, as a queue's messages do."""

    def __init__(self) -> None:
        self.service = Service()
        self.has_event = False

    @property
    def has_marker(self) -> bool:
        return self.service.store.get(f"{OPEN}ledger/{FACT.key}.json") is not None

    @property
    def entry(self) -> Entry | None:
        return Ledger(self.service.store, LEASE).entry(FACT.key)

    @property
    def is_open(self) -> bool:
        entry = self.entry
        return entry is not None and (entry.state != "done" or bool(entry.notices and not entry.notices_posted))

    def step(self, action: str, dies_at: int = 0, lands: bool = False) -> None:
        if action == "sweep" and not self.has_marker:
            return
        self.has_event |= action in EVENTS
        try:
            _work(Ledger(self.service.worker(dies_at, lands), LEASE), action)
        except CrashError:
            return
        self.has_event &= action not in EVENTS or action == "give up"


@given(st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 7), st.booleans(), st.integers(0, 30))))
def test_an_open_fact_has_its_event_or_a_marker(steps: list[tuple[str, int, bool, int]]) -> None:
    facts = Facts()
    for action, dies_at, lands, minutes in steps:
        facts.service.now += timedelta(minutes=minutes)
        facts.step(action, dies_at, lands)
        assert not facts.is_open or facts.has_event or facts.has_marker


@given(st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 7), st.booleans())))
def test_a_sweep_past_the_lease_finds_what_is_open_and_clears_what_is_not(steps: list[tuple[str, int, bool]]) -> None:
    facts = Facts()
    for action, dies_at, lands in steps:
        facts.step(action, dies_at, lands)
    facts.service.now += LEASE
    if facts.has_event:
        facts.step("quiet")
    ledger = Ledger(facts.service.store, LEASE)
    for _ in range(2):
        facts.service.now += timedelta(days=2)
        for key, _ in list(ledger.due(facts.service.now)):
            claim = ledger.take_over(key)
            if isinstance(claim, Claimed):
                claim = ledger.finish(claim, (), ())
            if isinstance(claim, Finished) and claim.entry.notices and not claim.entry.notices_posted:
                ledger.mark_posted(claim)
    is_parked = facts.entry is not None and facts.entry.state == "parked"
    assert facts.is_open == is_parked
    assert list(ledger.open_keys()) == []
    assert list(ledger.parked_keys()) == ([FACT.key] if is_parked else [])
    assert facts.has_marker == is_parked


def test_a_worker_that_dies_while_it_acts_leaves_a_marker_at_once() -> None:
    facts = Facts()
    with suppress(CrashError):
        _work(Ledger(facts.service.worker(3, lands=False), LEASE), "act")
    assert (facts.is_open, facts.has_marker) == (True, True)


def test_what_was_never_made_is_forgotten_after_a_day_and_not_before() -> None:
    service = Service()
    with pytest.raises(CrashError):
        OutboxStore(service.worker(2, lands=False)).create(NOTICE, NOW)
    store = OutboxStore(service.store)
    service.now += timedelta(hours=23)
    assert list(store.overdue(service.now, timedelta(0), timedelta(0))) == []
    assert len(list(store.in_state("pending"))) == 1
    service.now += timedelta(hours=2)
    assert list(store.overdue(service.now, timedelta(0), timedelta(0))) == []
    assert list(store.in_state("pending")) == []


def test_whoever_is_about_to_make_the_record_keeps_the_marker() -> None:
    service = Service()
    index = OpenIndex(service.store)
    index.mark("ledger/x.json", {})
    service.now += timedelta(days=2)

    class LateReader(MemoryBlobStore):
        """Reads the old marker, and another worker marks the same record before it deletes."""

        def get(self, name: str):  # type: ignore[no-untyped-def]
            stored = service.store.get(name)
            index.mark("ledger/x.json", {})
            return stored

        def delete(self, name: str, etag: str | None = None) -> None:
            service.store.delete(name, etag)

    OpenIndex(LateReader()).correct("ledger/x.json", None, is_open=False)
    assert [item.name for item in index.list("ledger/")] == ["ledger/x.json"]


def _with(record: OutboxRecord, delivery: Delivery) -> OutboxRecord:
    return replace(record, deliveries=(delivery,))


@given(st.lists(st.tuples(st.sampled_from(["post", "send", "fail", "dismiss"]), st.integers(0, 5), st.booleans())))
def test_an_open_notice_has_a_marker_whenever_its_worker_died(steps: list[tuple[str, int, bool]]) -> None:
    service = Service()
    for action, dies_at, lands in steps:
        store = OutboxStore(service.worker(dies_at, lands))
        with suppress(CrashError):
            if action == "post":
                store.create(NOTICE, service.now)
            elif stored := store.load(blob_name(NOTICE.key)):
                state = {"send": "sent", "fail": "failed", "dismiss": "dismissed"}[action]
                if stored.record.state in {"pending", "failed"}:
                    delivery = Delivery("teams", "ana@example.com", state)  # type: ignore[arg-type]
                    store.note(stored, partial(_with, delivery=delivery))
        stored = OutboxStore(service.store).load(blob_name(NOTICE.key))
        is_open = stored is not None and stored.record.state in {"pending", "failed"}
        assert not is_open or service.store.get(OPEN + blob_name(NOTICE.key)) is not None


def _parked(service: Service) -> str:
    ledger = Ledger(service.store, LEASE)
    claim = ledger.claim(FACT, PLAN, (), ())
    assert isinstance(claim, Claimed)
    ledger.park(claim, (), ())
    return f"ledger/{FACT.key}.json"


def _failed(service: Service) -> str:
    store = OutboxStore(service.store)
    name = store.create(NOTICE, service.now)
    stored = store.load(name or "")
    assert stored is not None
    store.note(stored, lambda record: replace(record, deliveries=(Delivery("email", "ana", "failed"),)))
    return stored.name


@pytest.mark.parametrize("open_one", [_parked, _failed])
def test_what_waits_for_a_person_is_renewed_before_a_rule_deletes_it_by_its_age(
    open_one: Callable[[Service], str],
) -> None:
    service = Service()
    name = open_one(service)
    first = service.store.get(name)
    for _ in range(100):
        service.now += timedelta(days=1)
        for key, _ in list(Ledger(service.store, LEASE).due(service.now)):
            Ledger(service.store, LEASE).take_over(key)
        list(OutboxStore(service.store).overdue(service.now, timedelta(0), timedelta(0)))
    newest = service.store.get(name)
    assert first is not None
    assert newest is not None
    assert newest.body == first.body
    assert service.now - newest.last_modified < timedelta(days=32)
