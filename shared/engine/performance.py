"""One look at a model's performance, when labels of served rows arrived."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.domain.ids import DeploymentName, EndpointName
from shared.drift.signal import SignalReport
from shared.errors import PermanentError
from shared.policy.model import Policy
from shared.policy.signals import Performance
from shared.ports.data import DataReader
from shared.release.sections import Evaluate
from shared.store.monitors import MonitorState

SIGNAL = "performance"


@dataclass(frozen=True, slots=True)
class LabelledLook:
    """What labels showed about the rows served since `start`. `evidence` is the labels' version."""

    signal: SignalReport
    start: datetime
    evidence: str


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
) -> LabelledLook | None:
    """Return what the newest labels show about the rows served lately; None when there are no newer labels."""
    labels = data.pinned(labels_of(policy, performance))
    if labels == state.labels_seen:
        return None
    start = now - performance.labels_within
    try:
        signal = _judged(data, policy.endpoint.name, performance, deployment, labels, start, now)
    except PermanentError as exc:
        signal = SignalReport(SIGNAL, "error", str(exc), 0)
    except ValueError as exc:
        signal = SignalReport(SIGNAL, "error", f"labels {labels}: {exc}", 0)
    return LabelledLook(signal, start, labels)


def _judged(
    data: DataReader,
    endpoint: EndpointName,
    performance: Performance,
    deployment: DeploymentName,
    labels: str,
    start: datetime,
    end: datetime,
) -> SignalReport:
    from shared.drift.performance import PerformanceRules, judge_performance

    scored = data.collected_predictions(endpoint, deployment, start, end)
    if scored.empty:
        return SignalReport(SIGNAL, "insufficient-data", "no answers were collected yet", 0)
    rules = PerformanceRules(
        performance.metric,
        performance.at_least,
        performance.key,
        performance.label,
        performance.minimum_rows,
        performance.at_most,
    )
    return judge_performance(scored, data.table(labels), rules).as_signal(rules)
