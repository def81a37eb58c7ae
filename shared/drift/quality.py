"""Whether a window's data is what the model was made for: its columns, types, ranges, gaps and repeats."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.drift.columns import Kind, kind_of, named_columns
from shared.drift.duplicates import duplicate_share
from shared.drift.equal import are_flags, beyond, coarser, declared
from shared.drift.quality_profile import QualityColumn, QualityProfile, finite_numbers, has_zone, kept_columns
from shared.drift.report import ColumnReport
from shared.drift.signal import SignalReport

if TYPE_CHECKING:
    import pandas as pd

COLUMNS_NAMED = 3
_WORDS: dict[Kind, str] = {"numeric": "numbers", "categorical": "text", "datetime": "dates", "empty": "nothing"}


@dataclass(frozen=True, slots=True)
class QualityRules:
    """When a fault of the data counts.

    Args:
        min_share: smallest share of a column's rows that matters, 0-1, beyond what the reference's own pieces show.
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
    """Something odd: the share of rows it concerns, 0-1, the words, and whether it is worth waking somebody."""

    share: float
    words: str
    is_alarm: bool


def check_quality(
    reference: QualityProfile, window: pd.DataFrame, now: datetime, rules: QualityRules | None = None
) -> SignalReport:
    """Return what is wrong with the window's data as data, worst column first; bad data never raises.

    A share (missing, out of range, infinite, repeated, of another type) alarms when it is above the worst piece of
    the reference by more than the smallest share that matters, and more than sampling explains. A column that is
    lost, of another type or suddenly constant alarms by itself.

    Args:
        now: UTC; times after it lie in the future.
    """
    rules = rules or QualityRules()
    columns = named_columns(window)
    known = [each for each in reference.columns if each.name not in rules.ignore]
    chance = rules.false_alarms / max(1, 4 * len(known))
    checked = [(each, _check(each, columns.get(each.name), len(window), chance, now, rules)) for each in known]
    reports = sorted((_report(*each, rules) for each in checked), key=_badness, reverse=True)
    of_rows = _duplicates(reference, window, chance, rules)
    findings = (*_new_columns(reference, window, rules), *(each.words for each in of_rows))
    faults = [fault for _, found in checked for fault in found]
    alarms = [*(each for each in faults if each.is_alarm), *(each for each in of_rows if each.is_alarm)]
    worst = max((each.share for each in (alarms or [*faults, *of_rows])), default=0.0)
    is_judged = bool(known) and len(window) >= rules.minimum_rows
    report = SignalReport(
        signal="data-quality",
        verdict="drift" if alarms else "no-drift" if is_judged else "insufficient-data",
        sentence="",
        rows=len(window),
        value=worst if is_judged or alarms else None,
        threshold=rules.min_share,
        measure="share of rows",
        columns=tuple(each for each in reports if each.findings),
        findings=findings,
    )
    return _with_sentence(report, len(known), of_rows, rules)


def _check(
    reference: QualityColumn,
    column: pd.Series[Any] | None,
    rows: int,
    chance: float,
    now: datetime,
    rules: QualityRules,
) -> list[Fault]:
    if column is None:
        return [Fault(1.0, "the window has no such column", is_alarm=True)]
    if rows == 0:
        return []
    nulls = float(column.isna().mean())
    found = [_beyond(nulls, reference.nulls, rows, chance, rules, "of its values are missing")]
    kind = kind_of(column)
    if "empty" in (kind, reference.kind):
        return [each for each in found if each]
    if kind != reference.kind and reference.are_flags and are_flags(column):
        return [each for each in found if each]
    if kind != reference.kind:
        return [*(each for each in found if each), _other_type(reference, column, kind, rules)]
    found.append(_constant(reference, column, chance, rows, rules))
    if kind != "categorical":
        found += _numbers(reference, column, chance, rules)
    if kind == "datetime":
        found += _times(reference, column, now, rules)
    return [each for each in found if each]


def _beyond(share: float, before: float, rows: int, chance: float, rules: QualityRules, what: str) -> Fault | None:
    """Return the fault of a share above what the reference's pieces show; None when it is not above."""
    if share <= before:
        return None
    is_alarm = share > before + rules.min_share and rows >= rules.minimum_rows and _surely(share, before, rows, chance)
    if not is_alarm and before > 0:
        return None  # some more of what was there before is not worth a word
    much = f"{share:.1%}" if share >= 0.001 else f"{round(share * rows):,} of {rows:,}"
    return Fault(share, f"{much} {what} (at most {before:.1%} in the reference)", is_alarm)


def _surely(share: float, before: float, rows: int, chance: float) -> bool:
    """Return whether a binomial count this large has less than this chance where `before` is the true share."""
    from scipy.special import bdtrc

    return float(bdtrc(round(share * rows) - 1, rows, before)) <= chance


def _other_type(reference: QualityColumn, column: pd.Series[Any], kind: Kind, rules: QualityRules) -> Fault:
    present = column.dropna()
    fits = np.isfinite(finite_numbers(present, reference.kind)) if reference.kind != "categorical" else None
    is_text_of_it = fits is None or column.dtype != object or all(isinstance(each, str) for each in present)
    odd = 1.0 if fits is None or is_text_of_it else float(1 - fits.mean())
    example = present[~fits].iloc[0] if fits is not None and not is_text_of_it and odd else present.iloc[0]
    words = f"the reference holds {_WORDS[reference.kind]}, {odd:.1%} of the window other things"
    if odd == 1.0:
        words = f"the reference holds {_WORDS[reference.kind]}, the window {_WORDS[kind]}"
    return Fault(odd, f"{words}, e.g. {str(example)[:40]!r}", is_alarm=odd > rules.min_share)


