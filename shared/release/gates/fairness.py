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
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from shared.domain.releases.verdict import GateResult, Verdict
from shared.drift.rows.equal import key_of
from shared.metrics.bounds import BoundedValue, difference_bounds, value_bounds
from shared.metrics.catalogue import find_metric
from shared.metrics.classes import class_text
from shared.metrics.estimates import (
    THRESHOLD,
    Estimate,
    UnusableEvidenceError,
    WrongEvidenceError,
    measured,
    require_enough,
    share,
)
from shared.metrics.rows import CHALLENGER, LABEL, numbers, read_sample
from shared.policy.sections.fairness import Fairness
from shared.release.gates.spec import GateEvidence, GateSpec, unusable

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]
    Rows = NDArray[np.intp]
    Flags = NDArray[np.bool_]
    Measure = Callable[[Rows], Estimate | None]

PREDICTION = CHALLENGER.prediction
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
    """Compare the challenger's groups two by two."""
    name = title(gate)
    try:
        families, small = _families(gate, evidence.scores)
    except UnusableEvidenceError as exc:
        return unusable(name, gate.title, exc)
    groups = [group for family in families for group in family]
    judged = len({group.name for group in groups})
    numbers_ = {"judged": float(judged), "too_small": float(len(small))}
    pairs = _pairs(gate, families)
    if not pairs:
        reason = f"{gate.title}: there are not two groups to compare{_too_small(small)}"
        return GateResult(name, Verdict.INCONCLUSIVE, reason, numbers_)
    widest = max(pairs, key=lambda pair: pair.apart)
    at_least, at_most = max(pair.at_least for pair in pairs), max(pair.at_most for pair in pairs)
    limit = gate.at_most if gate.at_most is not None else -math.log(gate.at_least or 1)
    verdict = Verdict.INCONCLUSIVE
    if at_least > limit:
        verdict, widest = Verdict.FAIL, max(pairs, key=lambda pair: pair.at_least)
    elif at_most <= limit and not (small and gate.small_groups == "inconclusive"):
        verdict = Verdict.PASS
    values = _written(gate, widest.apart, at_least, at_most)
    reason = (
        f"{widest.high.rate} is {widest.high.estimate.value:.3g} of {widest.high.name} and "
        f"{widest.low.estimate.value:.3g} of {widest.low.name}: {_bounds_words(gate, values)} "
        f"({judged} groups judged{_too_small(small)})"
    )
    by_group = {f"{group.rate} of {group.name}": group.estimate.value for group in groups}
    return GateResult(name, verdict, reason, {**values, **numbers_, **by_group})


def title(gate: Fairness) -> str:
    return f"fairness {gate.title}"


def _written(gate: Fairness, apart: float, at_least: float, at_most: float) -> dict[str, float]:
    """Return the distance and its bounds as the policy writes it."""
    if gate.at_most is not None:
        return {"difference": apart, "at_least": at_least, "at_most": at_most}
    return {"ratio": math.exp(-apart), "at_least": math.exp(-at_most), "at_most": math.exp(-at_least)}


def _bounds_words(gate: Fairness, values: Mapping[str, float]) -> str:
    what = "difference" if gate.at_most is not None else "ratio"
    bound = f"at most {gate.at_most:g}" if gate.at_most is not None else f"at least {gate.at_least:g}"
    return (
        f"a {what} of {values[what]:.3g} (over all groups {values['at_least']:.3g} to {values['at_most']:.3g}, each "
        f"{gate.confidence:g} % sure); {bound} is asked for"
    )


def _too_small(groups: list[str]) -> str:
    named = f": {', '.join(groups[:NAMED])}{', …' if len(groups) > NAMED else ''}" if groups else ""
    return f", {len(groups)} too small{named}"


