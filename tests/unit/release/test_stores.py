"""Releases and endpoints in blobs: one winner per write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import pytest

from shared.domain.ids import DeploymentName, EndpointName, ReleaseId
from shared.domain.releases.release import ReleaseRequest, ReleaseState, Serving
from shared.errors import AmbiguousWriteError
from shared.ports.blobs import Blob, Written
from shared.store.releases.endpoints import EndpointStore
from shared.store.releases.releases import ReleaseStore
from tests.fakes.blobs import MemoryBlobStore
from tests.fakes.releases import NOW, a_release

ENDPOINT = EndpointName("flight-delay")
FIRST, SECOND = ReleaseId("flight-delay-2"), ReleaseId("flight-delay-3")
V1 = DeploymentName("v-1")


class LostAnswers(MemoryBlobStore):
    """Every conditional write happens and its answer is lost."""

    def create(self, name: str, body: bytes, metadata: Mapping[str, str] | None = None) -> Written | None:
        super().create(name, body, metadata)
        raise AmbiguousWriteError("blobs.lost", "no answer")

    def replace(self, name: str, body: bytes, etag: str, metadata: Mapping[str, str] | None = None) -> Written | None:
        super().replace(name, body, etag, metadata)
        raise AmbiguousWriteError("blobs.lost", "no answer")


def test_a_release_is_created_once() -> None:
    store = ReleaseStore(MemoryBlobStore())
    assert [store.create(a_release()), store.create(replace(a_release(), cause="again"))] == [True, False]
    stored = store.load(FIRST)
    assert stored is not None
    assert stored.release == a_release()


def test_of_two_workers_one_saves() -> None:
    store = ReleaseStore(MemoryBlobStore())
    store.create(a_release())
    stored = store.load(FIRST)
    assert stored is not None

    assert store.save(stored, replace(stored.release, reason="first")) is not None
    assert store.save(stored, replace(stored.release, reason="second")) is None


def test_a_lost_answer_is_settled_by_reading_back() -> None:
    store = ReleaseStore(LostAnswers())
    assert store.create(a_release())
    stored = store.load(FIRST)
    assert stored is not None
    moved = replace(stored.release, reason="moved")

    saved = store.save(stored, moved)

    assert saved is not None
    assert saved.release == moved


def test_a_listing_says_what_is_open_and_when_it_is_due() -> None:
    store = ReleaseStore(MemoryBlobStore())
    store.create(a_release("2"))
    store.create(replace(a_release("3"), state=ReleaseState.FINISHED, is_settled=True))

    assert store.open_ids() == [FIRST]
    assert [(item.state, item.wake_at, item.is_settled) for item in store.items()] == [
        ("opened", NOW, False),
        ("finished", NOW, True),
    ]


def test_an_abort_is_not_taken_back() -> None:
    store = ReleaseStore(MemoryBlobStore())
    abort = ReleaseRequest("abort", "ana@example.com", "complaints", NOW)
    store.ask(FIRST, abort)
    store.ask(FIRST, ReleaseRequest("resume", "ben@example.com", "", NOW))

    assert store.request(FIRST) == abort


class AsksMeanwhile(MemoryBlobStore):
    """Somebody asks for an abort while somebody else, who has read that nothing was asked, is about to ask."""

    abort: ReleaseRequest | None = None

    def get(self, name: str) -> Blob | None:
        blob = super().get(name)
        if self.abort and name.startswith("release-requests/"):
            abort, self.abort = self.abort, None
            ReleaseStore(self).ask(FIRST, abort)
        return blob


@pytest.mark.parametrize("kind", ["hold", "resume", "promote"])
@pytest.mark.parametrize("earlier", [None, "hold"])
def test_an_abort_is_not_lost_to_what_is_asked_at_the_same_moment(
    kind: Literal["hold", "resume", "promote"], earlier: Literal["hold"] | None
) -> None:
    blobs = AsksMeanwhile()
    store = ReleaseStore(blobs)
    if earlier:
        store.ask(FIRST, ReleaseRequest(earlier, "cleo@example.com", "", NOW))
    blobs.abort = abort = ReleaseRequest("abort", "ana@example.com", "complaints", NOW)
    store.ask(FIRST, ReleaseRequest(kind, "ben@example.com", "", NOW, 0))

    assert store.request(FIRST) == abort


def test_a_request_whose_answer_was_lost_is_left_once() -> None:
    store = ReleaseStore(LostAnswers())
    store.ask(FIRST, ReleaseRequest("hold", "ben@example.com", "", NOW))
    abort = ReleaseRequest("abort", "ana@example.com", "complaints", NOW)
    store.ask(FIRST, abort)
    assert store.request(FIRST) == abort


def test_an_endpoint_has_one_owner_and_a_generation_that_grows() -> None:
    store = EndpointStore(MemoryBlobStore())
    assert store.claim(ENDPOINT, FIRST)
    assert store.claim(ENDPOINT, FIRST)
    assert not store.claim(ENDPOINT, SECOND)
    assert not store.desire(ENDPOINT, SECOND, {V1: 100})
    assert store.desire(ENDPOINT, FIRST, {V1: 100})
    store.give_back(ENDPOINT, SECOND, None, None)
    assert (store.read(ENDPOINT).owner, store.read(ENDPOINT).generation) == (FIRST, 2)

    store.give_back(ENDPOINT, FIRST, Serving(V1, None), None)

    assert store.claim(ENDPOINT, SECOND)
    assert (store.read(ENDPOINT).champion, store.read(ENDPOINT).generation) == (Serving(V1, None), 4)


def test_what_a_first_version_wanted_is_wanted_no_more_when_it_was_given_up() -> None:
    store = EndpointStore(MemoryBlobStore())
    store.claim(ENDPOINT, FIRST)
    store.desire(ENDPOINT, FIRST, {V1: 100})

    store.give_back(ENDPOINT, FIRST, None, None)

    assert dict(store.read(ENDPOINT).desired) == {}


def test_an_ended_owner_is_replaced() -> None:
    store = EndpointStore(MemoryBlobStore())
    store.claim(ENDPOINT, FIRST)
    assert store.claim(ENDPOINT, SECOND, instead_of=FIRST)


def test_traffic_that_does_not_sum_to_a_hundred_is_never_wanted() -> None:
    store = EndpointStore(MemoryBlobStore())
    store.claim(ENDPOINT, FIRST)
    with pytest.raises(ValueError, match="sums to 100"):
        store.desire(ENDPOINT, FIRST, {V1: 90})
