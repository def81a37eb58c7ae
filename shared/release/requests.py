"""What people asked of a running release, as its states see it."""

from __future__ import annotations

from shared.domain.release import Release, ReleaseRequest
from shared.domain.verdict import Judgement
from shared.release.observation import Observation
from shared.release.words import asked

# What is in the reason of every release that a person holds.
HOLD = " asked to hold"


def asked_to_hold(seen: Observation) -> str:
    """Return who asked to hold, and why; empty when nobody does."""
    return asked(seen.request) if seen.request and seen.request.kind == "hold" else ""


def asked_to_promote(release: Release, seen: Observation) -> ReleaseRequest | None:
    """Return the request to end the bake of this very step; one for another step counts no more."""
    request = seen.request
    return request if request and request.kind == "promote" and request.step == release.step_index else None


def promotion(request: ReleaseRequest, judgement: Judgement) -> str:
    """Return the reason to move on, with what was known: a person answers for it."""
    return f"{asked(request)}; the judge had said {judgement.verdict}: {judgement.reason}"
