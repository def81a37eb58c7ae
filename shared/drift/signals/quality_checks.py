"""What is odd about one column of a window as data: each fault with its share of rows, its words and its weight."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.drift.comparison.significance import chance_of_at_least, chance_of_none, chance_outside
from shared.drift.rows.columns import Kind, kind_of, times_since_1970
from shared.drift.rows.equal import Precision, are_flags, beyond, coarser, declared
from shared.drift.signals.quality_profile import LOOKED_AT, QualityColumn, finite_numbers, has_zone

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

# From this share of texts on, numbers with texts among them are texts.
MOSTLY = 0.5
# One value for so many times as long as it ever lasted in the reference is no chance any more.
RUNS = 2
_WORDS: dict[Kind, str] = {"numeric": "numbers", "categorical": "text", "datetime": "dates", "empty": "nothing"}


@dataclass(frozen=True, slots=True)
class QualityRules:
    """When a fault of the data counts.

    Args:
        min_share: smallest share of a column's rows that matters, 0-1, beyond what the reference's own pieces show;
            half of it for values out of range.
        min_duplicates: the same for rows that repeat another.
        false_alarms: tolerated chance per window that sampling alone alarms, 0-1; split over all checks.
        minimum_rows: with fewer, shares are not judged; a lost column or another type still is.
        ignore: columns left out (labels, row ids, times of the request).
        happened: columns of times that cannot lie in the future. For others a future time is only mentioned.
        clock_skew: how far a clock may be ahead.
    """

    min_share: float = 0.01
    min_duplicates: float = 0.05
    false_alarms: float = 0.001
    minimum_rows: int = 100
    ignore: frozenset[str] = frozenset()
    happened: frozenset[str] = frozenset()
    clock_skew: timedelta = timedelta(minutes=5)

    def __post_init__(self) -> None:
        for name in ("min_share", "min_duplicates", "false_alarms"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name} must lie between 0 and 1, e.g. 0.01 or 1%; got {getattr(self, name)}")
        if self.minimum_rows < 1:
            raise ValueError(f"minimum_rows must be at least 1, got {self.minimum_rows}")


@dataclass(frozen=True, slots=True)
class Fault:
    """Something odd: the share of rows it concerns, 0-1, the words, and whether it alarms or is only mentioned."""

    share: float
    words: str
    is_alarm: bool


@dataclass(frozen=True, slots=True)
class CheckContext:
    """The sizes of both sides, and the chance that one check may alarm by sampling alone."""

    reference_rows: int
    rows: int
    chance: float
    now: datetime
    rules: QualityRules

    @property
    def is_judged(self) -> bool:
        return self.rows >= self.rules.minimum_rows


def check_column(reference: QualityColumn, column: pd.Series[Any] | None, context: CheckContext) -> list[Fault]:
    if column is None:
        return [Fault(1.0, "the window has no such column", is_alarm=True)]
    if context.rows == 0:
        return []
    missing = _missing(reference, column, context)
    if reference.kind == "datetime" and kind_of(column) == "numeric":
        column = times_since_1970(column)
    kind = kind_of(column)
    if "empty" in (kind, reference.kind):
        faults: list[Fault | None] = [missing]
    elif kind != reference.kind and reference.are_flags and are_flags(column):
        faults = [missing]
    elif kind != reference.kind:
        faults = [missing, _other_type(reference, column, kind, context)]
    else:
        faults = [missing, _constant(reference, column, context)]
        if kind != "categorical":
            faults += _numbers(reference, column, context)
        if kind == "datetime":
            faults += _times(reference, column, context)
    return [fault for fault in faults if fault]


def _missing(reference: QualityColumn, column: pd.Series[Any], context: CheckContext) -> Fault | None:
    present = reference.present
    missing = reference.nulls * context.reference_rows if present is None else context.reference_rows - present
    return _beyond(int(column.isna().sum()), round(missing), reference.nulls, context, "of its values are missing")


def _beyond(count: int, reference_count: int, at_most: float, context: CheckContext, what: str) -> Fault | None:
    """Return the fault of a share above what the reference's pieces show at most; None when it is not above."""
    share = count / context.rows
    if share <= at_most:
        return None
    is_alarm = (
        context.is_judged
        and share > at_most + context.rules.min_share
        and chance_of_at_least(count, context.rows, reference_count, context.reference_rows) <= context.chance
    )
    if not is_alarm and at_most > 0:
        return None  # some more of what was there before is not worth a word
    return Fault(share, f"{_much(count, context.rows)} {what} (at most {at_most:.1%} in the reference)", is_alarm)


def _much(count: int, rows: int) -> str:
    return f"{count / rows:.1%}" if count >= 0.001 * rows else f"{count:,} of {rows:,}"


