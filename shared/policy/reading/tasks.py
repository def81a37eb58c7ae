"""Whether the metrics that a policy names judge its task; without one, whether any task has them all."""

from __future__ import annotations

from collections.abc import Iterator

from shared.metrics.catalogue import Metric, task_problem
from shared.policy.sections.model import Policy


def task_problems(policy: Policy) -> Iterator[tuple[str, str, str]]:
    """Yield the section and the place in it of each metric that cannot be judged, and what to write instead."""
    earlier: list[tuple[str, Metric]] = []
    for key, section in policy.sections.items():
        name_metrics = getattr(section, "metrics", None)
        for path, metric in name_metrics() if name_metrics else ():
            if policy.task:
                problem = task_problem(metric, policy.task)
            else:
                problem = _contradiction(metric, earlier)
                earlier.append((f"{key}.{path}", metric))
            if problem:
                yield key, path, problem


def _contradiction(metric: Metric, earlier: list[tuple[str, Metric]]) -> str:
    for place, other in earlier:
        if not metric.tasks & other.tasks:
            return (
                f"{metric.name} is a metric of {metric.task_words}, and {other.name} in {place} of {other.task_words}; "
                "write metrics of one task, which task: names"
            )
    return ""
