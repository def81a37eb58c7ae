"""No group of rows is served much worse than the whole: `{slices: {by: [carrier], metric: recall, min_ratio: 0.8}}`.

Each group's metric g is compared with the whole's w by the bounds of g − min_ratio × w (of losses: by their
logarithms), which join the bounds of both by their correlation, for the group is a part of the whole. FAIL when the
upper bound is below 0 for any group, at 5 % over all groups; PASS when each group reaches the ratio, and is proven to
reach SLACK less; else inconclusive: a group at the ratio itself could never be proven to be.
Source: G. Y. Zou and A. Donner, Statistics in Medicine 27 (2008).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from shared.domain.releases.verdict import GateResult, Verdict
from shared.metrics.aggregates import FILE, Aggregate, find_aggregate
from shared.metrics.bounds import BoundedValue, difference_bounds, value_bounds
from shared.metrics.estimates import (
    FEWEST_ROWS,
    Estimate,
    Sample,
    UnusableEvidenceError,
    WrongEvidenceError,
    measured,
    require_enough,
)
from shared.metrics.rows import CHALLENGER, read_sample
from shared.policy.sections.measured import Measured as MeasuredSection
from shared.release.gates.fairness import named, rows_of_groups
from shared.release.gates.spec import GateEvidence, GateSpec, unusable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

Measured = Estimate | Aggregate
ERROR, SLACK = 0.05, 0.1


class Slices(MeasuredSection):
    """Which columns group the rows, and how far a group may fall behind the whole.

    `small_groups` says what groups mean that are too small to be judged.
    """

    by: tuple[str, ...] = Field(min_length=1)
    min_ratio: float = Field(gt=0, le=1)
    small_groups: Literal["ignore", "inconclusive"] = "ignore"


@dataclass(frozen=True, slots=True)
class Group:
    """A group's ratio to the whole, above 1 when it is served better, and what the bounds say."""

    name: str
    ratio: float
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Part:
    """A group's metric, and the correlation of its value with the whole's."""

    name: str
    value: Measured
    correlation: float


def judge(gate: Slices, evidence: GateEvidence) -> GateResult:
    """Compare each group's metric with the whole's; where lower is better the ratio is turned round."""
    name, what = title(gate), f"{gate.metric} by {', '.join(gate.by)}"
    try:
        whole, parts, small = _measured_parts(gate, evidence)
        groups = _compared_groups(gate, whole, parts)
    except UnusableEvidenceError as exc:
        return unusable(name, what, exc)
    if not groups:
        return GateResult(name, Verdict.INCONCLUSIVE, f"{what}: every group is too small{named(small)}")
    verdict = next(
        (worst for worst in (Verdict.FAIL, Verdict.INCONCLUSIVE) if any(group.verdict is worst for group in groups)),
        Verdict.PASS,
    )
    worst = min((group for group in groups if group.verdict is verdict), key=lambda group: group.ratio)
    if verdict is Verdict.PASS and small and gate.small_groups == "inconclusive":
        verdict = Verdict.INCONCLUSIVE
    unclear = [group.name for group in groups if group.verdict is Verdict.INCONCLUSIVE]
    reason = (
        f"{gate.metric} of {worst.name} is {worst.ratio:.2f} times the whole's {whole.value:.4g}; at least "
        f"{gate.min_ratio:g} times is asked for ({len(groups)} groups judged, {len(unclear)} of them too close to tell"
        f"{named(unclear)}, {len(small)} too small{named(small)})"
    )
    numbers_ = {
        "worst_ratio": worst.ratio,
        "whole": whole.value,
        "judged": float(len(groups)),
        "unclear": float(len(unclear)),
        "too_small": float(len(small)),
    }
    return GateResult(name, verdict, reason, numbers_)


def title(gate: Slices) -> str:
    return f"slices {gate.metric} by {', '.join(gate.by)}"


def _measured_parts(gate: Slices, evidence: GateEvidence) -> tuple[Measured, list[Part], list[str]]:
    """Return the whole, the groups that can be judged, and the names of those that are too small.

    Raises:
        UnusableEvidenceError: a column is missing, or the whole has no value.
    """
    if aggregate := evidence.aggregate(gate.measure, CHALLENGER):
        return aggregate, *_given_parts(gate, aggregate, evidence.aggregates)
    table, sample = evidence.scores, read_sample(gate.measure, evidence.scores, CHALLENGER)
    whole = measured(sample)
    if table is None or (missing := [column for column in gate.by if column not in table.columns]):
        existing = ", ".join(map(str, table.columns)) if table is not None else "no rows"
        raise WrongEvidenceError(f"the evaluation lacks {', '.join(missing)}; it has {existing}")
    parts: list[Part] = []
    small: list[str] = []
    for name, rows in chain.from_iterable(rows_of_groups(table, (column,)) for column in gate.by):
        try:
            part = _estimate(sample, rows)
            parts.append(Part(name, part, _shared(part, whole, rows)))
        except UnusableEvidenceError:
            small.append(name)
    return whole, parts, small


