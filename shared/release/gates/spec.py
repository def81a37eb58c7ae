"""What a gate's file exports, and what it is given to judge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel

from shared.domain.releases.verdict import GateResult, Verdict
from shared.metrics.aggregates import FILE, Aggregate, find_aggregate
from shared.metrics.catalogue import OWN, Metric
from shared.metrics.estimates import Estimate, UnusableEvidenceError, WrongEvidenceError, measured, require_enough
from shared.metrics.rows import Layout, read_sample
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
        scores: row_id, label, both versions' answers and the columns to slice by, one row per evaluated row; None for
            gates that need only the model.
        has_champion: False for a first release, whose champion_score is meaningless.
        lineage: of the challenger, for gates that are judged before the evaluation.
        aggregates: what the evaluation measured itself.
        tests: the results of the model's own tests: of a JSON file its content, of an XML file its text.
    """

    scores: pd.DataFrame | None
    has_champion: bool
    lineage: Lineage = field(default_factory=Lineage)
    aggregates: tuple[Aggregate, ...] = ()
    tests: object = None

    def estimate(self, metric: Metric, layout: Layout) -> Estimate | Aggregate:
        """Return one version's metric, of rows enough for its bounds.

        Raises:
            UnusableEvidenceError: it cannot be judged.
        """
        if aggregate := self.aggregate(metric, layout):
            return aggregate
        sample = read_sample(metric, self.scores, layout)
        estimate = measured(sample)
        require_enough(sample)
        return estimate

    def aggregate(self, metric: Metric, layout: Layout) -> Aggregate | None:
        """Return a metric of the user's own as the evaluation measured it; None where each row has a score of it.

        Raises:
            UnusableEvidenceError: it cannot be judged.
        """
        if metric.needs != OWN or (self.scores is not None and layout.own + metric.name in self.scores.columns):
            return None
        aggregate = find_aggregate(self.aggregates, metric.name, layout.own.rstrip("_"))
        if aggregate is None and self.aggregates:
            lacking = f"neither a column {layout.own}{metric.name} nor an entry of it in {FILE} is there"
            raise WrongEvidenceError(f"{lacking}; write one of them")
        return aggregate


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


def unusable(name: str, what: str, error: UnusableEvidenceError) -> GateResult:
    """Return what a gate says of evidence that it cannot judge: too little may become enough; what does not fit the
    metric never will, and fails at once with what to write instead."""
    verdict = Verdict.FAIL if isinstance(error, WrongEvidenceError) else Verdict.INCONCLUSIVE
    return GateResult(name, verdict, f"{what}: {error}")


def check_confidence(value: float) -> float:
    """Return the percentage.

    Raises:
        ValueError: it is that of no decision.
    """
    if not 50 <= value <= 99.9:
        raise ValueError(f"a confidence of {value:g}% decides nothing; write 50% to 99.9%, e.g. 95%")
    return value
