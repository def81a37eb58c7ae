"""The judgement of a default batch deployment by how its jobs end."""

from __future__ import annotations

from collections.abc import Sequence

from shared.domain.releases.verdict import Judgement, Verdict

FAILED = frozenset({"Failed", "NotResponding"})


def judge_jobs(statuses: Sequence[str], failed_at_most: int, excused: int = 0) -> Judgement:
    """Return fail when more jobs failed than the bound; a job that a person canceled is not counted.

    Args:
        statuses: of the jobs since the deployment became the default, as Azure ML names them.
        excused: of those that failed, on whose input the previous version failed, too.
    """
    failed = sum(status in FAILED for status in statuses) - excused
    completed = sum(status == "Completed" for status in statuses)
    numbers = {"jobs": float(len(statuses)), "jobs_completed": float(completed), "jobs_failed": float(failed)}
    summary = f"{failed} of {len(statuses)} jobs failed, {completed} completed ({failed_at_most} may fail)"
    if excused:
        summary = f"{summary}; {excused} more failed on an input that the champion cannot score, either"
    if failed > failed_at_most:
        return Judgement(Verdict.FAIL, summary, numbers=numbers)
    if completed:
        return Judgement(Verdict.PASS, summary, numbers=numbers)
    return Judgement(Verdict.INCONCLUSIVE, summary if statuses else "no job has run", bool(statuses), numbers)
