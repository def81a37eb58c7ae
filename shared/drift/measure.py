"""One column of a window against its reference: effect, p-values and what is odd about it; no judgement."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from shared.drift.columns import category_counts, kind_of, sorted_numbers
from shared.drift.distance import jensen_shannon_divergence, kolmogorov_smirnov
from shared.drift.profile import CategoricalColumn, Column, NumericColumn
from shared.drift.significance import (
    chi_square_p_value,
    jensen_shannon_bias,
    jensen_shannon_null_quantile,
    kolmogorov_smirnov_null_quantile,
    kolmogorov_smirnov_p_value,
    merge_rare_cells,
)

if TYPE_CHECKING:
    import pandas as pd

# With fewer values than this in a column, its distribution is not compared; its missing rate still is.
MINIMUM_VALUES = 50


@dataclass(frozen=True, slots=True)
class Distance:
    """A measured distance, the quantile that sampling alone reaches, and `detail`: what moved, in words."""

    statistic: Literal["KS", "JS"]
    effect: float
    at_most: float
    null_quantile: float
    p_value: float
    detail: str
    unseen_share: float = 0.0


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


def measure(reference: Column, window: pd.Series[Any] | None, false_alarms: float) -> Measured:
    """Compare one column; `window` is None when the window lacks it."""
    if window is None:
        return Measured(reference.name, findings=("the window has no such column",), is_broken=True)
    missing = _missing(reference, window)
    kind = kind_of(window)
    if "empty" in (kind, reference.kind):
        return Measured(reference.name, None, *missing, findings=_emptiness(reference, kind))
    if kind != reference.kind:
        return Measured(
            reference.name, None, *missing, findings=(_type_change(reference, window, kind),), is_broken=True
        )
    match reference:
        case NumericColumn():
            return _measure_numeric(reference, window, false_alarms, missing)
        case CategoricalColumn():
            return _measure_categorical(reference, window, false_alarms, missing)
    return Measured(reference.name, None, *missing, findings=("dates and times always move; they are not compared",))


def _measure_numeric(
    reference: NumericColumn, column: pd.Series[Any], false_alarms: float, missing: tuple[float, float, float]
) -> Measured:
    values = sorted_numbers(column)
    findings: list[str] = []
    infinite = int(np.isinf(values).sum())
    if infinite and not reference.infinite:
        findings.append(f"{infinite} infinite values, of which the reference has none")
    if few := _too_few(reference, len(values)):
        return Measured(reference.name, None, *missing, findings=(*findings, few))
    if not reference.edges:
        return Measured(reference.name, None, *missing, findings=(*findings, "the reference has only infinite values"))
    effect, at_most = kolmogorov_smirnov(reference, values)
    sizes = (reference.present, len(values))
    found = Distance(
        statistic="KS",
        effect=effect,
        at_most=at_most,
        null_quantile=kolmogorov_smirnov_null_quantile(false_alarms, *sizes),
        p_value=kolmogorov_smirnov_p_value(effect, *sizes),
        detail=_median_move(reference.median, float(np.median(values))),
    )
    return Measured(reference.name, found, *missing, findings=tuple(findings))


def _measure_categorical(
    reference: CategoricalColumn, column: pd.Series[Any], false_alarms: float, missing: tuple[float, float, float]
) -> Measured:
    if reference.is_identifier:
        text = f"{reference.distinct} different values in {reference.present} rows name rows; they are not compared"
        return Measured(reference.name, None, *missing, findings=(text,))
    counts = category_counts(column)
    present = sum(counts.values())
    if few := _too_few(reference, present):
        return Measured(reference.name, None, *missing, findings=(few,))
    before = dict(reference.categories)
    unseen = {value: count for value, count in counts.items() if value not in before}
    # Values beyond the kept ones may have been seen: that share of the reference is given the benefit of the doubt.
    unseen_share = max(0.0, sum(unseen.values()) / present - reference.other / reference.present)
    known = list(before)
    old = np.array([*before.values(), reference.other], dtype=np.float64)
    new = np.array([*(counts.get(value, 0) for value in known), sum(unseen.values())], dtype=np.float64)
    old_cells, new_cells = merge_rare_cells(old, new)
    cells = int(np.count_nonzero(old_cells + new_cells))
    sizes = (reference.present, present)
    effect = math.sqrt(max(0.0, jensen_shannon_divergence(old, new) - jensen_shannon_bias(old, new)))
    found = Distance(
        statistic="JS",
        effect=effect,
        at_most=effect,
        null_quantile=jensen_shannon_null_quantile(false_alarms, cells, *sizes),
        p_value=chi_square_p_value(old_cells, new_cells),
        detail=_share_move(known, old, new),
        unseen_share=unseen_share,
    )
    examples = ", ".join(list(unseen)[:3])
    findings = (f"{unseen_share:.1%} of rows hold values that the reference never had, e.g. {examples}",)
    return Measured(reference.name, found, *missing, findings=findings if unseen_share > 0 else ())


def _missing(reference: Column, column: pd.Series[Any]) -> tuple[float, float, float]:
    """Return the missing shares before and now, and the p-value of their difference."""
    nulls = int(column.isna().sum())
    rows = reference.nulls + reference.present
    old = np.array([reference.nulls, reference.present], dtype=np.float64)
    new = np.array([nulls, len(column) - nulls], dtype=np.float64)
    return reference.nulls / max(rows, 1), nulls / max(len(column), 1), chi_square_p_value(old, new)


def _too_few(reference: Column, present: int) -> str:
    if min(reference.present, present) >= MINIMUM_VALUES:
        return ""
    return (
        f"too few values to compare ({reference.present} in the reference, {present} in the window; "
        f"{MINIMUM_VALUES} are needed)"
    )


def _emptiness(reference: Column, kind: str) -> tuple[str, ...]:
    if reference.kind == kind:
        return ("no values in the reference nor in the window",)
    return (
        ("no values in the window",) if kind == "empty" else ("no values in the reference, so nothing to compare with",)
    )


def _type_change(reference: Column, column: pd.Series[Any], kind: str) -> str:
    words = {"numeric": "numbers", "categorical": "text", "datetime": "dates"}
    example = column.dropna().iloc[0]
    return f"the reference holds {words[reference.kind]}, the window {words[kind]}, e.g. {str(example)[:40]!r}"


def _median_move(before: float | None, now: float) -> str:
    if before is None or not math.isfinite(now):
        return ""
    return f"median moved from {before:.4g} to {now:.4g}" if before != now else f"median still {now:.4g}"


def _share_move(known: list[str], old: np.ndarray[Any, Any], new: np.ndarray[Any, Any]) -> str:
    if not known:
        return ""
    before, now = old / old.sum(), new / new.sum()
    # Rounded, so that of equal moves the more frequent category is named, not the one with the luckier last bit.
    position = int(np.argmax(np.round(np.abs(now - before)[: len(known)], 12)))
    return f"{known[position]} moved most, from {before[position]:.1%} to {now[position]:.1%} of rows"
