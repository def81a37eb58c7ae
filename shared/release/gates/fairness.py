"""Groups of people are treated alike: `{fairness: {by: [gender], criterion: equal-opportunity, at_most: 0.1}}`.

A criterion compares rates (or a metric) of the groups two by two; what counts is the pair that is farthest apart, over
all groupings and rates. The largest of many differences looks large by chance, so the two sides differ: PASS when the
upper bound of every pair is within the policy's (an intersection-union test: the truly widest pair alone errs as seldom
as the confidence says, however many there are); FAIL when a pair's lower bound is beyond it, with the error divided by
the number of pairs (Bonferroni); else inconclusive. A pair's bounds join those of its two groups, which share no rows;
of ratios their logarithms are joined.
Sources: R. Berger, Technometrics 24 (1982); G. Y. Zou and A. Donner, Statistics in Medicine 27 (2008). Values as
fairlearn 0.15.0 has them: between groups, equalized odds by the worse of both rates.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from shared.domain.releases.verdict import GateResult, Verdict
from shared.drift.rows.equal import key_of
from shared.metrics.bounds import BoundedValue, difference_bounds, value_bounds
from shared.metrics.catalogue import find_metric
from shared.metrics.classes import Choices, class_text
from shared.metrics.estimates import (
    THRESHOLD,
    Estimate,
    UnusableEvidenceError,
    WrongEvidenceError,
    measured,
    require_enough,
    share,
)
from shared.metrics.rows import CHALLENGER, Layout, numbers, read_sample
from shared.policy.sections.fairness import Fairness
from shared.release.gates.spec import GateEvidence, GateSpec, unusable

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]
    Rows = NDArray[np.intp]
    Flags = NDArray[np.bool_]
    Measure = Callable[[Rows], Estimate | None]

NAMED = 5


@dataclass(frozen=True, slots=True)
class Group:
    """One group, and its value of one of the criterion's rates, or of the metric."""

    name: str
    rate: str
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class Pair:
    """Two groups of one grouping, and how far apart they are: a difference, or minus the logarithm of a ratio."""

    high: Group
    low: Group
    apart: float
    at_least: float
    at_most: float


def judge(gate: Fairness, evidence: GateEvidence) -> GateResult:
    return compare_groups(gate, evidence.scores, CHALLENGER)


def compare_groups(gate: Fairness, table: pd.DataFrame | None, layout: Layout) -> GateResult:
    """Compare the groups of a version's rows two by two."""
    try:
        families, small = _families(gate, table, layout)
    except UnusableEvidenceError as exc:
        return unusable(title(gate), gate.title, exc)
    groups = [group for family in families for group in family]
    judged = len({group.name for group in groups})
    counts = {"judged": float(judged), "too_small": float(len(small))}
    in_words = f"({judged} groups judged, {len(small)} too small{named(small)})"
    pairs = _pairs(gate, families)
    if not pairs:
        reason = f"{gate.title}: there are not two groups to compare {in_words}"
        return GateResult(title(gate), Verdict.INCONCLUSIVE, reason, counts)
    apart, at_most = max(pair.apart for pair in pairs), max(pair.at_most for pair in pairs)
    surest = max(pairs, key=lambda pair: (pair.at_least, pair.apart))
    values, limit = (apart, surest.at_least, at_most), gate.at_most
    what, bound = "difference", f"at most {limit:g}" if limit else ""
    if gate.at_least:
        values, limit = (math.exp(-apart), math.exp(-at_most), math.exp(-surest.at_least)), -math.log(gate.at_least)
        what, bound = "ratio", f"at least {gate.at_least:g}"
    verdict = Verdict.INCONCLUSIVE
    if surest.at_least > (limit or 0.0):
        verdict = Verdict.FAIL
    elif at_most <= (limit or 0.0) and not (small and gate.small_groups == "inconclusive"):
        verdict = Verdict.PASS
    reason = (
        f"{surest.high.rate} is {surest.high.estimate.value:.3g} of {surest.high.name} and "
        f"{surest.low.estimate.value:.3g} of {surest.low.name}; the {what} over all groups is {values[0]:.3g} "
        f"({values[1]:.3g} to {values[2]:.3g}, each {gate.confidence:g} % sure); {bound} is asked for {in_words}"
    )
    by_group = {f"{group.rate} of {group.name}": group.estimate.value for group in groups}
    measured_ = dict(zip((what, "at_least", "at_most"), values, strict=True))
    return GateResult(title(gate), verdict, reason, {**measured_, **counts, **by_group})


def title(gate: Fairness) -> str:
    return f"fairness {gate.title}"


def named(groups: list[str]) -> str:
    """Return the first of the groups, to be put behind their number."""
    return f": {', '.join(groups[:NAMED])}{', …' if len(groups) > NAMED else ''}" if groups else ""


