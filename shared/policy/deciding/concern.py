"""Which policies a fact is about; nothing is done about one that no policy is about."""

from __future__ import annotations

import re

from shared.domain.arm_ids import EndpointId, workspace_of
from shared.domain.fact import (
    DATASET_SIGNAL,
    BudgetCrossed,
    DriftDetected,
    EndpointDegraded,
    Fact,
    ImagePushed,
    ModelDeployed,
    ModelRegistered,
    MonitorContradicted,
    PolicyStateChanged,
    RetrainingRequested,
    RunEnded,
)
from shared.policy.sections.budgets import Budget
from shared.policy.sections.model import Policy
from shared.policy.sections.monitoring import Monitor

# The name of a job that we started, from the fact that it answers and its place in the plan.
_OUR_JOB = re.compile(r"job-[0-9a-f]{16}-[0-9]+")


def concerns(fact: Fact, policy: Policy) -> bool:
    """Return whether the fact is about the policy's model or endpoint.

    New data names no model: it concerns every policy, and its rules decide. So does the workspace's own
    compliance, and the end of a job of ours whose event carries no tags.
    """
    match fact.body:
        case RunEnded(model=None, run=run):
            return _OUR_JOB.fullmatch(run) is not None
        case ModelRegistered(model=model) | RetrainingRequested(model=model) | RunEnded(model=model):
            return model == policy.model
        case DriftDetected(model=None) | MonitorContradicted() as finding:
            monitor = policy.section(Monitor)
            return monitor is not None and any(_is_reported_by(finding, monitored.name) for monitored in monitor.azure)
        case DriftDetected(model=model):
            return model == policy.model
        case EndpointDegraded(endpoint=endpoint, endpoint_type=type_):
            return endpoint == policy.endpoint.name and type_ in {"", policy.endpoint.type}
        case ModelDeployed(endpoint=endpoint):
            return endpoint == policy.endpoint.name
        case PolicyStateChanged(resource=resource):
            judged = EndpointId.parse(resource)
            return judged.name == policy.endpoint.name.lower() if judged else workspace_of(resource) == resource
        case BudgetCrossed() as crossed:
            budget = policy.section(Budget)
            return budget is not None and budget.listens_to(crossed, fact.source)
        case ImagePushed():
            return False
    return True


def _is_reported_by(finding: DriftDetected | MonitorContradicted, monitor: str) -> bool:
    """Return whether that Azure monitor reported it: its signals' names begin with its own name; a dataset monitor's
    signals have no name."""
    return finding.signal.startswith(monitor) or (finding.signal == DATASET_SIGNAL and finding.monitor == monitor)


def unconcerned(fact: Fact) -> str:
    """Return why no policy reacts to the fact, in words for the record."""
    match fact.body:
        case ModelRegistered(model=model) | RetrainingRequested(model=model):
            return f"no policy is about model {model!r}"
        case RunEnded(run=run, model=None):
            return f"run {run} is not ours: it carries no tag vigia.model"
        case DriftDetected(model=None, signal=signal) | MonitorContradicted(signal=signal):
            return f"no policy lists an Azure monitor that signal {signal!r} belongs to (monitor.azure_monitors)"
        case RunEnded(model=model) | DriftDetected(model=model):
            return f"no policy is about model {model!r}"
        case EndpointDegraded(endpoint=endpoint, endpoint_type=type_):
            return f"no policy is about {f'{type_} endpoint'.strip()} {endpoint!r}"
        case ModelDeployed(endpoint=endpoint):
            return f"no policy is about endpoint {endpoint!r}"
        case PolicyStateChanged(resource=resource):
            return f"no policy is about {resource}"
        case BudgetCrossed(budget=budget):
            return f"no policy listens to budget {budget!r} ({fact.source}): name it under budget.name"
        case ImagePushed(repository=repository):
            return f"images are recorded only: nothing reacts to {repository}"
    return "there is no policy"
