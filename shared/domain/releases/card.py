"""A version's card: what people who ask later need to know of why it was released, or was not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from shared.domain.ids import EndpointName, JobName, ModelName, ModelVersion, ReleaseId
from shared.domain.releases.approval import Decision
from shared.domain.releases.release import ReleaseState, Transition
from shared.domain.releases.verdict import GateResult, Judgement


@dataclass(frozen=True, slots=True)
class DataUsed:
    """An input of a job, its asset with the version, and how many rows it held; None when nobody counted them."""

    purpose: str
    reference: str
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Attributions:
    """What a version leans on: the mean absolute attribution of each feature, in any unit, by `method`, e.g. "shap"."""

    version: ModelVersion
    method: str
    features: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the workspace knew of a version when it was judged.

    Args:
        ran: each step of the training to its component, or to its code and environment.
        tags: of the model, then of its training job.
        problems: what could not be read, one sentence each; it is read again while there are any.
    """

    training: JobName | None = None
    evaluation: JobName | None = None
    ran: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    data: tuple[DataUsed, ...] = ()
    attributions: tuple[Attributions, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VersionCard:
    """The card. Its JSON form has these fields; later versions only add some.

    Args:
        state: of the release; the card is complete once it has ended.
        fact: the key of the fact that opened the release, for `vigia why`.
        gates: every gate that was judged, with its numbers: value, bounds, groups.
        judgement: the last one of the version while it served; None when it did not, or nobody looked.
        limits: what was not judged, and why, one sentence each.
    """

    release: ReleaseId
    model: ModelName
    version: ModelVersion
    endpoint: EndpointName
    champion: ModelVersion | None
    state: ReleaseState
    reason: str
    cause: str
    submitter: str | None
    opened_at: datetime
    updated_at: datetime
    fact: str
    policy_digest: str
    evidence: Evidence
    gates: tuple[GateResult, ...]
    judgement: Judgement | None
    decision: Decision | None
    story: tuple[Transition, ...]
    limits: tuple[str, ...]
    format: int = 1
