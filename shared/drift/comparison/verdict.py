"""The verdict on a window of data, in words: does it still look like the reference?"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from shared.drift.comparison.measure import Measured, measure
from shared.drift.comparison.significance import benjamini_hochberg
from shared.drift.profiles.counting import count
from shared.drift.profiles.counts import WindowCounts
from shared.drift.profiles.reference import OtherColumn, Profile, Variation
from shared.drift.profiles.variation import ENOUGH_WINDOWS, block_floor, floor_of_effects, missing_floor
from shared.drift.results.comparison import ColumnReport, DriftReport, DriftRules, FloorReason, PastWindow, Verdict
from shared.drift.rows.batches import Source

# The newest past windows only, and no floor above so many times that of the reference's own blocks: a slow drift, whose
# windows are past windows a little later, must not raise its own floor without end.
NEWEST_PAST_WINDOWS = 20
MOST_TIMES_BLOCKS = 2.0
# So small a share of the false alarms is left to missing values: with few rows, sampling reaches their smallest change.
MISSING_FALSE_ALARMS = 0.1
COLUMNS_NAMED = 3


def compare(
    reference: Profile,
    window: WindowCounts | Source,
    rules: DriftRules | None = None,
    past: Sequence[PastWindow] = (),
    importance: Mapping[str, float] | None = None,
) -> DriftReport:
    """Return whether the window drifted from the reference, column by column, worst first.

    A column drifted when its effect is above its floor and stays significant after Benjamini-Hochberg. The floor is
    the largest of: the smallest effect that matters, what sampling alone would show, and what windows of this length
    show by themselves: the newest quiet past windows (when there are at least 10), else blocks of the reference's own
    rows in their order. Numbers that moved by more than the reference spans need no effect above a floor. A change of
    the missing rate, a share of unseen values, a lost column or a changed type count as drift of their own. Bad data
    gives findings, never an exception.

    Args:
        window: rows, or what `count` counted of them, or of their parts and added up.
        past: earlier windows against this reference, oldest first.
        importance: of the model's features, 0 or more in any unit; those left out have none. It weighs the order.

    Raises:
        ValueError: the window was counted against another profile.
    """
    rules = rules or DriftRules()
    counts = window if isinstance(window, WindowCounts) else count(reference, window)
    if counts.reference != reference.digest:
        raise ValueError("this window was counted against another profile; count it against this one")
    findings = (*_window_findings(counts, rules), *counts.findings)
    measured = [
        measure(column, counts.columns.get(column.name), counts.rows, rules)
        for column in reference.columns
        if column.name not in rules.ignore
    ]
    reports: tuple[ColumnReport, ...] = ()
    if measured and min(reference.rows, counts.rows) >= rules.minimum_rows:
        reports = _judge(measured, _Floors(reference, counts.rows, rules, past), _shares(importance or {}))
    else:
        # Too few rows for statistics, but a lost column or a changed type needs none.
        findings += tuple(
            f"{column.name}: {finding}" for column in measured if column.is_broken for finding in column.findings
        )
    verdict = _verdict(reports)
    sentence = _report_sentence(verdict, reports, (reference.rows, counts.rows), rules, findings)
    return DriftReport(verdict, sentence, reference.rows, counts.rows, reports, findings)


def _window_findings(counts: WindowCounts, rules: DriftRules) -> tuple[str, ...]:
    new = sorted(counts.new - rules.ignore)
    findings = []
    if new:
        findings.append(f"the reference has no column {', '.join(new)}: not compared")
    if counts.twice:
        twice = ", ".join(sorted(counts.twice))
        findings.append(f"the window has {twice} more than once: only the first is compared")
    return tuple(findings)


def _shares(importance: Mapping[str, float]) -> dict[str, float]:
    """Return each column's share of all importance, 0-1; empty when there is none."""
    weights = {name: abs(value) for name, value in importance.items() if np.isfinite(value)}
    total = sum(weights.values())
    return {name: value / total for name, value in weights.items()} if total else {}


