"""The ledger's promises: one claim per fact, the recorded plan survives, late workers cannot overwrite."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.fact import Fact, ModelRegistered
from shared.domain.ids import ModelName, ModelVersion
from shared.domain.notice import Notice, NoticeKind
from shared.domain.reaction import Reaction, ReactionResult
from shared.errors import AmbiguousWriteError
from shared.ports.blobs import Written
from shared.store.facts.ledger import Busy, Claim, Claimed, Contradiction, Finished, Ledger
from tests.fakes.blobs import MemoryBlobStore

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
LEASE = timedelta(minutes=2)
FACT = Fact(
    ModelRegistered(ModelName("churn"), ModelVersion("7")),
    source="/subscriptions/1/workspaces/ws",
    subject="models/churn:7",
    identity=("churn", "7"),
    occurred_at=NOW,
    event_id="e1",
)
PLAN = (Reaction("open-release", ModelName("churn"), "model registered"),)
DONE = (ReactionResult("open-release", "done", "release churn-7 opened", "churn-7"),)
NOTICE = Notice(NoticeKind.RELEASE_OPENED, "release-opened/churn-7", ModelName("churn"))


class ServerClock:
    """The storage server's clock, moved by hand."""

    def __init__(self) -> None:
        self.time = NOW

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def server_clock() -> ServerClock:
    return ServerClock()


@pytest.fixture
def blobs(server_clock: ServerClock) -> MemoryBlobStore:
    return MemoryBlobStore(server_clock)


@pytest.fixture
def ledger(blobs: MemoryBlobStore) -> Ledger:
    return Ledger(blobs, LEASE)


def claim(ledger: Ledger, fact: Fact = FACT, plan: tuple[Reaction, ...] = PLAN) -> Claim:
    return ledger.claim(fact, plan, ("digest",), ())


def claimed(ledger: Ledger) -> Claimed:
    won = claim(ledger)
    assert isinstance(won, Claimed)
    return won


def test_a_new_fact_takes_two_trips_and_one_for_its_marker(ledger: Ledger, blobs: MemoryBlobStore) -> None:
    ledger.finish(claimed(ledger), DONE, ())
    assert [call.split()[0] for call in blobs.calls] == ["create", "put", "replace"]


def test_a_fact_with_nothing_to_do_takes_one_trip_and_is_done(ledger: Ledger, blobs: MemoryBlobStore) -> None:
    answer = claim(ledger, plan=())
    assert isinstance(answer, Finished)
    assert answer.entry.state == "done"
    assert [call.split()[0] for call in blobs.calls] == ["create"]
    assert list(ledger.open_keys()) == []
    assert isinstance(claim(ledger, plan=PLAN), Finished)


def test_a_duplicate_of_a_finished_fact_takes_two_trips_and_does_nothing(
    ledger: Ledger, blobs: MemoryBlobStore
) -> None:
    ledger.finish(claimed(ledger), DONE, ())
    blobs.calls.clear()
    again = claim(ledger)
    assert isinstance(again, Finished)
    assert again.entry.outcomes == DONE
    assert [call.split()[0] for call in blobs.calls] == ["create", "get"]
    assert list(ledger.open_keys()) == []


def test_a_second_claim_within_the_lease_is_busy(ledger: Ledger) -> None:
    claimed(ledger)
    assert isinstance(claim(ledger), Busy)


def test_a_claim_past_its_lease_is_taken_over_with_the_recorded_plan(ledger: Ledger, server_clock: ServerClock) -> None:
    first = claimed(ledger)
    server_clock.time += LEASE
    other_plan = (Reaction("notify", ModelName("churn"), "another decision"),)
    second = claim(ledger, plan=other_plan)
    assert isinstance(second, Claimed)
    assert second.entry.plan == PLAN
    assert (second.entry.epoch, second.entry.token == first.entry.token) == (2, False)


def test_a_stalled_worker_cannot_overwrite_the_one_that_took_over(ledger: Ledger, server_clock: ServerClock) -> None:
    stalled = claimed(ledger)
    server_clock.time += LEASE
    successor = claimed(ledger)
    assert ledger.finish(stalled, DONE, ()) is None
    assert ledger.finish(successor, DONE, ()) is not None


def test_a_released_claim_need_not_wait_for_the_lease(ledger: Ledger) -> None:
    ledger.release(claimed(ledger))
    assert claimed(ledger).entry.epoch == 2


def test_the_same_fact_with_other_values_is_a_contradiction(ledger: Ledger) -> None:
    claimed(ledger)
    assert isinstance(claim(ledger, replace(FACT, matters=("another",))), Contradiction)


def test_another_event_of_the_same_fact_is_the_same_fact(ledger: Ledger) -> None:
    claimed(ledger)
    assert isinstance(claim(ledger, replace(FACT, event_id="e2", subject="MODELS/churn:7")), Busy)


class LosesReplies(MemoryBlobStore):
    """Writes land, their answers do not arrive."""

    def __init__(self, lost: int, lands: bool = True) -> None:
        super().__init__(lambda: NOW)
        self.lost = lost
        self.lands = lands

    def create(self, name: str, body: bytes, metadata: object = None) -> Written | None:
        return self._maybe_lose(super().create, name, body, {})

    def replace(self, name: str, body: bytes, etag: str, metadata: object = None) -> Written | None:
        return self._maybe_lose(super().replace, name, body, etag, {})

    def _maybe_lose(self, write: object, *args: object) -> Written | None:
        if self.lost == 0:
            return write(*args)  # type: ignore[operator, no-any-return]
        self.lost -= 1
        if self.lands:
            write(*args)  # type: ignore[operator]
        raise AmbiguousWriteError("test", "the answer was lost")


def test_a_claim_whose_answer_was_lost_is_recognised_as_our_own() -> None:
    ledger = Ledger(LosesReplies(1), LEASE)
    won = claim(ledger)
    assert isinstance(won, Claimed)
    assert ledger.finish(won, DONE, ()) is not None


def test_a_claim_that_may_still_land_is_not_decided() -> None:
    with pytest.raises(AmbiguousWriteError):
        claim(Ledger(LosesReplies(1, lands=False), LEASE))


def test_a_done_record_whose_answer_was_lost_is_recognised() -> None:
    blobs = LosesReplies(0)
    ledger = Ledger(blobs, LEASE)
    won = claimed(ledger)
    blobs.lost = 1
    finished = ledger.finish(won, DONE, ())
    assert finished is not None
    assert finished.entry.state == "done"


def test_open_claims_and_unposted_notices_are_found_by_listing(ledger: Ledger) -> None:
    won = claimed(ledger)
    assert list(ledger.open_keys()) == [FACT.key]
    finished = ledger.finish(won, DONE, (NOTICE,))
    assert finished is not None
    assert list(ledger.open_keys()) == [FACT.key]
    ledger.mark_posted(finished)
    assert list(ledger.open_keys()) == []
