"""A version that another was converted to, e.g. to ONNX, answers like it, and as fast: `{conversion: {}}`.

The evaluation scores each row with both. A row differs when its scores are farther apart than the tolerance (of scores
above 1: relative to them), or on different sides of the threshold. The version is as fast when it takes longer on half
of the rows at most, which bounds the median of the rows' ratios. PASS when the upper Clopper-Pearson bounds of both
shares are within what is allowed, FAIL when a lower one is beyond it, else inconclusive.
Source: C. J. Clopper and E. S. Pearson, Biometrika 26 (1934).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pydantic import Field, field_validator

from shared.domain.releases.verdict import GateResult, Verdict
from shared.metrics.bounds import share_at_least, share_at_most
from shared.metrics.estimates import UnusableEvidenceError
from shared.metrics.rows import CHALLENGER, Layout, numbers
from shared.policy.sections.quantities import Percent
from shared.policy.sections.section import Section
from shared.release.gates.spec import GateEvidence, GateSpec, check_confidence, unusable

ORIGINAL = Layout.of_version("original")


class Conversion(Section):
    """How many rows may be answered otherwise, and how many times as long an answer may take; null leaves that out."""

    differ_at_most: Percent = 1.0
    tolerance: float = Field(default=1e-4, ge=0)
    threshold: float | None = 0.5
    time_ratio_at_most: float | None = Field(default=1.0, gt=0)
    confidence: Percent = 95.0

    _is_a_confidence = field_validator("confidence")(check_confidence)

    def bound_problems(self) -> Iterator[tuple[str, str]]:
        is_possible = 0 < self.differ_at_most < 100
        yield "differ_at_most", "" if is_possible else "no rows prove that none or all differ; write e.g. 1%"


def judge(gate: Conversion, evidence: GateEvidence) -> GateResult:
    name, ratio = title(gate), gate.time_ratio_at_most
    try:
        original, converted = numbers(evidence.scores, ORIGINAL.score, CHALLENGER.score)
        apart = np.abs(converted - original)
        differs = apart > gate.tolerance * np.maximum(np.abs(original), 1.0)
        if gate.threshold is not None:
            differs |= (original >= gate.threshold) != (converted >= gate.threshold)
        counts = [("differ", differs, gate.differ_at_most / 100)]
        if ratio is not None:
            seconds = numbers(evidence.scores, f"{ORIGINAL.own}seconds", f"{CHALLENGER.own}seconds")
            counts.append((f"take more than {ratio:g} times as long", seconds[1] > ratio * seconds[0], 0.5))
    except UnusableEvidenceError as exc:
        return unusable(name, "the conversion cannot be judged", exc)
    shown, words, alpha = {"largest": float(apart.max())}, [], 1 - gate.confidence / 100
    verdict = Verdict.PASS
    for what, rows, share in counts:
        count, low, high = int(rows.sum()), *(bound(int(rows.sum()), len(rows), alpha) for bound in _BOUNDS)
        words.append(f"{count:,} of {len(rows):,} rows {what} ({low:.2%} to {high:.2%}; {share:.4g} may)")
        shown[what] = float(count)
        if low > share:
            verdict = Verdict.FAIL
        elif high > share and verdict is Verdict.PASS:
            verdict = Verdict.INCONCLUSIVE
    return GateResult(name, verdict, f"{'; '.join(words)}; scores are up to {apart.max():.3g} apart", shown)


_BOUNDS = share_at_least, share_at_most


def title(gate: Conversion) -> str:  # noqa: ARG001 - every gate has one shape
    return "conversion"


SPEC = GateSpec("conversion", Conversion, "evaluation", judge, title)