def _verdict(reports: Sequence[ColumnReport]) -> Verdict:
    if any(report.is_drifted for report in reports):
        return "drift"
    return "no-drift" if any(report.effect is not None for report in reports) else "insufficient-data"


def _judge(measured: Sequence[Measured], floors: _Floors, shares: Mapping[str, float]) -> tuple[ColumnReport, ...]:
    """Return the columns' reports, worst first."""
    # One family of tests, distances and missing rates alike: a correction per kind would allow twice the false alarms.
    distances = [column.distance.p_value if column.distance else 1.0 for column in measured]
    adjusted = benjamini_hochberg([*distances, *(column.missing_p_value for column in measured)])
    missing = adjusted[len(measured) :]
    reports = [_judge_column(*column, floors) for column in zip(measured, adjusted, missing, strict=False)]
    if shares:
        reports = [dataclasses.replace(report, importance=shares.get(report.name, 0.0)) for report in reports]
    return tuple(sorted(reports, key=lambda report: _badness(report, len(reports)), reverse=True))


def _judge_column(measured: Measured, adjusted: float, adjusted_missing: float, floors: _Floors) -> ColumnReport:
    distance, rules = measured.distance, floors.rules
    floor, reason = floors.floor(measured)
    missing_change = abs(measured.missing_now - measured.missing_before)
    # Where quiet windows differ much, the floor may be as high as a distance gets: `is_far` still finds another unit.
    has_moved = distance is not None and adjusted <= rules.significance and (distance.effect > floor or distance.is_far)
    is_sure = adjusted_missing <= MISSING_FALSE_ALARMS * rules.false_alarms
    lacks_more = missing_change > floors.missing(measured.name) and is_sure
    is_unseen = distance is not None and distance.has_new_values
    report = ColumnReport(
        name=measured.name,
        statistic="none",
        effect=None,
        floor=floor,
        floor_reason=reason,
        is_drifted=measured.is_broken or has_moved or lacks_more or is_unseen,
        sentence="",
        missing_before=measured.missing_before,
        missing_now=measured.missing_now,
        findings=measured.findings,
        histogram=measured.histogram,
    )
    if distance is not None:
        report = dataclasses.replace(
            report,
            statistic=distance.statistic,
            effect=distance.effect,
            p_value=distance.p_value,
            adjusted_p_value=adjusted,
            effect_at_most=distance.at_most,
            unseen_share=distance.unseen_share,
            measures=distance.measures,
        )
    return dataclasses.replace(report, sentence=_column_sentence(report, distance.detail if distance else ""))


class _Floors:
    """The floors of the columns, for a window of so many rows."""

    def __init__(self, reference: Profile, rows: int, rules: DriftRules, past: Sequence[PastWindow]) -> None:
        self.rules = rules
        self._rows, self._reference_rows = rows, reference.rows
        self._columns = {column.name: column for column in reference.columns}
        self._past = [window for window in past if window.is_as_long_as(rows)]

    def floor(self, measured: Measured) -> tuple[float, FloorReason]:
        least = self.rules.min_effects.get(measured.name, self.rules.min_effect)
        if measured.distance is None:
            return least, "not compared"
        blocks = block_floor(*self._variation(measured.name))
        floors: list[tuple[float, FloorReason]] = [
            (least, "smallest effect that matters"),
            (measured.distance.null_quantile, "sampling"),
        ]
        # Past windows know of seasons that the reference does not; until there are enough, its blocks stand for them.
        effects = [window.effects[measured.name] for window in self._past if measured.name in window.effects]
        if len(effects) >= ENOUGH_WINDOWS:
            most = MOST_TIMES_BLOCKS * max(least, blocks or 0.0)
            floors.append((min(most, floor_of_effects(effects[-NEWEST_PAST_WINDOWS:])), "past windows"))
        elif blocks is not None:
            floors.append((blocks, "blocks of the reference"))
        return max(floors, key=lambda pair: pair[0])

    def missing(self, name: str) -> float:
        """Return how much the missing share has to change."""
        return max(self.rules.min_missing_change, missing_floor(*self._variation(name)) or 0.0)

    def _variation(self, name: str) -> tuple[Sequence[Variation], int, int]:
        column = self._columns[name]
        variation = () if isinstance(column, OtherColumn) else column.variation
        return variation, self._reference_rows, self._rows