def _families(gate: Fairness, table: pd.DataFrame | None) -> tuple[list[list[Group]], list[str]]:
    """Return the groups that are compared with each other, for each rate and grouping, and the names of the too small.

    Raises:
        UnusableEvidenceError: there are no rows, or a column is missing or does not hold what the criterion needs.
    """
    if table is None or table.empty:
        raise UnusableEvidenceError("the evaluation has no rows")
    if missing := [column for columns in gate.columns for column in columns if column not in table.columns]:
        raise WrongEvidenceError(
            f"the evaluation lacks {', '.join(missing)}; it has {', '.join(map(str, table.columns))}"
        )
    measures = _measures(gate, table)
    families: list[list[Group]] = []
    small: dict[str, None] = {}
    for columns in gate.columns:
        named = list(_rows_of_groups(table, columns))
        for rate, measure in measures.items():
            estimates = {name: measure(rows) for name, rows in named if len(rows) >= gate.minimum_rows}
            enough = {
                name: estimate
                for name, estimate in estimates.items()
                if estimate and estimate.counted >= gate.minimum_rows
            }
            families.append([Group(name, rate, estimate) for name, estimate in enough.items()])
            small |= dict.fromkeys(name for name, _ in named if name not in enough)
    return families, list(small)


def _rows_of_groups(table: pd.DataFrame, columns: tuple[str, ...]) -> Iterator[tuple[str, Rows]]:
    """Yield each group's name and rows. Rows without a value are a group too: they must not slip through."""
    import pandas as pd

    codes = table.groupby(list(columns), dropna=False, sort=False, observed=True).ngroup().to_numpy()
    order = np.argsort(codes, kind="stable")
    for rows in np.split(order, np.cumsum(np.bincount(codes))[:-1]):
        values = [table[column].iloc[rows[0]] for column in columns]
        texts = ["missing" if pd.isna(value) else key_of(value) for value in values]
        yield ", ".join(f"{column} {text}" for column, text in zip(columns, texts, strict=True)), rows


def _measures(gate: Fairness, table: pd.DataFrame) -> dict[str, Measure]:
    """Return how each of the criterion's rates is measured on some of the rows.

    Raises:
        UnusableEvidenceError: the columns do not hold what the criterion needs.
    """
    if gate.metric is not None:
        sample = read_sample(find_metric(gate.metric, gate.better), table, CHALLENGER)

        def of_metric(rows: Rows) -> Estimate | None:
            group = sample.take(rows)
            try:
                require_enough(group)
                return measured(group)
            except UnusableEvidenceError:
                return None

        return {gate.metric: of_metric}
    selected, deserving = _selected(gate, table), _is_favourable(gate, table, LABEL)
    everyone = np.ones(len(table), dtype=bool)
    return {
        "demographic-parity": {"selection rate": _share(selected, everyone)},
        "equal-opportunity": {"true positive rate": _share(selected, deserving)},
        "equalized-odds": {
            "true positive rate": _share(selected, deserving),
            "false positive rate": _share(selected, ~deserving),
        },
    }[gate.criterion]


def _share(selected: Flags, among: Flags) -> Measure:
    def of_rows(rows: Rows) -> Estimate | None:
        chosen = selected[rows][among[rows]].astype(np.float64)
        if not len(chosen):
            return None
        return share(chosen)

    return of_rows


def _selected(gate: Fairness, table: pd.DataFrame) -> Flags:
    """Return which rows the challenger gives the favourable class."""
    if PREDICTION in table.columns:
        return _is_favourable(gate, table, PREDICTION)
    labels, scores = numbers(table, LABEL, CHALLENGER.score)
    if not np.isin(labels, (0.0, 1.0)).all() or bool(((scores < 0) | (scores > 1)).any()):
        raise WrongEvidenceError(
            f"{gate.criterion} compares how often groups get the favourable class, and these scores tell no class; "
            f"write {PREDICTION} into the evaluation, or judge numbers by criterion: worst-group with metric: mae"
        )
    if class_text(gate.favourable) not in {"0", "1"}:
        raise WrongEvidenceError(f"labels are 0 and 1, and favourable is {gate.favourable!r}; write 0 or 1")
    return np.equal(scores >= THRESHOLD, class_text(gate.favourable) == "1")


def _is_favourable(gate: Fairness, table: pd.DataFrame, column: str) -> Flags:
    """Return which rows of the column hold the favourable class."""
    if column not in table.columns or table[column].isna().any():
        raise UnusableEvidenceError(f"column {column} of the evaluation is missing, or has rows without a value")
    classes = table[column].map(class_text)
    favourable = np.asarray(classes == class_text(gate.favourable), dtype=bool)
    if column == LABEL and not favourable.any():
        there = ", ".join(sorted(classes.unique())[:NAMED])
        raise WrongEvidenceError(f"no row has the favourable label {gate.favourable!r}; there are {there}")
    return favourable


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
