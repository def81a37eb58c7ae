"""The hazards of letting people decide, one test each."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta

import pytest

from shared.domain.ids import ReleaseId
from shared.engine.releases.approvals import Approvals, Choice, VoteResult
from shared.errors import AmbiguousWriteError, PermanentError
from shared.ports.approvals import ApprovalStore
from shared.ports.blobs import Written
from shared.ports.queues import RELEASES
from shared.store.open_index import OPEN, OpenIndex
from shared.store.releases.approvals import ApprovalRecords
from tests.fakes.blobs import MemoryBlobStore
from tests.fakes.clock import FakeClock
from tests.fakes.queues import FakeQueues
from tests.unit.approvals.questions import ANA, BEN, EVE, RELEASE, a_request


class Office:
    """Approvals with everything they need in memory."""

    def __init__(self, blobs: MemoryBlobStore | None = None) -> None:
        self.clock = FakeClock()
        self.blobs = blobs or MemoryBlobStore(self.clock.now)
        self.queue = FakeQueues(self.clock)
        self.approvals = Approvals(ApprovalRecords(self.blobs), self.queue, self.clock)

    def vote(self, person: str, choice: Choice = "approve", reason: str = "", digest: str = "d1") -> VoteResult:
        return self.approvals.vote(RELEASE, digest, person, choice, reason)

    def decided(self, digest: str = "d1") -> str | None:
        decision = self.approvals.decision(RELEASE, digest)
        return decision.choice if decision else None


@pytest.fixture
def office() -> Office:
    office = Office()
    office.approvals.open(a_request())
    return office


def test_the_service_is_what_the_release_engine_asks_for(office: Office) -> None:
    port: ApprovalStore = office.approvals
    assert port.decision(RELEASE, "d1") is None
    assert port.decision(RELEASE, "never-asked") is None


def test_one_approval_decides_and_wakes_the_release(office: Office) -> None:
    assert office.vote(ANA, reason="looks good").status == 200
    decision = office.approvals.decision(RELEASE, "d1")
    assert decision is not None
    assert (decision.choice, decision.by, decision.reason) == ("approved", (ANA,), "looks good")
    assert [json.loads(text) for text in office.queue.texts(RELEASES)] == [{"release": "flight-delay-3"}]


def test_the_same_person_and_choice_gets_the_same_answer_again(office: Office) -> None:
    assert office.vote(ANA) == office.vote(ANA)
    assert office.vote(ANA.upper()).status == 200


def test_another_answer_to_a_decided_question_names_who_decided(office: Office) -> None:
    office.vote(ANA)
    for other in (office.vote(BEN), office.vote(BEN, "reject", "no"), office.vote(ANA, "reject", "changed my mind")):
        assert (other.status, other.code, other.by) == (409, "decided", (ANA,))
    assert office.decided() == "approved"


def test_after_the_deadline_nobody_decides_any_more(office: Office) -> None:
    office.clock.advance(timedelta(hours=24))
    assert office.vote(ANA).status == 410
    assert office.decided() == "expired"
    assert office.vote(ANA).status == 410


def test_the_submitter_may_not_decide_unless_the_policy_lets_them() -> None:
    office = Office()
    office.approvals.open(a_request(submitter=ANA.upper()))
    assert (office.vote(ANA).status, office.vote(ANA).code) == (403, "submitter")
    assert office.vote(BEN).status == 200

    lenient = Office()
    lenient.approvals.open(a_request(submitter=ANA, submitter_may_approve=True))
    assert lenient.vote(ANA).status == 200


def test_only_approvers_decide(office: Office) -> None:
    assert (office.vote(EVE).status, office.vote(EVE).code) == (403, "not_approver")
    assert office.decided() is None


def test_an_answer_to_old_evidence_does_not_count(office: Office) -> None:
    office.approvals.open(a_request(digest="d2", requested_at=office.clock.now() + timedelta(minutes=1)))
    assert (office.vote(ANA, digest="d1").status, office.vote(ANA, digest="d1").code) == (409, "changed")
    assert office.vote(ANA, digest="d2").status == 200
    assert office.decided("d1") is None


def test_asking_again_changes_nothing(office: Office) -> None:
    office.vote(ANA)
    office.approvals.open(a_request())
    assert office.decided() == "approved"
    question = office.approvals.question(RELEASE)
    assert question is not None
    assert len(question.votes) == 1


def test_a_quorum_needs_that_many_people() -> None:
    office = Office()
    office.approvals.open(a_request(quorum=2))
    first = office.vote(ANA)
    assert (first.status, first.code, first.missing) == (200, "waiting", 1)
    assert office.vote(ANA) == first
    assert office.decided() is None
    assert office.queue.texts(RELEASES) == []
    assert office.vote(BEN).code == "approved"
    decision = office.approvals.decision(RELEASE, "d1")
    assert decision is not None
    assert sorted(decision.by) == [ANA, BEN]


def test_a_person_cannot_answer_both_ways() -> None:
    office = Office()
    office.approvals.open(a_request(quorum=2))
    office.vote(ANA)
    second = office.vote(ANA, "reject", "on second thought")
    assert (second.status, second.code, second.by) == (409, "answered", (ANA,))


def test_one_rejection_ends_it_and_needs_a_reason() -> None:
    office = Office()
    office.approvals.open(a_request(quorum=2))
    office.vote(ANA)
    assert (office.vote(BEN, "reject", "  \n ").status, office.decided()) == (400, None)
    assert office.vote(BEN, "reject", "recall fell for HA").code == "rejected"
    decision = office.approvals.decision(RELEASE, "d1")
    assert decision is not None
    assert (decision.choice, decision.by, decision.reason) == ("rejected", (BEN,), "recall fell for HA")


def test_a_release_that_never_asked_is_unknown(office: Office) -> None:
    assert office.approvals.vote(ReleaseId("other"), "d1", ANA, "approve", "").status == 404


@pytest.mark.parametrize("name", ["../secrets", "a/b", "", ".", "a\x00", "x" * 300])
def test_names_cannot_leave_their_folder(office: Office, name: str) -> None:
    with pytest.raises(PermanentError):
        office.approvals.question(ReleaseId(name))


def test_a_crash_between_the_answer_and_the_decision_is_repaired(office: Office) -> None:
    office.vote(ANA)
    (decision,) = [item.name for item in office.blobs.list("approvals/") if item.name.endswith("decision.json")]
    office.blobs.delete(decision)
    office.clock.advance(timedelta(days=2))
    assert office.decided() == "approved"


class LosingBlobStore(MemoryBlobStore):
    """Creates, but the answer is lost on the way."""

    def create(self, name: str, body: bytes, metadata: Mapping[str, str] | None = None) -> Written | None:
        super().create(name, body, metadata)
        if "request" in name:
            return None
        raise AmbiguousWriteError(code="test.lost", message="the answer was lost")


class DyingBlobStore(MemoryBlobStore):
    """The worker is gone after so many writes."""

    def __init__(self, dies_at: int) -> None:
        super().__init__()
        self.remaining = dies_at

    def _write(self, name: str, body: bytes, metadata: Mapping[str, str] | None) -> Written:
        written = super()._write(name, body, metadata)
        self.remaining -= 1
        if self.remaining == 0:
            raise RuntimeError("the worker crashed")
        return written


def test_lost_answers_are_read_back() -> None:
    office = Office(LosingBlobStore())
    office.approvals.open(a_request())
    assert office.vote(ANA).code == "approved"
    assert office.vote(BEN).code == "decided"


def test_what_waits_is_listed_most_urgent_first() -> None:
    office = Office()
    office.approvals.open(a_request("later", expires_in=timedelta(hours=9)))
    office.approvals.open(a_request("sooner", expires_in=timedelta(hours=2)))
    office.approvals.open(a_request("gone", expires_in=timedelta(minutes=1)))
    office.approvals.open(a_request())
    office.vote(ANA)
    office.clock.advance(timedelta(minutes=5))
    assert [question.request.release for question in office.approvals.open_questions()] == ["sooner", "later"]


def test_open_questions_are_found_without_listing_those_that_were_decided(office: Office) -> None:
    for number in range(30):
        office.approvals.open(a_request(f"earlier-{number}"))
        office.approvals.close(ReleaseId(f"earlier-{number}"), "d1", "aborted")
    office.blobs.calls.clear()
    assert [question.request.release for question in office.approvals.open_questions()] == [RELEASE]
    assert len(office.blobs.calls) == 7
    assert not any("earlier" in call for call in office.blobs.calls)


@pytest.mark.parametrize("dies_at", [1, 2])
def test_a_question_whose_worker_crashed_is_found_once_it_is_asked_again(dies_at: int) -> None:
    office = Office(DyingBlobStore(dies_at))
    with suppress(RuntimeError):
        office.approvals.open(a_request())
    office.approvals.open(a_request())
    assert [question.request.release for question in office.approvals.open_questions()] == [RELEASE]
    office.vote(ANA)
    assert office.approvals.open_questions() == ()


def test_a_decided_question_that_is_asked_again_late_is_not_open(office: Office) -> None:
    office.vote(ANA)
    office.approvals.open(a_request())
    assert office.approvals.open_questions() == ()
    assert [item.name for item in office.blobs.list(OPEN)] == []
    OpenIndex(office.blobs).mark("approvals/flight-delay-3/d1/request.json", {})
    assert office.approvals.open_questions() == ()
    assert [item.name for item in office.blobs.list(OPEN)] == []


def test_racing_answers_and_the_deadline_make_one_decision() -> None:
    """200 questions; six threads each answer, differently, while a timer looks whether the time is up."""
    for round_number in range(200):
        office = Office()
        office.approvals.open(a_request(quorum=1 + round_number % 2))
        if round_number % 3 == 0:
            office.clock.advance(timedelta(hours=24) - timedelta(seconds=1))
        start = threading.Barrier(7)
        outcomes: list[VoteResult] = []
        digests: list[str | None] = []

        def answer(person: str, choice: Choice, office: Office, start: threading.Barrier, to: list[VoteResult]) -> None:
            start.wait()
            to.append(office.vote(person, choice, "because"))

        def expire(office: Office, start: threading.Barrier, to: list[str | None]) -> None:
            start.wait()
            office.clock.advance(timedelta(hours=1))
            to.append(office.decided())

        answers: list[tuple[str, Choice]] = [(ANA, "approve"), (BEN, "reject"), (ANA, "approve"), (BEN, "approve")]
        answers += [(ANA, "reject"), (EVE, "approve")]
        threads = [threading.Thread(target=answer, args=(p, c, office, start, outcomes)) for p, c in answers]
        threads.append(threading.Thread(target=expire, args=(office, start, digests)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        office.clock.advance(timedelta(days=2))
        final = office.approvals.decision(RELEASE, "d1")
        assert final is not None
        assert len(outcomes) == 6
        decided = {outcome.decision for outcome in outcomes if outcome.decision}
        assert decided <= {final}
        accepted = {outcome.code for outcome in outcomes if outcome.code in ("approved", "rejected")}
        assert accepted <= {final.choice}
        assert set(digests) <= {final.choice, None}
