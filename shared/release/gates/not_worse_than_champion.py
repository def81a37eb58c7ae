"""The challenger is not worse than the champion by more than a margin, proven on the same rows.

Non-inferiority: PASS when the lower confidence bound of the gain (challenger − champion, in the good direction) is
above −margin, FAIL when even the upper bound is below it, else inconclusive. For accuracy and recall the bounds are
Tango's, which count the rows on which just one version is right; without a margin McNemar's exact test must agree. All
others are those of bounds.py: what both versions find hard cancels.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import Field, field_validator

from shared.domain.releases.verdict import GateResult, Verdict
from shared.metrics.binary import METRICS, Direction
from shared.metrics.bounds import Bounds, gain_bounds
from shared.metrics.estimates import estimated
from shared.metrics.table import (
    CHALLENGER,
    CHAMPION,
    LABEL,
    UnusableEvidenceError,
    check_confidence,
    check_metric,
    measured,
    numbers,
    require_enough,
)
from shared.policy.sections.quantities import Percent
from shared.policy.sections.section import Section
from shared.release.gates.paired import PAIRED, Discordant, discordant
from shared.release.gates.spec import GateEvidence, GateSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]


class NotWorseThanChampion(Section):
    """How much worse the challenger may be, and how sure that must be."""

    metric: str
    margin: float = Field(default=0.0, ge=0)
    confidence: Percent = 95.0

    _is_metric = field_validator("metric")(check_metric)
    _is_a_confidence = field_validator("confidence")(check_confidence)

    def bound_problems(self) -> Iterator[tuple[str, str]]:
        yield "margin", METRICS[self.metric].change_problem(self.margin)


def judge(gate: NotWorseThanChampion, evidence: GateEvidence) -> GateResult:
    name = title(gate)
    if not evidence.has_champion:
        return GateResult(
            name, Verdict.PASS, f"{gate.metric}: no champion serves, so there is nothing to be worse than"
        )
    try:
        columns = numbers(evidence.scores, LABEL, CHAMPION, CHALLENGER)
        values = measured(gate.metric, *columns[:2]), measured(gate.metric, columns[0], columns[2])
        require_enough(gate.metric, *columns)
    except UnusableEvidenceError as exc:
        return GateResult(name, Verdict.INCONCLUSIVE, f"{gate.metric} cannot be compared: {exc}")
    rows = discordant(gate.metric, *columns) if gate.metric in PAIRED else None
    low, high = rows.bounds(gate.confidence / 100) if rows else _bounds(gate, *columns)
    verdict = Verdict.PASS if low >= -gate.margin else Verdict.FAIL if high < -gate.margin else Verdict.INCONCLUSIVE
    if rows and gate.margin == 0 and rows.probability() > 1 - gate.confidence / 100:
        verdict = Verdict.INCONCLUSIVE
    numbers_ = {"champion": values[0], "challenger": values[1], "low": low, "high": high, "margin": gate.margin}
    reason = _reason(gate, values, (low, high), len(columns[0]), verdict)
    if rows is None:
        return GateResult(name, verdict, reason, numbers_)
    counts = {"gained": float(rows.gained), "lost": float(rows.lost), "mcnemar_p": rows.probability()}
    return GateResult(name, verdict, f"{reason}; {_discordant_words(rows)}", {**numbers_, **counts})


def title(gate: NotWorseThanChampion) -> str:
    return f"not worse than champion {gate.metric}"


def _bounds(gate: NotWorseThanChampion, labels: Numbers, champion: Numbers, challenger: Numbers) -> Bounds:
    """Return the one-sided bounds of the gain, in the good direction."""
    versions = estimated(gate.metric, labels, champion), estimated(gate.metric, labels, challenger)
    low, high = gain_bounds(gate.metric, *versions, gate.confidence / 100)
    return (low, high) if METRICS[gate.metric].direction is Direction.HIGHER_IS_BETTER else (-high, -low)


def _reason(
    gate: NotWorseThanChampion,
    values: tuple[float, float],
    bounds: tuple[float, float],
    rows: int,
    verdict: Verdict,
) -> str:
    outcome = {
        Verdict.PASS: "not worse than the margin",
        Verdict.FAIL: "worse than the margin",
        Verdict.INCONCLUSIVE: "too close to tell",
    }[verdict]
    return (
        f"{gate.metric} is {values[1]:.4g}, the champion's {values[0]:.4g}, on {rows:,} rows: {outcome} of "
        f"{gate.margin:g} ({gate.confidence:g} % bounds of the gain {bounds[0] + 0:+.4g} to {bounds[1] + 0:+.4g})"
    )


def _discordant_words(rows: Discordant) -> str:
    return (
        f"only it was right on {rows.gained:,} rows and only the champion on {rows.lost:,}, "
        f"p = {rows.probability():.2g} by McNemar's exact test"
    )


SPEC = GateSpec("not_worse_than_champion", NotWorseThanChampion, "evaluation", judge, title)
