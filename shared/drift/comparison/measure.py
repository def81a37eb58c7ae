"""One column of a window against its reference: effect, p-values and findings; no judgement."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from shared.drift.comparison.categories import NewValues, PairedCounts, cells, filled_cells, new_values, paired
from shared.drift.comparison.distance import (
    decile_cells,
    jensen_shannon_divergence,
    kolmogorov_smirnov,
    population_stability_index,
    wasserstein,
)
from shared.drift.comparison.histogram import categorical_histogram, numeric_histogram
from shared.drift.comparison.significance import (
    chi_square_p_value,
    jensen_shannon_bias,
    jensen_shannon_null_quantile,
    kolmogorov_smirnov_null_quantile,
    kolmogorov_smirnov_p_value,
)
from shared.drift.profiles.counts import ColumnCounts
from shared.drift.profiles.edges import merged_edges, quantile
from shared.drift.profiles.reference import MOST_DISTINCT, CategoricalColumn, Column, NumericColumn, OtherColumn
from shared.drift.results.comparison import DriftRules, Histogram

# With fewer values than this in a column, its distribution is not compared; its missing rate still is.
MINIMUM_VALUES = 50
LEAST_SHARE_IN_WORDS = 0.0005
# From this KS distance on, hardly a value lies where most of the reference's did.
NEARLY_ALL = 0.9
_WORDS = {"numeric": "numbers", "categorical": "text", "datetime": "dates"}


@dataclass(frozen=True, slots=True)
class Distance:
    """A measured distance, the quantile that sampling alone reaches, and `detail`: what moved, as text.

    `unseen_share` is that of rows whose values the reference never had, less what sampling explains;
    `has_new_values`: it is too much for that. `is_far`: nearly all numbers moved, and on average by more than the
    reference spans.
    """

    statistic: Literal["KS", "JS"]
    effect: float
    at_most: float
    null_quantile: float
    p_value: float
    detail: str
    measures: Mapping[str, float]
    unseen_share: float = 0.0
    has_new_values: bool = False
    is_far: bool = False


@dataclass(frozen=True, slots=True)
class Measured:
    """One column. `is_broken`: it is missing or of another type, which no statistic has to confirm."""

    name: str
    distance: Distance | None = None
    missing_before: float = 0.0
    missing_now: float = 0.0
    missing_p_value: float = 1.0
    findings: tuple[str, ...] = ()
    is_broken: bool = False
    histogram: Histogram | None = None


def measure(reference: Column, window: ColumnCounts | None, rows: int, rules: DriftRules) -> Measured:
    """Compare one column.

    Args:
        window: None when the window, of so many rows, lacks the column.
    """
    if window is None or (rows and not window.rows):
        return Measured(reference.name, findings=("the window has no such column",), is_broken=True)
    measured = _with_missing_share(reference, window, rows)
    # Before any distance: without values there is none, and it would silently leave out values of another type.
    if not window.present or reference.kind == "empty":
        return _noted(measured, _emptiness(reference, window))
    foreign = _foreign(reference, window)
    if foreign > rules.min_effect * window.present:
        return replace(_noted(measured, _type_change(reference, window)), is_broken=True)
    if foreign:
        measured = _noted(measured, _some_foreign(reference, window, foreign))
    match reference:
        case NumericColumn():
            return _measure_numeric(measured, reference, window, rules)
        case CategoricalColumn():
            return _measure_categorical(measured, reference, window, rules)
        case OtherColumn():
            not_compared = "dates and times always move; they are not compared"
            return _noted(measured, *_zones(reference, window), not_compared)


def _noted(measured: Measured, *findings: str) -> Measured:
    return replace(measured, findings=(*measured.findings, *findings))


def _measure_numeric(measured: Measured, reference: NumericColumn, window: ColumnCounts, rules: DriftRules) -> Measured:
    # First, so that all counts below are of the same edges on both sides.
    reference, window = merged_edges(reference, window)
    infinite = window.negative_infinite + window.positive_infinite
    if infinite and not reference.infinite:
        measured = _noted(measured, f"{infinite} infinite values, of which the reference has none")
    if few := _too_few(reference, window.numbers):
        return _noted(measured, few)
    if not reference.edges:
        return _noted(measured, "the reference has only infinite values")
    if window.least == window.most and not infinite and reference.edges[0] != reference.edges[-1]:
        measured = _noted(measured, f"always {window.least:.6g} now, where the reference varied")
    effect, at_most = kolmogorov_smirnov(reference, window)
    sizes = (reference.present, window.numbers)
    measures = {"KS": effect, "PSI": population_stability_index(*decile_cells(reference, window))}
    is_far = False
    if reference.std and (moved := wasserstein(reference, window)):
        measures["Wasserstein"] = moved[0]
        is_far = effect > NEARLY_ALL and moved[0] > (reference.edges[-1] - reference.edges[0]) / reference.std
    distance = Distance(
        statistic="KS",
        effect=effect,
        at_most=at_most,
        null_quantile=kolmogorov_smirnov_null_quantile(rules.false_alarms, *sizes),
        p_value=kolmogorov_smirnov_p_value(effect, *sizes),
        detail=_median_move(reference.median, quantile(reference, window, 0.5)),
        measures=measures,
        is_far=is_far,
    )
    return replace(measured, distance=distance, histogram=numeric_histogram(reference, window))


def _measure_categorical(
    measured: Measured, reference: CategoricalColumn, window: ColumnCounts, rules: DriftRules
) -> Measured:
    if reference.is_identifier:
        return _noted(measured, _names_rows(reference))
    present = int(window.known.sum()) + window.unseen
    if few := _too_few(reference, present):
        return _noted(measured, few)
    counts = paired(reference, window)
    # The effect is measured over the values themselves, the chance over cells that are full enough for its law.
    both, tested = cells(counts), filled_cells(counts)
    new = new_values(counts, rules.min_effect)
    divergence = jensen_shannon_divergence(*both)
    effect = math.sqrt(max(0.0, divergence - jensen_shannon_bias(*both)))
    p_value = chi_square_p_value(*tested)
    used = int(np.count_nonzero(np.add(*tested)))
    distance = Distance(
        statistic="JS",
        effect=effect,
        at_most=effect,
        null_quantile=jensen_shannon_null_quantile(rules.false_alarms, used, reference.present, present),
        p_value=p_value,
        detail=_share_move(counts),
        measures={
            "JS": math.sqrt(divergence),
            "PSI": population_stability_index(*tested),
            "chi2_p": p_value,
        },
        unseen_share=new.excess,
        has_new_values=new.is_drift,
    )
    if new.share > 0:
        measured = _noted(measured, _new_values_in_words(new))
    if counts.new.max() == present and np.count_nonzero(counts.old) > 1:
        constant = counts.names[int(counts.new.argmax())]
        measured = _noted(measured, f"always {constant} now, where the reference varied")
    return replace(measured, distance=distance, histogram=categorical_histogram(counts))


def _with_missing_share(reference: Column, window: ColumnCounts, rows: int) -> Measured:
    nulls = rows - window.present
    old = np.array([reference.nulls, reference.present], dtype=np.float64)
    new = np.array([nulls, window.present], dtype=np.float64)
    return Measured(
        reference.name,
        missing_before=reference.nulls / max(reference.nulls + reference.present, 1),
        missing_now=nulls / max(rows, 1),
        missing_p_value=chi_square_p_value(old, new),
    )


def _foreign(reference: Column, window: ColumnCounts) -> int:
    """Return how many values are of another type, beyond the reference's own share of such. A number among texts is a
    text; numbers alone are not, but for those that the reference has as texts."""
    match reference:
        case NumericColumn():
            return window.texts + window.times
        case CategoricalColumn():
            return window.times + (0 if window.texts else min(window.numbers, window.unseen))
    usual = reference.foreign / max(1, reference.present + reference.foreign)
    return max(0, window.numbers + window.texts - round(usual * window.present))


def _type_change(reference: Column, window: ColumnCounts) -> str:
    if window.texts and reference.kind != "categorical":
        kind = "categorical"
    elif window.numbers and reference.kind != "numeric":
        kind = "numeric"
    else:
        kind = "datetime"
    example = f", e.g. {window.foreign[:40]!r}" if window.foreign and kind != "datetime" else ""
    return f"the reference holds {_WORDS[reference.kind]}, the window {_WORDS[kind]}{example}"


def _some_foreign(reference: Column, window: ColumnCounts, foreign: int) -> str:
    example = f", e.g. {window.foreign[:40]!r}" if window.foreign else ""
    return f"{foreign} of {window.present} values are no {_WORDS[reference.kind]}{example}"


def _zones(reference: OtherColumn, window: ColumnCounts) -> list[str]:
    if bool(reference.zoneless) == bool(window.zoneless):
        return ["times without a time zone, which UTC is taken for"] if window.zoneless else []
    had, has = ("without", "with") if reference.zoneless else ("with", "without")
    return [f"times {has} a time zone now, {had} one in the reference"]


def _too_few(reference: Column, present: int) -> str:
    if min(reference.present, present) >= MINIMUM_VALUES:
        return ""
    return (
        f"too few values to compare ({reference.present} in the reference, {present} in the window; "
        f"{MINIMUM_VALUES} are needed)"
    )


def _names_rows(reference: CategoricalColumn) -> str:
    more = "more than " if reference.distinct > MOST_DISTINCT else ""
    distinct = min(reference.distinct, MOST_DISTINCT) if more else reference.distinct
    return f"{more}{distinct} different values in {reference.present} rows name rows; they are not compared"


def _emptiness(reference: Column, window: ColumnCounts) -> str:
    if window.present:
        return "no values in the reference, so nothing to compare with"
    return "no values in the window" if reference.present else "no values in the reference nor in the window"


def _median_move(previous: float | None, now: float | None) -> str:
    if previous is None or now is None:
        return ""
    return f"median moved from {previous:.4g} to {now:.4g}" if previous != now else f"median still {now:.4g}"


def _share_move(counts: PairedCounts) -> str:
    if not counts.names:
        return ""
    old_size, size = counts.sizes
    old, now = counts.old / old_size, counts.new / size
    # Rounded, so that of equal moves the more frequent category is named, not the one with the luckier last bit.
    position = int(np.argmax(np.round(np.abs(now - old), 12)))
    return f"{counts.names[position]} moved most, from {old[position]:.1%} to {now[position]:.1%} of rows"


def _new_values_in_words(new: NewValues) -> str:
    expected = f" ({new.expected:.1%} are expected)" if new.expected >= LEAST_SHARE_IN_WORDS else ""
    examples = f", e.g. {', '.join(new.examples)}" if new.examples else ""
    return f"{new.share:.1%} of rows hold values that the reference never had{expected}{examples}"