def _constant(
    reference: QualityColumn, column: pd.Series[Any], chance: float, rows: int, rules: QualityRules
) -> Fault | None:
    if reference.is_sometimes_constant or rows < rules.minimum_rows:
        return None
    present = column.dropna()
    first = present.iloc[0]
    same = present.map(repr) == repr(first) if present.dtype == object else present == first
    if not bool(same.all()):
        return None
    by_chance = len(present) * math.log(max(reference.most_frequent, 1e-300)) > math.log(chance)
    return Fault(1.0, f"constant: every value is {str(first)[:40]!r}", is_alarm=not by_chance)


def _numbers(
    reference: QualityColumn, column: pd.Series[Any], chance: float, rules: QualityRules
) -> list[Fault | None]:
    values = finite_numbers(column, reference.kind)
    infinite = float(np.isinf(values).mean())
    found = [_beyond(infinite, reference.infinite, len(values), chance, rules, "of its values are infinite")]
    if reference.lowest is None or reference.highest is None or reference.kind == "datetime":
        return found
    finite = values[np.isfinite(values)]
    precision = coarser(reference.precision, declared(column.dtype))
    outside = finite[beyond(finite, reference.lowest, reference.highest, precision)]
    if len(outside):
        extreme = outside[np.argmax(np.maximum(reference.lowest - outside, outside - reference.highest))]
        bounds = f"of its values are out of {reference.lowest:.4g} to {reference.highest:.4g}, e.g. {extreme:.4g}"
        share = len(outside) / len(values)
        found.append(_beyond(share, reference.outside, len(values), chance, rules, bounds))
    return found


def _times(reference: QualityColumn, column: pd.Series[Any], now: datetime, rules: QualityRules) -> list[Fault | None]:
    found: list[Fault | None] = []
    seconds = finite_numbers(column, "datetime")
    if not bool(np.isfinite(seconds).any()) or column.dtype.kind == "m":
        return found  # durations and times of the day have neither zone nor future
    if not has_zone(column):
        words = "times without a zone; they are read as UTC"
        found.append(
            Fault(
                1.0, f"{words}, the reference's say theirs" if reference.has_zone else words, bool(reference.has_zone)
            )
        )
    future = float(np.mean(seconds > (now + rules.clock_skew).timestamp()))
    if future > 0:
        latest = datetime.fromtimestamp(float(np.nanmax(seconds)), tz=now.tzinfo)
        is_alarm = reference.name in rules.happened and future > rules.min_share
        found.append(
            Fault(future, f"{future:.1%} of the times lie in the future, up to {latest:%Y-%m-%d %H:%M}", is_alarm)
        )
    return found


def _duplicates(reference: QualityProfile, window: pd.DataFrame, chance: float, rules: QualityRules) -> list[Fault]:
    share = duplicate_share(kept_columns(window, rules.ignore))
    before = reference.duplicates_at(len(window))
    if len(window) < rules.minimum_rows or share <= before + rules.min_duplicates:
        return []
    if not _surely(share, before, len(window), chance):
        return []
    return [
        Fault(share, f"{share:.1%} of the rows repeat another (at most {before:.1%} in the reference)", is_alarm=True)
    ]


def _new_columns(reference: QualityProfile, window: pd.DataFrame, rules: QualityRules) -> tuple[str, ...]:
    names = [str(name) for name in window.columns]
    new = sorted(set(names) - {each.name for each in reference.columns} - rules.ignore)
    twice = sorted({name for name in names if names.count(name) > 1})
    found = [f"the reference has no column {', '.join(new)}"] if new else []
    return (*found, *([f"the window has {', '.join(twice)} more than once"] if twice else []))


def _report(reference: QualityColumn, faults: Sequence[Fault], rules: QualityRules) -> ColumnReport:
    ordered = sorted(faults, key=lambda each: (each.is_alarm, each.share), reverse=True)
    words = tuple(each.words for each in ordered)
    return ColumnReport(
        name=reference.name,
        statistic="none",
        effect=max((each.share for each in faults), default=None),
        floor=rules.min_share,
        floor_reason="smallest effect that matters",
        is_drifted=any(each.is_alarm for each in faults),
        sentence=f"{reference.name}: {'; '.join(words)}" if words else f"{reference.name}: nothing odd",
        findings=words,
    )


def _badness(report: ColumnReport) -> tuple[bool, float]:
    return report.is_drifted, report.effect or 0.0


def _with_sentence(report: SignalReport, checked: int, of_rows: Sequence[Fault], rules: QualityRules) -> SignalReport:

    bad = [each.sentence for each in report.columns if each.is_drifted]
    bad += [each.words for each in of_rows if each.is_alarm]
    if bad:
        more = f"; and {len(bad) - COLUMNS_NAMED} more" if len(bad) > COLUMNS_NAMED else ""
        return replace(report, sentence=f"Data quality: {'; '.join(bad[:COLUMNS_NAMED])}{more}.")
    if report.verdict == "insufficient-data":
        if not checked:
            return replace(report, sentence="Insufficient data: the reference has no column to check.")
        text = f"Insufficient data: the window has {report.rows:,} rows, at least {rules.minimum_rows:,} are needed."
        return replace(report, sentence=text)
    odd = f"; worth a look: {report.columns[0].sentence}" if report.columns else ""
    return replace(report, sentence=f"Data quality: nothing wrong in {checked} columns of {report.rows:,} rows{odd}.")
