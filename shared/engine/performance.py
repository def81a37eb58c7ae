"""One look at a model's performance, when labels of served rows arrived."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.domain.ids import DeploymentName, EndpointName
from shared.errors import PermanentError
from shared.policy.model import Policy
from shared.policy.monitoring import Performance
from shared.ports.data import DataReader
from shared.release.sections import Evaluate
from shared.store.monitors import MonitorRun, MonitorState, MonitorVerdict

SIGNAL = "performance"
_VERDICTS: dict[str, MonitorVerdict] = {
    "worse": "drift",
    "good-enough": "no-drift",
    "insufficient-data": "insufficient-data",
}


def labels_of(policy: Policy, performance: Performance) -> str:
    """Return the data asset that holds the labels; loading the policy made sure that one is named."""
    evaluate = policy.section(Evaluate)
    return performance.labels or (evaluate.data if evaluate else "")


def look_at_performance(
    data: DataReader,
    policy: Policy,
    performance: Performance,
    deployment: DeploymentName,
    state: MonitorState,
    now: datetime,
) -> MonitorRun | None:
    """Return what the newest labels show about the rows served lately; None when there are no newer labels."""
    labels = data.pinned(labels_of(policy, performance))
    if labels == state.labels_seen:
        return None
    seen = MonitorRun(
        state.model_version, SIGNAL, now - performance.labels_within, now, 0, "insufficient-data", "", evidence=labels
    )
    try:
        return _judged(data, policy.endpoint.name, performance, deployment, seen)
    except PermanentError as exc:
        return replace(seen, verdict="error", sentence=str(exc))
    except ValueError as exc:
        return replace(seen, verdict="error", sentence=f"labels {labels}: {exc}")


def _judged(
    data: DataReader, endpoint: EndpointName, performance: Performance, deployment: DeploymentName, seen: MonitorRun
) -> MonitorRun:
    from shared.drift.performance import PerformanceRules, judge_performance

    scored = data.collected_predictions(endpoint, deployment, seen.start, seen.end)
    if scored.empty:
        return replace(seen, sentence="no answers were collected yet")
    rules = PerformanceRules(performance.metric, performance.at_least, performance.key, performance.label)
    report = judge_performance(scored, data.table(seen.evidence), rules)
    return replace(seen, rows=report.rows, verdict=_VERDICTS[report.verdict], sentence=report.sentence)