def _given_parts(gate: Slices, whole: Aggregate, aggregates: tuple[Aggregate, ...]) -> tuple[list[Part], list[str]]:
    """Return the groups that the evaluation measured itself; what they share with the whole is not known.

    Raises:
        WrongEvidenceError: it measured none.
    """
    groups = dict.fromkeys(other.slice for other in aggregates if other.slice.partition("=")[0] in gate.by)
    if not groups:
        raise WrongEvidenceError(
            f'{FILE} gives {gate.metric} of no group; write entries with e.g. "slice": "{gate.by[0]}=…"'
        )
    parts, small = [], []
    for group in groups:
        try:
            part = find_aggregate(aggregates, whole.metric, whole.version, group)
        except UnusableEvidenceError:
            part = None
        if part is None:
            small.append(group)
        else:
            parts.append(Part(group, part, 0.0))
    return parts, small


def _compared_groups(gate: Slices, whole: Measured, parts: list[Part]) -> list[Group]:
    """Return what each group is.

    Raises:
        UnusableEvidenceError: the whole's metric allows no ratio.
    """
    if whole.value <= 0:
        raise UnusableEvidenceError(f"{gate.metric} is {whole.value:g} on all rows, so there is no ratio to it")
    confidences = 1 - ERROR, 1 - ERROR / max(len(parts), 1)
    wholes = tuple(_bounded(gate, whole, confidence) for confidence in confidences)
    return [_compared(gate, part, wholes, confidences) for part in parts]


def _estimate(sample: Sample, rows: NDArray[np.intp]) -> Estimate:
    """Return the estimate of a group that is large enough; one that has none of a class is not.

    Raises:
        UnusableEvidenceError: it is too small.
    """
    if len(rows) < FEWEST_ROWS:
        raise UnusableEvidenceError(f"{len(rows):,} rows are too few")
    group = sample.take(rows)
    require_enough(group)
    return measured(group)


def _compared(gate: Slices, group: Part, wholes: tuple[BoundedValue, ...], confidences: tuple[float, ...]) -> Group:
    """Return what a group is: bad when even the upper bound says so, good when it is at the ratio and the lower bound
    is not far below."""
    name, part, correlation = group.name, group.value, group.correlation
    least = max(gate.min_ratio - SLACK, gate.min_ratio / 2)
    bounded, strict = (_bounded(gate, part, confidence) for confidence in confidences)
    if not gate.measure.is_higher_better:
        ratio = math.inf if part.value == 0 else math.exp(wholes[0].value - bounded.value)
        low, _ = difference_bounds(wholes[0], _shifted(bounded, math.log(least)), correlation)
        _, high = difference_bounds(wholes[1], _shifted(strict, math.log(gate.min_ratio)), correlation)
    else:
        ratio = part.value / wholes[0].value
        low, _ = difference_bounds(bounded, _times(wholes[0], least), correlation)
        _, high = difference_bounds(strict, _times(wholes[1], gate.min_ratio), correlation)
    if high < 0:
        return Group(name, ratio, Verdict.FAIL)
    return Group(name, ratio, Verdict.PASS if ratio >= gate.min_ratio and low >= 0 else Verdict.INCONCLUSIVE)


def _bounded(gate: Slices, estimate: Measured, confidence: float) -> BoundedValue:
    """Return the value and its bounds; of losses their logarithms, whose differences are ratios."""
    low, high = value_bounds(estimate, confidence)
    if gate.measure.is_higher_better:
        return BoundedValue(estimate.value, low, high)
    return BoundedValue(*(math.log(max(value, 1e-300)) for value in (estimate.value, low, high)))


def _times(bounded: BoundedValue, factor: float) -> BoundedValue:
    return BoundedValue(bounded.value * factor, bounded.low * factor, bounded.high * factor)


def _shifted(bounded: BoundedValue, by: float) -> BoundedValue:
    return BoundedValue(bounded.value + by, bounded.low + by, bounded.high + by)


def _shared(part: Estimate, whole: Estimate, rows: NDArray[np.intp]) -> float:
    """Return the correlation of a group's value and the whole's."""
    size = math.sqrt(float(np.sum(part.parts**2)) * float(np.sum(whole.parts**2)))
    return float(np.sum(part.parts * whole.parts[rows])) / size if size > 0 else 0.0


SPEC = GateSpec("slices", Slices, "evaluation", judge, title)
