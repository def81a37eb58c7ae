"""The end of a run, which two event types tell: one fact."""

from __future__ import annotations

from shared.domain.fact import Fact, RunEnded, RunOutcome
from shared.domain.ids import JobName, ModelName
from shared.events.spec import fact_of
from shared.events.wire.envelope import Envelope

MODEL_TAG = "vigia.model"
CAUSE_TAG = "vigia.cause"
# The service's own samples spell a status as Failed and as failed; both spellings of Canceled are English.
# NotResponding is no end: a run may come back from it to any earlier status.
# Source: learn.microsoft.com "JobStatus", read 2026-11-20.
_ENDINGS: dict[str, RunOutcome] = {
    "completed": "completed",
    "failed": "failed",
    "canceled": "canceled",
    "cancelled": "canceled",
}


def outcome_of(status: str) -> RunOutcome | None:
    """Return how a run of that status ended; None when it has not, as far as the service says."""
    return _ENDINGS.get(status.lower())


def run_ended(envelope: Envelope, outcome: RunOutcome) -> Fact:
    """Return the fact that the event's run ended; what it is for comes from the tags we gave it."""
    data = envelope.data
    run = JobName(data.name("runId"))
    tags = data.mapping("runTags")
    model = tags.optional_name(MODEL_TAG)
    body = RunEnded(
        run=run,
        outcome=outcome,
        experiment=data.optional_name("experimentName") or "",
        model=ModelName(model) if model else None,
        cause=tags.optional_name(CAUSE_TAG),
    )
    return fact_of(envelope, body, identity=(run,), matters=(outcome,))
