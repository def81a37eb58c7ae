"""The challenger is not worse than the champion by more than a margin, proven on the same rows.

Non-inferiority: PASS when the lower confidence bound of the gain (challenger − champion, in the good direction) is
above −margin, FAIL when even the upper bound is below it, else inconclusive. For shares of the same rows (accuracy,
recall, top-3 accuracy) the bounds are Tango's, which count the rows on which just one version is right; without a
margin McNemar's exact test must agree. All others are those of bounds.py: what both versions find hard cancels.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field, field_validator

from shared.domain.releases.verdict import GateResult, Verdict
from shared.metrics.bounds import gain_bounds
from shared.metrics.estimates import UnusableEvidenceError
from shared.metrics.rows import CHALLENGER, CHAMPION
from shared.policy.sections.measured import Measured
from shared.policy.sections.quantities import Percent
from shared.release.gates.paired import Discordant, discordant
from shared.release.gates.spec import GateEvidence, GateSpec, check_confidence, unusable


class NotWorseThanChampion(Measured):
    """How much worse the challenger may be, and how sure that must be."""

    margin: float = Field(default=0.0, ge=0)
    confidence: Percent = 95.0

    _is_a_confidence = field_validator("confidence")(check_confidence)

    def bound_problems(self) -> Iterator[tuple[str, str]]:
        yield "margin", self.measure.change_problem(self.margin)


def judge(gate: NotWorseThanChampion, evidence: GateEvidence) -> GateResult:
    name = title(gate)
    if not evidence.has_champion:
        return GateResult(
            name, Verdict.PASS, f"{gate.metric}: no champion serves, so there is nothing to be worse than"
        )
    try:
        champion, challenger = (evidence.estimate(gate.measure, layout) for layout in (CHAMPION, CHALLENGER))
        rows, confidence = discordant(champion.hits, challenger.hits), gate.confidence / 100
        low, high = rows.bounds(confidence) if rows else gain_bounds(champion, challenger, confidence)
    except UnusableEvidenceError as exc:
        return unusable(name, f"{gate.metric} cannot be compared", exc)
    values = champion.value, challenger.value
    if not gate.measure.is_higher_better:
        low, high = -high, -low
    verdict = Verdict.PASS if low >= -gate.margin else Verdict.FAIL if high < -gate.margin else Verdict.INCONCLUSIVE
    if rows and gate.margin == 0 and rows.probability() > 1 - gate.confidence / 100:
        verdict = Verdict.INCONCLUSIVE
    numbers_ = {"champion": values[0], "challenger": values[1], "low": low, "high": high, "margin": gate.margin}
    reason = _reason(gate, values, (low, high), challenger.rows, verdict)
    if rows is None:
        return GateResult(name, verdict, reason, numbers_)
    counts = {"gained": float(rows.gained), "lost": float(rows.lost), "mcnemar_p": rows.probability()}
    return GateResult(name, verdict, f"{reason}; {_discordant_words(rows)}", {**numbers_, **counts})


def title(gate: NotWorseThanChampion) -> str:
    return f"not worse than champion {gate.metric}"


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