def _families(gate: Fairness, table: pd.DataFrame | None, layout: Layout) -> tuple[list[list[Group]], list[str]]:
    """Return the groups that are compared with each other, for each rate and grouping, and the names of the too small.

    Raises:
        UnusableEvidenceError: there are no rows, or a column is missing or does not hold what the criterion needs.
    """
    if table is None or table.empty:
        raise UnusableEvidenceError("the evaluation has no rows")
    if missing := sorted(gate.group_columns - set(table.columns)):
        existing = ", ".join(map(str, table.columns))
        raise WrongEvidenceError(f"the evaluation lacks {', '.join(missing)}; it has {existing}")
    families: list[list[Group]] = []
    small: dict[str, None] = {}
    measures = _measures(gate, table, layout)
    for columns in gate.columns:
        groups = list(rows_of_groups(table, columns))
        for rate, measure in measures.items():
            estimates = {name: measure(rows) for name, rows in groups if len(rows) >= gate.minimum_rows}
            least = gate.minimum_rows
            enough = {name: value for name, value in estimates.items() if value and value.counted >= least}
            families.append([Group(name, rate, estimate) for name, estimate in enough.items()])
            small |= dict.fromkeys(name for name, _ in groups if name not in enough)
    return families, list(small)


def rows_of_groups(table: pd.DataFrame, columns: tuple[str, ...]) -> Iterator[tuple[str, Rows]]:
    """Yield each group's name and rows. Rows without a value are a group too: they must not slip through."""
    import pandas as pd

    codes = table.groupby(list(columns), dropna=False, sort=False, observed=True).ngroup().to_numpy()
    order = np.argsort(codes, kind="stable")
    for rows in np.split(order, np.cumsum(np.bincount(codes))[:-1]):
        values = [table[column].iloc[rows[0]] for column in columns]
        texts = ["missing" if pd.isna(value) else key_of(value) for value in values]
        yield ", ".join(f"{column} {text}" for column, text in zip(columns, texts, strict=True)), rows


def _measures(gate: Fairness, table: pd.DataFrame, layout: Layout) -> dict[str, Measure]:
    """Return how each of the criterion's rates is measured on some of the rows.

    Raises:
        UnusableEvidenceError: the columns do not hold what the criterion needs.
    """
    if gate.metric is not None:
        sample = read_sample(find_metric(gate.metric, gate.better), table, layout)

        def of_metric(rows: Rows) -> Estimate | None:
            group = sample.take(rows)
            try:
                require_enough(group)
                return measured(group)
            except UnusableEvidenceError:
                return None

        return {gate.metric: of_metric}
    selected, deserving = _flags(gate, table, layout)

    def share_among(among: Flags) -> Measure:
        def of_rows(rows: Rows) -> Estimate | None:
            chosen = selected[rows][among[rows]].astype(np.float64)
            return share(chosen) if len(chosen) else None

        return of_rows

    if gate.criterion == "demographic-parity":
        return {"selection rate": share_among(np.ones(len(table), dtype=bool))}
    rates = {"true positive rate": share_among(deserving)}
    return rates | ({"false positive rate": share_among(~deserving)} if gate.criterion == "equalized-odds" else {})


def _flags(gate: Fairness, table: pd.DataFrame, layout: Layout) -> tuple[Flags, Flags]:
    """Return which rows get the favourable class, and of which it is the label."""
    try:
        sample = read_sample(find_metric("accuracy"), table, layout)
    except WrongEvidenceError as exc:
        remedy = "numbers are judged by criterion: worst-group with metric: mae"
        raise WrongEvidenceError(f"{gate.criterion} is of classes: {exc}; {remedy}") from exc
    favourable = class_text(gate.favourable)
    if isinstance(sample, Choices):
        chosen, names = (np.array(sample.names) == favourable).astype(np.float64), sample.names
        selected, deserving = (named.per_row(len(sample), chosen) > 0 for named in (sample.predicted, sample.labels))
    else:
        labels, scores = numbers(table, layout.label, layout.score)
        names, of_zero = ("0", "1"), favourable == "0"
        selected, deserving = (scores >= THRESHOLD) != of_zero, (labels == 1) != of_zero
    if favourable not in names or not deserving.any():
        existing = ", ".join(names[:NAMED])
        raise WrongEvidenceError(f"no row has the favourable label {gate.favourable!r}; there are {existing}")
    return selected, deserving


def _pairs(gate: Fairness, families: list[list[Group]]) -> list[Pair]:
    """Return all pairs that are compared, with the bounds that the whole of them needs."""
    chosen = [pair for family in families for pair in combinations(family, 2)]
    error = 1 - gate.confidence / 100
    bounded = {
        (id(group), level): _bounded(group.estimate, 1 - level, is_ratio=gate.at_least is not None)
        for family in families
        for group in family
        for level in {error, error / max(len(chosen), 1)}
    }
    pairs = []
    for first, second in chosen:
        high, low = sorted((first, second), key=lambda group: group.estimate.value, reverse=True)
        sure, surer = (
            difference_bounds(bounded[id(high), level], bounded[id(low), level], 0.0)
            for level in (error, error / len(chosen))
        )
        apart = high.estimate.value - low.estimate.value
        if gate.at_least is not None and apart > 0:
            apart = -math.log(low.estimate.value / high.estimate.value) if low.estimate.value > 0 else math.inf
        pairs.append(Pair(high, low, apart, max(surer[0], 0.0), max(sure[1], -sure[0])))
    return pairs


def _bounded(estimate: Estimate, confidence: float, *, is_ratio: bool) -> BoundedValue:
    """Return the value and its bounds, or their logarithms; of a share of no rows that of half a row."""
    low, high = value_bounds(estimate, confidence)
    if not is_ratio:
        return BoundedValue(estimate.value, low, high)
    value = max(estimate.value, min(0.5 / estimate.counted, high))
    return BoundedValue(*(math.log(max(number, 1e-300)) for number in (value, low, high)))


SPEC = GateSpec("fairness", Fairness, "evaluation", judge, title)
