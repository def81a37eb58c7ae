"""A version's card: what people who ask later need to know of why it was released, or was not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from shared.domain.ids import JobName
from shared.domain.releases.approval import Decision
from shared.domain.releases.release import Release


@dataclass(frozen=True, slots=True)
class DataUsed:
    """An input of a job, its asset with the version, and how many rows it held; None when nobody counted them."""

    purpose: str
    reference: str
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Attributions:
    """What a version leans on: the mean absolute attribution of each feature, in any unit, by `method`, e.g. "shap"."""

    version: str
    method: str
    features: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the workspace knew of a version when it was judged.

    Args:
        ran: each step of the training to its component, or to its code and environment.
        tags: of the model, and of its training job.
        problems: what could not be read, one sentence each; it is read again while there are any.
    """

    training: JobName | None = None
    ran: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    data: tuple[DataUsed, ...] = ()
    attributions: tuple[Attributions, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VersionCard:
    """The card, complete once the release has ended. Later versions of its JSON form only add fields.

    Args:
        release: with the plan that it followed, each gate's result, and its story.
        decision: what people decided; None when nobody was asked, or has answered.
        limits: what was not judged, and why, one sentence each.
    """

    release: Release
    updated_at: datetime
    evidence: Evidence
    decision: Decision | None
    limits: tuple[str, ...]
    format: int = 1
