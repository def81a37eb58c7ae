"""What a fact costs in round trips to storage: 2 when it is new and one for its marker, at most 2 for a duplicate, 4
for a takeover.

Counted are the HTTP requests that the SDK sends, its retries among them.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from benchmarks.harness.storage import counted_requests
from local.addresses import Addresses
from shared.adapters.storage.blobs import AzureBlobStore
from shared.domain.fact import Fact, ModelRegistered
from shared.domain.ids import ModelName, ModelVersion
from shared.domain.reaction import Reaction, ReactionResult
from shared.store.facts.ledger import Busy, Claim, Claimed, Finished, Ledger
from tests.settings import settings_for

PLAN = (Reaction("open-release", ModelName("churn"), "version 7 was registered", {"version": "7"}),)
DONE = (ReactionResult("open-release", "done", "release churn-7 opened", "churn-7"),)
AT_ONCE = timedelta(0)
LEASE = timedelta(minutes=2)


@pytest.fixture(scope="module")
def blobs(azurite: Addresses) -> AzureBlobStore:
    blobs = AzureBlobStore(settings_for(AzureWebJobsStorage=azurite.storage_connection_string), container="trips")
    blobs.get("so that the container exists")
    return blobs


@pytest.fixture
def trips(blobs: AzureBlobStore) -> Iterator[Callable[[], int]]:
    """Return a function that counts the requests since its last call."""
    count = 0
    with counted_requests() as sent:

        def since() -> int:
            nonlocal count
            count, previous = sent(), count
            return count - previous

        yield since


@pytest.fixture
def fact() -> Fact:
    version = uuid.uuid4().hex
    body = ModelRegistered(ModelName("churn"), ModelVersion(version))
    now = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
    return Fact(body, "/workspaces/ws", f"models/churn:{version}", ("churn", version), now, "event-1")


def claim(ledger: Ledger, fact: Fact) -> Claim:
    return ledger.claim(fact, PLAN, ("digest",), ())


def claimed(claim: Claim | None) -> Claimed:
    assert isinstance(claim, Claimed)
    return claim


def test_a_new_fact_takes_two_trips_and_one_for_its_marker(
    blobs: AzureBlobStore, fact: Fact, trips: Callable[[], int]
) -> None:
    ledger = Ledger(blobs, LEASE)

    ledger.finish(claimed(claim(ledger, fact)), DONE, ())

    assert trips() == 3


def test_a_duplicate_takes_at_most_two(blobs: AzureBlobStore, fact: Fact, trips: Callable[[], int]) -> None:
    ledger = Ledger(blobs, LEASE)
    mine = claimed(claim(ledger, fact))
    trips()

    assert isinstance(claim(ledger, fact), Busy)
    assert trips() <= 3  # whoever drops the event makes sure of the marker

    ledger.finish(mine, DONE, ())
    trips()
    assert isinstance(claim(ledger, fact), Finished)
    assert trips() <= 2


def test_a_fact_that_concerns_no_policy_takes_two_and_its_duplicate_three(
    blobs: AzureBlobStore, fact: Fact, trips: Callable[[], int]
) -> None:
    ledger = Ledger(blobs, LEASE)

    assert isinstance(ledger.claim(fact, (), (), ("no policy is about it",)), Finished)
    assert trips() == 2
    assert isinstance(ledger.claim(fact, (), (), ("no policy is about it",)), Finished)
    assert trips() == 3

    ledger.finish(claimed(claim(ledger, fact)), DONE, ())
    assert trips() == 3


@pytest.mark.parametrize("by_whom", ["the_sweep", "a_duplicate"])
def test_a_takeover_takes_at_most_four(
    blobs: AzureBlobStore, fact: Fact, trips: Callable[[], int], by_whom: str
) -> None:
    ledger = Ledger(blobs, AT_ONCE)
    claim(ledger, fact)
    trips()

    mine = claimed(ledger.take_over(fact.key) if by_whom == "the_sweep" else claim(ledger, fact))
    ledger.finish(mine, DONE, ())

    assert mine.entry.epoch == 2
    assert trips() <= 4


def test_a_late_workers_done_is_one_trip_that_changes_nothing(
    blobs: AzureBlobStore, fact: Fact, trips: Callable[[], int]
) -> None:
    ledger = Ledger(blobs, AT_ONCE)
    late = claimed(claim(ledger, fact))
    ledger.finish(claimed(ledger.take_over(fact.key)), DONE, ())
    trips()

    assert ledger.finish(late, (), ()) is None

    assert trips() == 1
    entry = ledger.entry(fact.key)
    assert entry is not None
    assert entry.outcomes == DONE
