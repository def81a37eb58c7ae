"""Letting people decide: the rules (pure), and the service that applies them.

A question is decided once, by one blob, whoever comes first: the last needed approval, a rejection, or the deadline.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shared.domain.ids import ReleaseId
from shared.domain.messages import WakeRelease
from shared.domain.releases.approval import ApprovalRequest, Decision, Vote
from shared.errors import PermanentError
from shared.ports.clock import Clock
from shared.ports.queues import RELEASES, MessageQueue
from shared.store.releases.approvals import ApprovalRecords

Choice = Literal["approve", "reject"]
Code = Literal[
    "approved",
    "rejected",
    "waiting",
    "not_approver",
    "submitter",
    "changed",
    "decided",
    "answered",
    "expired",
    "closed",
    "reason_missing",
    "unknown",
]
STATUS: dict[Code, int] = {
    "approved": 200,
    "rejected": 200,
    "waiting": 200,
    "reason_missing": 400,
    "not_approver": 403,
    "submitter": 403,
    "unknown": 404,
    "changed": 409,
    "decided": 409,
    "answered": 409,
    "expired": 410,
    "closed": 410,
}
LONGEST_REASON = 2000


@dataclass(frozen=True, slots=True)
class VoteResult:
    """What came of an answer.

    Args:
        by: who decided or answered, when that is why this answer did not count.
        decision: what the question came to, if it is decided.
        missing: approvals still needed.
    """

    code: Code
    by: tuple[str, ...] = ()
    decision: Decision | None = None
    missing: int = 0

    @property
    def status(self) -> int:
        return STATUS[self.code]


def bar_to_vote(
    request: ApprovalRequest, person: str, addresses: Iterable[str] = ()
) -> Literal["not_approver", "submitter"] | None:
    """Return why this person may not decide, None when they may. Addresses differ not by case.

    Args:
        person: the address as which they decide.
        addresses: every other address of theirs: none of them may be the submitter's.
    """
    if person.lower() not in {approver.lower() for approver in request.approvers}:
        return "not_approver"
    theirs = {address.lower() for address in (person, *addresses)}
    is_submitter = request.submitter is not None and request.submitter.lower() in theirs
    return "submitter" if is_submitter and not request.submitter_may_approve else None


def _counted(request: ApprovalRequest, votes: Sequence[Vote]) -> list[Vote]:
    """Return the answers that count, first given first: one per person, of those who may decide."""
    counted: list[Vote] = []
    for vote in votes:
        is_new = not any(vote.is_by_same(other) for other in counted)
        if is_new and vote.at < request.expires_at and bar_to_vote(request, vote.person, vote.addresses) is None:
            counted.append(vote)
    return counted


def tally(request: ApprovalRequest, votes: Sequence[Vote], now: datetime) -> Decision | None:
    """Return what the question has come to; None while it is open.

    One rejection ends it; answers given before the deadline count also when they are counted after it.
    Answers of people who may not decide do not count.
    """
    counted = _counted(request, votes)
    for vote in counted:
        if vote.choice == "reject":
            return Decision("rejected", (vote.person,), vote.reason, vote.at)
    if len(counted) >= max(request.quorum, 1):
        reasons = "; ".join(vote.reason for vote in counted if vote.reason)
        return Decision("approved", tuple(vote.person for vote in counted), reasons, counted[-1].at)
    if now >= request.expires_at:
        return Decision("expired", (), "nobody decided in time", request.expires_at)
    return None


def refusal(
    request: ApprovalRequest, votes: Sequence[Vote], decision: Decision | None, vote: Vote, digest: str
) -> VoteResult | None:
    """Return why an answer is not taken, or what it came to when it was given before; None to take it."""
    barred = bar_to_vote(request, vote.person, vote.addresses)
    if barred:
        return VoteResult(barred)
    if digest != request.digest:
        return VoteResult("changed")
    if vote.choice == "reject" and not vote.reason:
        return VoteResult("reason_missing")
    if decision is not None:
        return after_decision(decision, vote)
    if vote.at >= request.expires_at:
        return VoteResult("expired")
    previous = next((v for v in votes if v.is_by_same(vote)), None)
    if previous is not None and previous.choice != vote.choice:
        return VoteResult("answered", (vote.person,))
    return None


def after_decision(decision: Decision, vote: Vote) -> VoteResult:
    """Return the answer to a vote on a decided question: the same one to those whose vote made it what it is."""
    if decision.choice in {"expired", "closed"}:
        return VoteResult("expired" if decision.choice == "expired" else "closed", (), decision)
    agrees = (decision.choice == "approved") == (vote.choice == "approve")
    if agrees and vote.person in decision.by:
        return VoteResult(decision.choice, decision.by, decision)
    return VoteResult("decided", decision.by, decision)


@dataclass(frozen=True, slots=True)
class Question:
    """An open or decided question with the answers so far."""

    request: ApprovalRequest
    votes: tuple[Vote, ...]
    decision: Decision | None


@dataclass(frozen=True, slots=True)
class Approvals:
    """Asks, takes votes and decides. The release engine uses `open` and `decision`, the pages use the rest."""

    records: ApprovalRecords
    queue: MessageQueue
    clock: Clock

    def open(self, request: ApprovalRequest) -> None:
        self.records.ask(request)

    def close(self, release: ReleaseId, digest: str, reason: str) -> None:
        if self.records.request(release, digest) is not None:
            self.records.decide(release, digest, Decision("closed", (), reason, self.clock.now()))

    def decision(self, release: ReleaseId, digest: str) -> Decision | None:
        """Return what the question came to, deciding it when its time is up; None while open or never asked."""
        request = self.records.request(release, digest)
        return None if request is None else self._decided(request)

    def question(self, release: ReleaseId) -> Question | None:
        """Return the release's current question; None when it never asked. Changes nothing."""
        request = self.records.newest_request(release)
        if request is None:
            return None
        votes = self.records.votes(release, request.digest)
        decision = self.records.decision(release, request.digest) or tally(request, votes, self.clock.now())
        return Question(request, votes, decision)

    def open_questions(self) -> tuple[Question, ...]:
        """Return what waits for people, the most urgent first."""
        questions = []
        for release in self.records.releases_undecided():
            # One record that cannot be read must not hide the others; its release tells of it.
            with suppress(PermanentError):
                questions += [question] if (question := self.question(release)) else []
        waiting = (question for question in questions if question.decision is None)
        return tuple(sorted(waiting, key=lambda question: question.request.expires_at))

    def vote(
        self,
        release: ReleaseId,
        digest: str,
        person: str,
        choice: Choice,
        reason: str,
        *,
        oid: str = "",
        addresses: Iterable[str] = (),
    ) -> VoteResult:
        """Take a person's answer to the question they saw, and have the release looked at when that decides it.

        Args:
            digest: of the evidence they saw.
            person: the e-mail address as which they decide.
            oid: their object id, by which they have one answer under whatever address.
            addresses: every address that their sign-in showed.
        """
        request = self.records.newest_request(release)
        if request is None:
            return VoteResult("unknown")
        short_reason = " ".join(reason.split())[:LONGEST_REASON]
        vote = Vote(person.lower(), choice, short_reason, self.clock.now(), oid, tuple(sorted(addresses)))
        votes = self.records.votes(release, request.digest)
        earlier_decision = self.records.decision(release, request.digest)
        refused = refusal(request, votes, earlier_decision, vote, digest)
        if refused is not None:
            return refused
        stays = self.records.cast(release, digest, vote)
        if stays.choice != choice:
            return VoteResult("answered", (stays.person,))
        decision = self._decided(request)
        if decision is None:
            return VoteResult("waiting", missing=self._missing(request))
        self.queue.send(RELEASES, WakeRelease(release).to_body())
        return after_decision(decision, stays)

    def _missing(self, request: ApprovalRequest) -> int:
        votes = _counted(request, self.records.votes(request.release, request.digest))
        given = sum(vote.choice == "approve" for vote in votes)
        return max(request.quorum - given, 1)

    def _decided(self, request: ApprovalRequest) -> Decision | None:
        decision = self.records.decision(request.release, request.digest)
        if decision is not None:
            return decision
        votes = self.records.votes(request.release, request.digest)
        reached = tally(request, votes, self.clock.now())
        return None if reached is None else self.records.decide(request.release, request.digest, reached)
