"""What is remembered about one model between facts; the input of every decision besides the fact itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from shared.domain.fact import RunOutcome
from shared.domain.ids import DeploymentName, FactKey, JobName, ModelName, ReleaseId


@dataclass(frozen=True, slots=True)
class Training:
    """A training that was started. `cause` is "drift", "schedule", "request", "new-data" or "performance".

    `outcome` is None until the end of its job is reported; `ended_at` is the time of the end in that report. `problem`
    is why it failed, as far as Azure ML could say then, and `link` its page in the studio. `metrics` are those that it
    logged of training and validation rows.
    """

    job: JobName
    fact: FactKey
    cause: str
    started_at: datetime
    chain: int = 0
    outcome: RunOutcome | None = None
    ended_at: datetime | None = None
    problem: str = ""
    link: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Declined:
    """A training that did not start although it was planned: a guardrail held it back, or Azure ML refused it.

    `at` is when the worker that heard it had claimed the fact; one that claimed it earlier was overtaken.
    """

    job: JobName
    at: datetime


@dataclass(frozen=True, slots=True)
class Freeze:
    """Retraining is stopped. `until` is None when only a person lifts it."""

    reason: str
    since: datetime
    fact: FactKey
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class WaitingData:
    """New data that no training has read whole: a guardrail held its training back, or it is still being written.

    `since` is when the first of it was reported; from `ready_at` on it is taken to be complete. `what`
    came last.
    """

    since: datetime
    ready_at: datetime
    what: str


@dataclass(frozen=True, slots=True)
class Challenger:
    """The deployment that the release under way brings; `takes_requests` once it was given traffic, or copies of it."""

    deployment: DeploymentName
    takes_requests: bool


@dataclass(frozen=True, slots=True)
class ModelState:
    """What decisions look at.

    Args:
        trainings: newest last.
        frozen_by: facts that asked for a freeze, newest last, whether or not it was lifted since.
        declined: newest last; what a worker that was overtaken must not start any more.
        release: the release that owns the model's endpoint now; read afresh for each decision, never stored.
        challenger: what that release brings; likewise.
        waiting: new data that is to be trained on once nothing holds that back any more.
    """

    model: ModelName
    trainings: tuple[Training, ...] = ()
    freeze: Freeze | None = None
    release: ReleaseId | None = None
    declined: tuple[Declined, ...] = ()
    frozen_by: tuple[FactKey, ...] = ()
    challenger: Challenger | None = None
    waiting: WaitingData | None = None