def _other_type(reference: QualityColumn, column: pd.Series[Any], kind: Kind, context: CheckContext) -> Fault | None:
    present = column.dropna()
    example: Any = present.iloc[0]
    if reference.kind == "categorical" and kind == "numeric" and reference.readable:
        # Numbers with some texts among them: the window has only lost these.
        texts = 1 - reference.readable
        reference_rows = reference.present or 0
        lost = chance_of_none(len(present), round(texts * reference_rows), reference_rows) <= context.chance
        if texts < MOSTLY or not lost:
            return None
    fits = np.isfinite(finite_numbers(present, reference.kind)) if reference.kind != "categorical" else None
    is_text_of_it = fits is None or column.dtype != object or all(isinstance(value, str) for value in present)
    odd = len(present) if fits is None or is_text_of_it else int(np.count_nonzero(~fits))
    if fits is not None and not is_text_of_it and odd:
        example = present[~fits].iloc[0]
    words = f"the reference holds {_WORDS[reference.kind]}, {odd / len(present):.1%} of the window other things"
    if odd == len(present):
        words = f"the reference holds {_WORDS[reference.kind]}, the window {_WORDS[kind]}"
    reference_rows = context.reference_rows if reference.present is None else reference.present
    is_sure = odd == len(present) or chance_of_at_least(odd, len(present), 0, reference_rows) <= context.chance
    is_alarm = odd > context.rules.min_share * len(present) and is_sure
    return Fault(odd / len(present), f"{words}, e.g. {str(example)[:40]!r}", is_alarm)


def _constant(reference: QualityColumn, column: pd.Series[Any], context: CheckContext) -> Fault | None:
    if reference.is_sometimes_constant or not context.is_judged:
        return None
    present = column.dropna()
    if len(present) <= RUNS * reference.longest_run:
        return None  # a dry week after a dry fortnight
    first = present.iloc[0]
    same = present.map(repr) == repr(first) if present.dtype == object else present == first
    if not bool(same.all()):
        return None
    looked_at = min(LOOKED_AT, context.reference_rows if reference.present is None else reference.present)
    others = round((1 - reference.most_frequent) * looked_at)
    by_chance = chance_of_none(len(present), others, looked_at) > context.chance
    return Fault(1.0, f"constant: every value is {str(first)[:40]!r}", is_alarm=not by_chance)


def _numbers(reference: QualityColumn, column: pd.Series[Any], context: CheckContext) -> list[Fault | None]:
    values = finite_numbers(column, reference.kind)
    infinite, reference_infinite = int(np.isinf(values).sum()), round(reference.infinite * context.reference_rows)
    faults = [_beyond(infinite, reference_infinite, reference.infinite, context, "of its values are infinite")]
    if reference.kind != "datetime":
        precision = coarser(reference.precision, declared(column.dtype))
        faults.append(_out_of_range(reference, values[np.isfinite(values)], precision, context))
    return faults


def _out_of_range(
    reference: QualityColumn, values: NDArray[np.float64], precision: Precision, context: CheckContext
) -> Fault | None:
    """Return the fault of values outside of what the reference holds; some are whenever two samples are compared."""
    limits = reference.limits
    if limits is None or not len(values):
        return None
    low, high = limits
    outside = values[beyond(values, low, high, precision)]
    expected = _expected_outside(reference, context)
    share = len(outside) / len(values)
    # Of values beyond widened limits the reference's pieces show none.
    usual = 0.0 if reference.is_widened else reference.outside
    at_most = max(usual, expected)
    if share <= at_most:
        return None
    extreme = outside[np.argmax(np.maximum(low - outside, outside - high))]
    is_alarm = (
        context.is_judged
        and share > max(usual, context.rules.min_share / 2 + expected)
        and chance_outside(len(outside), len(values), finite_values(reference, context)) <= context.chance
    )
    share_words, bounds = _much(len(outside), len(values)), f"{low:.4g} to {high:.4g}"
    words = f"{share_words} of its values are out of {bounds}, e.g. {extreme:.4g} (at most {at_most:.1%} is expected)"
    return Fault(share, words, is_alarm)


def _expected_outside(reference: QualityColumn, context: CheckContext) -> float:
    """Return the share of new values outside of what a sample holds, of whatever law: 2 in its size and one."""
    return 2 / (finite_values(reference, context) + 1)


def finite_values(reference: QualityColumn, context: CheckContext) -> int:
    rows = round((1 - reference.nulls) * context.reference_rows) if reference.finite is None else reference.finite
    return max(1, rows)


def _times(reference: QualityColumn, column: pd.Series[Any], context: CheckContext) -> list[Fault | None]:
    now, rules = context.now, context.rules
    faults: list[Fault | None] = []
    seconds = finite_numbers(column, "datetime")
    if not bool(np.isfinite(seconds).any()) or column.dtype.kind == "m":
        return faults  # durations and times of the day have neither zone nor future
    if not has_zone(column):
        words = "times without a zone; they are read as UTC"
        faults.append(
            Fault(
                1.0, f"{words}, the reference's say theirs" if reference.has_zone else words, bool(reference.has_zone)
            )
        )
    future = float(np.mean(seconds > (now + rules.clock_skew).timestamp()))
    if future > 0:
        latest = datetime.fromtimestamp(float(np.nanmax(seconds)), tz=now.tzinfo)
        is_alarm = reference.name in rules.happened and future > rules.min_share
        faults.append(
            Fault(future, f"{future:.1%} of the times lie in the future, up to {latest:%Y-%m-%d %H:%M}", is_alarm)
        )
    return faults
