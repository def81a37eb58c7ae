"""Asking people whether a release may go on, and what they answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from shared.domain.ids import ModelName, ModelVersion, ReleaseId


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """One question to people, bound to the evidence they see.

    Args:
        digest: of the evidence; new evidence is a new question, and the old answers are void.
        quorum: how many must agree.
        submitter: the human behind the release, who may be barred from approving; None when no human is.
        submitter_is_unknown: a human may be behind it whom nobody could name: any of those who approve may be them, so
            that `quorum` holds one more than the policy asks for.
        evidence: (name, value) pairs in the order to be shown, plain text.
    """

    release: ReleaseId
    model: ModelName
    version: ModelVersion
    step: str
    digest: str
    requested_at: datetime
    expires_at: datetime
    approvers: tuple[str, ...]
    quorum: int
    submitter: str | None
    submitter_may_approve: bool
    evidence: tuple[tuple[str, str], ...]
    submitter_is_unknown: bool = False


@dataclass(frozen=True, slots=True)
class Vote:
    """One person's answer; a person has one, and it stays.

    Args:
        person: the address as which they decide.
        oid: their object id, by which answers are distinguished and counted; "" in records of earlier versions.
        addresses: every address that their sign-in showed: one of them may be the submitter's.
    """

    person: str
    choice: Literal["approve", "reject"]
    reason: str
    at: datetime
    oid: str = ""
    addresses: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return self.oid or self.person

    def is_by_same(self, other: Vote) -> bool:
        """Return whether one person gave both: under one object id, or one address."""
        return self.person == other.person or (bool(self.oid) and self.oid == other.oid)


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome of the request; written once, and never replaced. `closed`: its release ended otherwise."""

    choice: Literal["approved", "rejected", "expired", "closed"]
    by: tuple[str, ...]
    reason: str
    at: datetime
