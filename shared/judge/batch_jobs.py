"""The judgement of a default batch deployment by how its jobs end."""

from __future__ import annotations

from collections.abc import Sequence

from shared.domain.verdict import Judgement, Verdict


def judge_jobs(statuses: Sequence[str], failed_at_most: int) -> Judgement:
    """Return fail when more jobs failed than may; a job that a person canceled says nothing.

    Args:
        statuses: of the jobs since the deployment became the default, in Azure ML's words.
    """
    failed = sum(status in {"Failed", "NotResponding"} for status in statuses)
    completed = sum(status == "Completed" for status in statuses)
    numbers = {"jobs": float(len(statuses)), "jobs_completed": float(completed), "jobs_failed": float(failed)}
    words = f"{failed} of {len(statuses)} jobs failed, {completed} completed ({failed_at_most} may fail)"
    if failed > failed_at_most:
        return Judgement(Verdict.FAIL, words, numbers=numbers)
    if completed:
        return Judgement(Verdict.PASS, words, numbers=numbers)
    return Judgement(Verdict.INCONCLUSIVE, words if statuses else "no job has run", bool(statuses), numbers)
