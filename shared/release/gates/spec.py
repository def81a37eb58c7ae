"""What a gate's file exports, and what it is given to judge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel

from shared.domain.verdict import GateResult

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class GateEvidence:
    """What the gates of one release look at.

    Args:
        scores: row_id, label (0 or 1), champion_score, challenger_score and the columns to slice by, one row
            per evaluated row; None for gates that need only the model.
        has_champion: False for a first release, whose champion_score is meaningless.
        seed: derived from the release, so that judging again gives the same answer.
    """

    scores: pd.DataFrame | None
    has_champion: bool
    seed: int


@dataclass(frozen=True, slots=True)
class GateSpec:
    """A gate, as its file exports it under the name SPEC.

    Args:
        kind: its name in the policy.
        section: its settings in the policy.
        needs: "model" when it can be judged before the evaluation.
        judge: pure; called with the section and the evidence.
        title: names one such gate, e.g. "metric roc_auc".
    """

    kind: str
    section: type[BaseModel]
    needs: Literal["model", "evaluation"]
    judge: Callable[[Any, GateEvidence], GateResult]
    title: Callable[[Any], str]
