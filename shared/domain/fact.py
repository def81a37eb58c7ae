"""What happened, freed from its wire shape: one fact, however many events announced it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from shared.domain.ids import EndpointName, FactKey, JobName, ModelName, ModelVersion

RunOutcome = Literal["completed", "failed", "canceled"]


@dataclass(frozen=True, slots=True)
class ModelRegistered:
    model: ModelName
    version: ModelVersion
    kind: Literal["model-registered"] = "model-registered"


@dataclass(frozen=True, slots=True)
class ModelDeployed:
    """A deployment came up. `models` are "name:version"; empty when the service did not say."""

    endpoint: EndpointName
    models: tuple[str, ...]
    kind: Literal["model-deployed"] = "model-deployed"


@dataclass(frozen=True, slots=True)
class RunEnded:
    """A run reached its end. `model` and `cause` come from our own tags; None when the run is not ours."""

    run: JobName
    outcome: RunOutcome
    experiment: str
    model: ModelName | None = None
    cause: str | None = None
    kind: Literal["run-ended"] = "run-ended"


@dataclass(frozen=True, slots=True)
class FeatureDrift:
    """One feature's measured drift. `threshold` is the bound it crossed, in the metric's own unit."""

    feature: str
    metric: str
    value: float
    threshold: float


# What dataset monitors of Azure ML's first SDK find has no name of its own.
DATASET_SIGNAL = "dataset-drift"


@dataclass(frozen=True, slots=True)
class DriftDetected:
    """A monitor found drift. `features` come strongest first; `detail` is a plain sentence or the raw text; `report`
    is the id of the monitor's stored report, "" when there is none."""

    model: ModelName | None
    monitor: str
    signal: str
    run: str
    features: tuple[FeatureDrift, ...]
    detail: str
    report: str = ""
    kind: Literal["drift-detected"] = "drift-detected"


@dataclass(frozen=True, slots=True)
class MonitorContradicted:
    """A monitor called something a breach that its own numbers show to be good news, or do not show to be bad."""

    monitor: str
    signal: str
    run: str
    detail: str
    kind: Literal["monitor-contradicted"] = "monitor-contradicted"


@dataclass(frozen=True, slots=True)
class BudgetCrossed:
    """Spending crossed a threshold. `percent`, the threshold, is of the budget; money is in `currency` units.

    Args:
        alert: the sender's own id of the alert; "" when it gave none.
        covers_workspace: whether what the budget counts is known to hold our workspace.
    """

    budget: str
    percent: float
    basis: Literal["actual", "forecasted"]
    amount: float
    spent: float
    currency: str
    period_start: date | None
    alert: str = ""
    covers_workspace: bool = True
    kind: Literal["budget-crossed"] = "budget-crossed"

    @property
    def reached_percent(self) -> float:
        """Return how much of the budget is reached: what is spent may be far beyond the threshold that told it.

        A forecast is of what it says, since nothing of it is spent.
        """
        if self.basis == "forecasted" or self.amount <= 0:
            return self.percent
        return max(self.percent, round(100 * self.spent / self.amount, 4))


@dataclass(frozen=True, slots=True)
class EndpointDegraded:
    """An alert rule fired (or resolved) on an endpoint.

    Args:
        alert: the sender's own id of it; "" when it gave none.
        endpoint_type: which of the endpoints of that name is meant; "" when it was not told.
    """

    endpoint: EndpointName
    deployment: str | None
    rule: str
    condition: Literal["fired", "resolved"]
    fired_at: datetime
    detail: str
    alert: str = ""
    endpoint_type: Literal["", "online", "batch"] = ""
    kind: Literal["endpoint-degraded"] = "endpoint-degraded"


@dataclass(frozen=True, slots=True)
class DataArrived:
    """A new version of a data asset is ready, or something new lies at `location`.

    `version` is None when only a location is known, and `data` is empty when no asset is named. A `location` in the
    workspace's own storage is azureml://datastores/workspaceblobstore/paths/…
    """

    data: str
    version: str | None
    location: str
    kind: Literal["data-arrived"] = "data-arrived"


@dataclass(frozen=True, slots=True)
class RetrainingRequested:
    """A person, a schedule or a pipeline asked for a training. `request` makes it one request however often it is sent.

    `commit`, `repository` and `run_url` are of the pipeline's run; "" when none asked.
    """

    model: ModelName
    request: str
    reason: str
    requested_by: str
    commit: str = ""
    repository: str = ""
    run_url: str = ""
    kind: Literal["retraining-requested"] = "retraining-requested"


@dataclass(frozen=True, slots=True)
class PolicyStateChanged:
    """Azure Policy judged a resource again.

    Args:
        resource, assignment, definition: ARM ids, lower-cased.
        compliance: in Azure's words: Compliant, NonCompliant, Exempt, Conflict, Unknown, …
        changed_at: when it was judged, UTC; events arrive in any order, so the latest of these counts.
    """

    resource: str
    assignment: str
    definition: str
    compliance: str
    changed_at: datetime
    kind: Literal["policy-state-changed"] = "policy-state-changed"

    @property
    def is_violation(self) -> bool:
        return self.compliance.lower() == "noncompliant"


@dataclass(frozen=True, slots=True)
class ImagePushed:
    """An image came into a container registry. `digest` identifies it; `tag` is None for a push by digest."""

    registry: str
    repository: str
    digest: str
    tag: str | None
    kind: Literal["image-pushed"] = "image-pushed"


FactBody = (
    ModelRegistered
    | ModelDeployed
    | RunEnded
    | DriftDetected
    | MonitorContradicted
    | BudgetCrossed
    | EndpointDegraded
    | DataArrived
    | RetrainingRequested
    | PolicyStateChanged
    | ImagePushed
)


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that happened.

    Args:
        source: where it happened: the ARM id of the workspace, topic or budget, lower-cased.
        identity: the values that make two events the same fact, in a fixed order.
        matters: values that must agree between events of the same fact; a difference is a contradiction
            to quarantine, not a duplicate.
        event_id: the event that told us first; another event may tell the same fact again.
        occurred_at: UTC, timezone-aware.
    """

    body: FactBody
    source: str
    subject: str
    identity: tuple[str, ...]
    occurred_at: datetime
    event_id: str
    matters: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        return self.body.kind

    @property
    def key(self) -> FactKey:
        """Return 64 hex digits that are the same for every event that tells this fact."""
        return FactKey(_digest(self.source, self.kind, *self.identity))

    @property
    def payload_digest(self) -> str:
        return _digest(*self.matters)


@dataclass(frozen=True, slots=True)
class Ignored:
    """An event that tells nothing we act on.

    `is_known` is False where somebody may wonder: a type nobody here reads, or a source that is not ours.
    """

    event_id: str
    type: str
    reason: str
    is_known: bool


def _digest(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts, ensure_ascii=True).encode()).hexdigest()
