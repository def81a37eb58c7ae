"""Whether a window's data is what the model was made for: its columns, types, ranges, gaps and repeats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from shared.drift.comparison.significance import least_outside
from shared.drift.results.comparison import ColumnReport
from shared.drift.results.signals import SignalReport
from shared.drift.rows.columns import named_columns
from shared.drift.signals.quality_checks import CheckContext, Fault, QualityRules, check_column, finite_values
from shared.drift.signals.quality_profile import QualityColumn, QualityProfile, drop_ignored, duplicate_share

if TYPE_CHECKING:
    import pandas as pd

COLUMNS_NAMED = 3


def check_quality(
    reference: QualityProfile, window: pd.DataFrame, now: datetime, rules: QualityRules | None = None
) -> SignalReport:
    """Return what is wrong with the window's data as data, worst column first; bad data never raises.

    A share (missing, out of range, infinite, repeated, of another type) alarms when it is above the worst piece of
    the reference by more than the smallest share that matters, and more than sampling of both sides explains: the
    window is one sample, the reference, whatever its size, another. A lost column alarms by itself.

    Args:
        now: UTC; times after it lie in the future.
    """
    rules = rules or QualityRules()
    columns = named_columns(window)
    expected = [column for column in reference.columns if column.name not in rules.ignore]
    # Bonferroni: split over the columns, so that a wide table does not alarm more often than a narrow one.
    context = CheckContext(reference.rows, len(window), rules.false_alarms / max(1, len(expected)), now, rules)
    checked = [(column, check_column(column, columns.get(column.name), context)) for column in expected]
    reports = sorted((_report(*pair, rules) for pair in checked), key=_badness, reverse=True)
    of_rows = _duplicates(reference, window, context)
    findings = (
        *_new_columns(reference, window, rules),
        *(fault.words for fault in of_rows),
        *_blind_spots(expected, context),
    )
    faults = [fault for _, column_faults in checked for fault in column_faults]
    alarms = [*(fault for fault in faults if fault.is_alarm), *(fault for fault in of_rows if fault.is_alarm)]
    # Faults that only deserve a mention set the value when none alarms.
    worst = max((fault.share for fault in (alarms or [*faults, *of_rows])), default=0.0)
    is_judged = bool(expected) and len(window) >= rules.minimum_rows
    report = SignalReport(
        signal="data-quality",
        verdict="drift" if alarms else "no-drift" if is_judged else "insufficient-data",
        sentence="",
        rows=len(window),
        value=worst if is_judged or alarms else None,
        threshold=rules.min_share,
        measure="share of rows",
        columns=tuple(report for report in reports if report.findings),
        findings=findings,
    )
    return _with_sentence(report, len(expected), of_rows, rules)


def _duplicates(reference: QualityProfile, window: pd.DataFrame, context: CheckContext) -> list[Fault]:
    share = duplicate_share(drop_ignored(window, context.rules.ignore))
    usual = reference.duplicates_at(len(window))
    if not context.is_judged or share <= usual + context.rules.min_duplicates:
        return []
    if not _surely(share, usual, len(window), context.chance):
        return []
    return [
        Fault(share, f"{share:.1%} of the rows repeat another (at most {usual:.1%} in the reference)", is_alarm=True)
    ]


def _surely(share: float, usual: float, rows: int, chance: float) -> bool:
    """Return whether a binomial count this large has less than this chance where `usual` is the true share."""
    from scipy.special import bdtrc

    return float(bdtrc(round(share * rows) - 1, rows, usual)) <= chance


def _blind_spots(expected: Sequence[QualityColumn], context: CheckContext) -> tuple[str, ...]:
    """Return in words which faults so few rows cannot show, when these are more than the smallest that matter."""
    ranged = [column for column in expected if column.lowest is not None and column.kind == "numeric"]
    if not (ranged and context.is_judged):
        return ()
    fewest = min(finite_values(column, context) for column in ranged)
    share = least_outside(context.chance, context.rows, fewest) / context.rows
    if share <= context.rules.min_share:
        return ()
    return (f"{fewest:,} and {context.rows:,} rows show values out of range from {share:.1%} of rows on, not fewer",)


def _new_columns(reference: QualityProfile, window: pd.DataFrame, rules: QualityRules) -> tuple[str, ...]:
    names = [str(name) for name in window.columns]
    new = sorted(set(names) - {column.name for column in reference.columns} - rules.ignore)
    twice = sorted({name for name in names if names.count(name) > 1})
    findings = [f"the reference has no column {', '.join(new)}"] if new else []
    return (*findings, *([f"the window has {', '.join(twice)} more than once"] if twice else []))


def _report(reference: QualityColumn, faults: Sequence[Fault], rules: QualityRules) -> ColumnReport:
    ordered = sorted(faults, key=lambda fault: (fault.is_alarm, fault.share), reverse=True)
    words = tuple(fault.words for fault in ordered)
    return ColumnReport(
        name=reference.name,
        statistic="none",
        effect=max((fault.share for fault in faults), default=None),
        floor=rules.min_share,
        floor_reason="smallest effect that matters",
        is_drifted=any(fault.is_alarm for fault in faults),
        sentence=f"{reference.name}: {'; '.join(words)}" if words else f"{reference.name}: nothing odd",
        findings=words,
    )


def _badness(report: ColumnReport) -> tuple[bool, float]:
    return report.is_drifted, report.effect or 0.0


def _with_sentence(report: SignalReport, checked: int, of_rows: Sequence[Fault], rules: QualityRules) -> SignalReport:

    bad = [column.sentence for column in report.columns if column.is_drifted]
    bad += [fault.words for fault in of_rows if fault.is_alarm]
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


__all__ = ["QualityRules", "check_quality"]
