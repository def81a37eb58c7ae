"""The smoke test: the challenger must answer one request before it gets traffic."""

from __future__ import annotations

from shared.domain.releases.plan import SmokeTestPlan
from shared.ports.workspace import Answer
from shared.release.core.words import duration

# The first answer of a process that has just come up is slow, and may be none.
SMOKE_TRIES = 3


def smoke_problem(plan: SmokeTestPlan, answer: Answer | None) -> str:
    """Return what is wrong with the answer; empty when it is as it should be."""
    if answer is None:
        return "it does not answer the smoke test"
    if not 200 <= answer.status < 300:
        return f"it answered the smoke test with {answer.status}: {answer.text:.200}"
    if plan.answers_within and answer.seconds > plan.answers_within.total_seconds():
        return f"it took {answer.seconds:.2g} s for the smoke test, and may take {duration(plan.answers_within)}"
    return ""
