"""What a gate's file exports, and what it is given to judge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel

from shared.domain.releases.verdict import GateResult
from shared.ports.jobs import JobRecord
from shared.ports.workspace import ModelRecord

if TYPE_CHECKING:
    import pandas as pd


Needs = Literal["model", "training-data", "evaluation"]


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a model version came from.

    Args:
        model: None when the registry does not have it (any more).
        job: that made it; None when none is recorded, or it is gone.
        training_data: the rows it was trained on; None when no gate asked for them, or they cannot be read.
        problem: why they cannot be read.
    """

    model: ModelRecord | None = None
    job: JobRecord | None = None
    training_data: pd.DataFrame | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class GateEvidence:
    """What the gates of one release look at.

    Args:
        scores: row_id, label (0 or 1), champion_score, challenger_score and the columns to slice by, one row
            per evaluated row; None for gates that need only the model.
        has_champion: False for a first release, whose champion_score is meaningless.
        lineage: of the challenger, for gates that are judged before the evaluation.
    """

    scores: pd.DataFrame | None
    has_champion: bool
    lineage: Lineage = field(default_factory=Lineage)


@dataclass(frozen=True, slots=True)
class GateSpec:
    """A gate, as its file exports it under the name SPEC.

    Args:
        kind: its name in the policy.
        section: its settings in the policy.
        needs: "model" and "training-data" can be judged before the evaluation.
        judge: pure; called with the section and the evidence.
        title: names one such gate, e.g. "metric roc_auc".
    """

    kind: str
    section: type[BaseModel]
    needs: Needs
    judge: Callable[[Any, GateEvidence], GateResult]
    title: Callable[[Any], str]
