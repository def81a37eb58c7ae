"""The challenger is not worse than the champion by more than a margin, proven on the same rows.

Non-inferiority: PASS when the lower confidence bound of the difference (challenger − champion, in the good direction)
is above −margin, FAIL when even the upper bound is below it, else inconclusive. For roc_auc the bounds are DeLong's,
for accuracy and recall Tango's, which count the rows on which just one version is right; without a margin McNemar's
exact test must agree. For all else they are those of a paired percentile bootstrap: rows are drawn with both versions'
scores together, so what both find hard cancels.
Source: delong.py; paired.py; B. Efron and R. J. Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field, field_validator

from shared.domain.verdict import GateResult, Verdict
from shared.drift.metrics import METRICS, Direction, MetricUndefinedError
from shared.policy.quantities import Percent
from shared.policy.section import Section
from shared.release.gates.delong import difference
from shared.release.gates.paired import PAIRED, Discordant, discordant
from shared.release.gates.spec import GateEvidence, GateSpec
from shared.release.gates.table import (
    CHALLENGER,
    CHAMPION,
    LABEL,
    UnusableEvidenceError,
    check_metric,
    measured,
    numbers,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

RESAMPLES = 600
FEWEST_ROWS = 50


class NotWorseThanChampion(Section):
    """How much worse the challenger may be, and how sure that must be."""

    metric: str
    margin: float = Field(default=0.0, ge=0)
    confidence: Percent = 95.0

    _known = field_validator("metric")(check_metric)

    @field_validator("confidence")
    @classmethod
    def _is_a_confidence(cls, value: float) -> float:
        if not 50 <= value <= 99.9:
            raise ValueError(f"a confidence of {value:g}% decides nothing; write 50% to 99.9%, e.g. 95%")
        return value


def judge(gate: NotWorseThanChampion, evidence: GateEvidence) -> GateResult:
    name = title(gate)
    if not evidence.has_champion:
        return GateResult(
            name, Verdict.PASS, f"{gate.metric}: no champion serves, so there is nothing to be worse than"
        )
    try:
        labels, champion, challenger = _enough(numbers(evidence.scores, LABEL, CHAMPION, CHALLENGER))
        values = measured(gate.metric, labels, champion), measured(gate.metric, labels, challenger)
        rows = discordant(gate.metric, labels, champion, challenger) if gate.metric in PAIRED else None
        low, high = _bounds(gate, (labels, champion, challenger), rows, evidence.seed)
    except UnusableEvidenceError as exc:
        return GateResult(name, Verdict.INCONCLUSIVE, f"{gate.metric} cannot be compared: {exc}")
    verdict = Verdict.PASS if low >= -gate.margin else Verdict.FAIL if high < -gate.margin else Verdict.INCONCLUSIVE
    if rows and gate.margin == 0 and rows.probability() > 1 - gate.confidence / 100:
        verdict = Verdict.INCONCLUSIVE
    numbers_ = {"champion": values[0], "challenger": values[1], "low": low, "high": high, "margin": gate.margin}
    reason = _reason(gate, values, (low, high), len(labels), verdict)
    if rows is None:
        return GateResult(name, verdict, reason, numbers_)
    known = {"gained": float(rows.gained), "lost": float(rows.lost), "mcnemar_p": rows.probability()}
    return GateResult(name, verdict, f"{reason}; {_discordant_words(rows)}", {**numbers_, **known})


def title(gate: NotWorseThanChampion) -> str:
    return f"not worse than champion {gate.metric}"


def _enough(columns: tuple[Numbers, ...]) -> tuple[Numbers, ...]:
    rows = len(columns[0])
    if rows < FEWEST_ROWS:
        raise UnusableEvidenceError(f"{rows} rows are too few; {FEWEST_ROWS} are needed")
    return columns


def _bounds(
    gate: NotWorseThanChampion, columns: tuple[Numbers, ...], rows: Discordant | None, seed: int
) -> tuple[float, float]:
    """Return the one-sided lower and upper confidence bounds of the gain."""
    labels, champion, challenger = columns
    if rows is not None:
        return rows.bounds(gate.confidence / 100)
    if gate.metric == "roc_auc":
        from scipy.special import ndtri

        gain, error = difference(labels, champion, challenger)
        reach = float(ndtri(gate.confidence / 100)) * error
        return gain - reach, gain + reach
    differences = _resampled(gate.metric, labels, champion, challenger, seed)
    low, high = np.quantile(differences, [1 - gate.confidence / 100, gate.confidence / 100]).tolist()
    return low, high


def _resampled(metric: str, labels: Numbers, champion: Numbers, challenger: Numbers, seed: int) -> Numbers:
    """Return challenger − champion in the good direction, one value per resample; resamples on which the
    metric has no value are left out."""
    generator = np.random.default_rng(seed)
    known = METRICS[metric]
    sign = 1.0 if known.direction is Direction.HIGHER_IS_BETTER else -1.0
    found = []
    for _ in range(RESAMPLES):
        rows = generator.integers(0, len(labels), len(labels))
        drawn = labels[rows]
        try:
            gain = known.compute(drawn, challenger[rows], 0.5) - known.compute(drawn, champion[rows], 0.5)
        except MetricUndefinedError:
            continue
        found.append(sign * gain)
    if len(found) < RESAMPLES * 0.95:
        raise UnusableEvidenceError(f"{metric} has no value on too many resamples")
    return np.asarray(found)


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
        f"{gate.margin:g} ({gate.confidence:g} % bounds of the gain {bounds[0]:+.4f} to {bounds[1]:+.4f})"
    )


def _discordant_words(rows: Discordant) -> str:
    return (
        f"only it was right on {rows.gained:,} rows and only the champion on {rows.lost:,}, "
        f"p = {rows.probability():.2g} by McNemar's exact test"
    )


SPEC = GateSpec("not_worse_than_champion", NotWorseThanChampion, "evaluation", judge, title)