def _badness(report: ColumnReport, columns: int) -> tuple[bool, float]:
    """Return what to sort by. A column of average importance weighs 1, one without any half of that."""
    missing_change = abs(report.missing_now - report.missing_before)
    # In floors, not in effects: columns have floors of their own, and KS and JS distances are of different scales.
    worst = max(report.effect or 0.0, missing_change, report.unseen_share) / report.floor
    weight = 1.0 if report.importance is None else (1 + columns * report.importance) / 2
    return report.is_drifted, worst * weight


def _column_sentence(column: ColumnReport, detail: str) -> str:
    """Return one sentence on a column, e.g. "dep_delay: KS 0.114 against a floor of 0.10; median still 0"."""
    parts = [] if column.effect is None else [_measure(column)]
    if detail:
        parts.append(detail)
    if column.missing_before != column.missing_now:
        change = "rose" if column.missing_now > column.missing_before else "fell"
        parts.append(f"missing values {change} from {column.missing_before:.1%} to {column.missing_now:.1%}")
    parts.extend(column.findings)
    return f"{column.name}: {'; '.join(parts)}" if parts else f"{column.name}: nothing to compare"


def _measure(column: ColumnReport) -> str:
    reason = "" if column.floor_reason == "smallest effect that matters" else f" (set by {column.floor_reason})"
    bound = ""
    if column.effect_at_most is not None and column.effect is not None:
        wide = column.effect_at_most - column.effect > 0.0005
        bound = f" (at most {column.effect_at_most:.3f})" if wide else ""
    return f"{column.statistic} {column.effect:.3f}{bound} against a floor of {column.floor:.2f}{reason}"


def _report_sentence(
    verdict: Verdict,
    columns: Sequence[ColumnReport],
    rows: tuple[int, int],
    rules: DriftRules,
    findings: Sequence[str],
) -> str:
    """Return the whole report in a sentence or two; `columns` worst first, `rows` of the reference and the window."""
    match verdict:
        case "drift":
            drifted = [column for column in columns if column.is_drifted]
            named = "; ".join(column.sentence for column in drifted[:COLUMNS_NAMED])
            more = f"; and {len(drifted) - COLUMNS_NAMED} more" if len(drifted) > COLUMNS_NAMED else ""
            text = f"Drift in {len(drifted)} of {len(columns)} columns over {rows[1]:,} rows: {named}{more}."
            text += _weight_of(drifted)
        case "no-drift":
            compared = [column for column in columns if column.effect is not None]
            text = f"No drift in {len(compared)} columns over {rows[1]:,} rows; nearest is {compared[0].sentence}."
        case "insufficient-data":
            text = _insufficient(columns, rows, rules)
    return " ".join([text, *(f"Also: {finding}." for finding in findings)])


def _weight_of(drifted: Sequence[ColumnReport]) -> str:
    """Return the importance of the drifted columns to the model, most first; nothing when it is not known."""
    weights = [(column.importance, column.name) for column in drifted if column.importance]
    if not weights:
        return "" if all(column.importance is None for column in drifted) else " The model leans on none of them."
    heaviest = sorted(weights, key=lambda weight: (-weight[0], weight[1]))[:COLUMNS_NAMED]
    named = ", ".join(f"{name} {share:.0%}" for share, name in heaviest)
    return f" They carry {sum(share for share, _ in weights):.0%} of the model's importance: {named}."


def _insufficient(columns: Sequence[ColumnReport], rows: tuple[int, int], rules: DriftRules) -> str:
    for what, size in zip(("reference", "window"), rows, strict=True):
        if size < rules.minimum_rows:
            return f"Insufficient data: the {what} has {size:,} rows, at least {rules.minimum_rows:,} are needed."
    if not columns:
        return "Insufficient data: the reference has no column to compare."
    return f"Insufficient data: none of {len(columns)} columns could be compared: {columns[0].sentence}."
