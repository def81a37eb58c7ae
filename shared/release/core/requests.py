"""What people asked of a running release, as its states see it."""

from __future__ import annotations

from dataclasses import replace

from shared.domain.notice import NoticeKind
from shared.domain.releases.release import Release, ReleaseRequest
from shared.domain.releases.verdict import Judgement
from shared.release.core.observation import Observation
from shared.release.core.transitions import tell
from shared.release.core.words import request_words

# What is in the reason of every release that a person holds.
HOLD = " asked to hold"


def hold_reason(observation: Observation) -> str:
    """Return who asked to hold, and why; empty when nobody does."""
    # Records of earlier versions have the hold among the requests.
    holds = (request for request in (observation.hold, observation.request) if request and request.kind == "hold")
    return next((request_words(request) for request in holds), "")


def noted_hold(release: Release, observation: Observation) -> Release:
    """Return the release with what people want held noted, and told when a hold was taken back."""
    previous, hold = release.person_hold, observation.hold
    if hold is None or hold == previous:
        return release
    if hold.kind == "resume" and previous and previous.kind == "hold":
        reason = f"{request_words(hold)}; {request_words(previous)}"
        release = tell(release, NoticeKind.RELEASE_RESUMED, reason=reason, step=release.state)
    return replace(release, person_hold=hold)


def may_take_back(hold: ReleaseRequest, person: str, *, is_admin: bool) -> bool:
    """Return whether this person may end the hold: whose it is, or an admin."""
    return is_admin or hold.by.casefold() == person.casefold()


def promote_request(release: Release, observation: Observation) -> ReleaseRequest | None:
    """Return the request to end the bake of this very step; one for another step counts no more."""
    request = observation.request
    return request if request and request.kind == "promote" and request.step == release.step_index else None


def promotion(request: ReleaseRequest, judgement: Judgement) -> str:
    """Return the reason to move on, with what was known: a person answers for it."""
    return f"{request_words(request)}; the judge had said {judgement.verdict}: {judgement.reason}"
