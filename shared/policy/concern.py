"""Which policies a fact is about."""

from __future__ import annotations

from shared.domain.fact import (
    DriftDetected,
    EndpointDegraded,
    Fact,
    ModelDeployed,
    ModelRegistered,
    RetrainingRequested,
    RunEnded,
)
from shared.policy.model import Policy
from shared.policy.monitoring import Monitor


def concerns(fact: Fact, policy: Policy) -> bool:
    """Return whether the fact is about the policy's model or endpoint.

    Budgets and new data name no model: they concern every policy, whose rules say whether they care.
    """
    match fact.body:
        case ModelRegistered(model=model) | RetrainingRequested(model=model) | RunEnded(model=model):
            return model == policy.model
        case DriftDetected(model=None, signal=signal):
            monitor = policy.section(Monitor)
            return monitor is not None and any(signal.startswith(name) for name in monitor.azure_monitors)
        case DriftDetected(model=model):
            return model == policy.model
        case ModelDeployed(endpoint=endpoint) | EndpointDegraded(endpoint=endpoint):
            return endpoint == policy.endpoint.name
    return True


def unconcerned(fact: Fact) -> str:
    """Return why no policy reacts to the fact, in words for the record."""
    match fact.body:
        case ModelRegistered(model=model) | RetrainingRequested(model=model):
            return f"no policy is about model {model!r}"
        case RunEnded(run=run, model=None):
            return f"run {run} is not ours: it carries no tag vigia.model"
        case DriftDetected(model=None, signal=signal):
            return f"no policy lists an Azure monitor that signal {signal!r} belongs to (monitor.azure_monitors)"
        case RunEnded(model=model) | DriftDetected(model=model):
            return f"no policy is about model {model!r}"
        case ModelDeployed(endpoint=endpoint) | EndpointDegraded(endpoint=endpoint):
            return f"no policy is about endpoint {endpoint!r}"
    return "there is no policy"
