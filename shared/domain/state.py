"""What is remembered about one model between facts; the input of every decision besides the fact itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.domain.ids import FactKey, JobName, ModelName, ModelVersion


@dataclass(frozen=True, slots=True)
class Training:
    """A training that was started. `cause` is "drift", "schedule", "request", "new-data" or "performance"."""

    job: JobName
    fact: FactKey
    cause: str
    started_at: datetime
    chain: int = 0


@dataclass(frozen=True, slots=True)
class Freeze:
    """Retraining is stopped. `until` is None when only a person lifts it."""

    reason: str
    since: datetime
    fact: FactKey
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ModelState:
    """Trainings newest last; `highest_version` is the highest version ever opened for release."""

    model: ModelName
    trainings: tuple[Training, ...] = ()
    freeze: Freeze | None = None
    highest_version: ModelVersion | None = None
