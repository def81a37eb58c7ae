"""No group of rows is served much worse than the whole: `{slices: {by: [carrier], metric: recall, min_ratio: 0.8}}`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator

from shared.domain.verdict import GateResult, Verdict
from shared.drift.metrics import METRICS, Direction
from shared.policy.section import Section
from shared.release.gates.spec import GateEvidence, GateSpec
from shared.release.gates.table import CHALLENGER, LABEL, UnusableEvidenceError, check_metric, measured, numbers

if TYPE_CHECKING:
    import pandas as pd

# Below this a group's metric is mostly noise; such groups are named as not judged.
FEWEST_ROWS = 100
FEWEST_POSITIVES = 20
NAMED = 5


class Slices(Section):
    """Which columns group the rows, and how far a group may fall behind the whole.

    `small_groups` says what groups mean that are too small to be judged.
    """

    by: tuple[str, ...] = Field(min_length=1)
    metric: str
    min_ratio: float = Field(gt=0, le=1)
    small_groups: Literal["ignore", "inconclusive"] = "ignore"

    _known = field_validator("metric")(check_metric)


def judge(gate: Slices, evidence: GateEvidence) -> GateResult:
    """Compare each group's metric with the whole's; where lower is better the ratio is turned round."""
    name = title(gate)
    try:
        labels, scores = numbers(evidence.scores, LABEL, CHALLENGER)
        whole = measured(gate.metric, labels, scores)
        ratios, skipped = _ratios(gate, evidence.scores, whole)
    except UnusableEvidenceError as exc:
        return GateResult(name, Verdict.INCONCLUSIVE, f"{gate.metric} by {', '.join(gate.by)}: {exc}")
    if not ratios:
        return GateResult(
            name,
            Verdict.INCONCLUSIVE,
            f"{gate.metric} by {', '.join(gate.by)}: every group is too small, below {FEWEST_ROWS} rows or "
            f"{FEWEST_POSITIVES} of label 1",
        )
    worst = min(ratios, key=lambda group: ratios[group])
    verdict = Verdict.PASS if ratios[worst] >= gate.min_ratio else Verdict.FAIL
    if verdict is Verdict.PASS and skipped and gate.small_groups == "inconclusive":
        verdict = Verdict.INCONCLUSIVE
    reason = (
        f"{gate.metric} of {worst} is {ratios[worst]:.2f} times the whole's {whole:.4g}; "
        f"at least {gate.min_ratio:g} times is asked for ({len(ratios)} groups judged, {_small(skipped)})"
    )
    found = {
        "worst_ratio": ratios[worst],
        "whole": whole,
        "judged": float(len(ratios)),
        "too_small": float(len(skipped)),
    }
    return GateResult(name, verdict, reason, found)


def title(gate: Slices) -> str:
    return f"slices {gate.metric} by {', '.join(gate.by)}"


def _small(skipped: list[str]) -> str:
    named = f": {', '.join(skipped[:NAMED])}{', …' if len(skipped) > NAMED else ''}" if skipped else ""
    return f"{len(skipped)} too small{named}"


def _ratios(gate: Slices, table: pd.DataFrame | None, whole: float) -> tuple[dict[str, float], list[str]]:
    """Return each judged group's ratio to the whole, and the groups that were too small."""
    if table is None or whole <= 0:
        raise UnusableEvidenceError(f"{gate.metric} is {whole:g} on all rows, so there is no ratio to it")
    missing = [column for column in gate.by if column not in table.columns]
    if missing:
        raise UnusableEvidenceError(f"the evaluation lacks {', '.join(missing)}")
    is_higher_better = METRICS[gate.metric].direction is Direction.HIGHER_IS_BETTER
    ratios: dict[str, float] = {}
    skipped: list[str] = []
    for column in gate.by:
        # Rows without a value are a group too: they must not slip through.
        for value, rows in table.groupby(column, dropna=False, observed=True):
            labels, scores = numbers(rows, LABEL, CHALLENGER)
            if len(rows) < FEWEST_ROWS or labels.sum() < FEWEST_POSITIVES:
                skipped.append(f"{column} {value}")
                continue
            part = measured(gate.metric, labels, scores)
            ratios[f"{column} {value}"] = part / whole if is_higher_better else whole / max(part, 1e-12)
    return ratios, skipped


SPEC = GateSpec("slices", Slices, "evaluation", judge, title)
