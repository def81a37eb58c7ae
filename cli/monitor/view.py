"""Lays a monitor's report and its list of runs out for a person at a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from cli.kit.output import console, text
from shared.drift.results.assemble import ranked, strength
from shared.texts.monitor_report.words import count, effect, number, percent, signal_words, verdict_words, window

if TYPE_CHECKING:
    from cli.monitor.reports import RunLine
    from shared.drift.results.comparison import ColumnReport
    from shared.drift.results.signals import MonitorReport, SignalReport

STYLES = {"drift": "bold red", "no-drift": "green", "error": "bold yellow", "insufficient-data": "yellow"}
MOST_COLUMNS = 10
BAR = 20


def print_report(report: MonitorReport) -> None:
    out = console()
    out.print(Text.assemble(verdict(report.verdict), "  ", text(report.sentence, "bold")), soft_wrap=True)
    rows = f", {count(report.reference_rows)} rows" if report.reference_rows is not None else ""
    out.print(text(f"{window(report)}, compared with {report.reference}{rows}", "dim"), soft_wrap=True)
    for signal in report.signals:
        _print_signal(signal)
    out.print(text(f"report {report.id}", "dim"))


def print_runs(model: str, lines: Sequence[RunLine]) -> None:
    out = console()
    if not lines:
        out.print(text(f"the monitor of {model} has not looked yet", "dim"))
        return
    table = _table("report", "verdict", "what was seen")
    for line in lines:
        table.add_row(text(line.report or f"{line.at:%Y-%m-%d %H:%M}", ""), verdict(line.verdict), text(line.sentence))
    out.print(table)


def verdict(name: str) -> Text:
    return text(verdict_words(name), STYLES.get(name, ""))


def _print_signal(signal: SignalReport) -> None:
    out = console()
    out.print()
    out.print(Text.assemble(text(signal_words(signal.signal), "bold"), "  ", verdict(signal.verdict)))
    if signal.columns and signal.columns[0].statistic != "none":
        out.print(_columns(ranked(signal.columns)))
    else:
        out.print(text(signal.sentence), soft_wrap=True)
    for finding in signal.findings[:MOST_COLUMNS]:
        out.print(text(f"- {finding}", "dim"), soft_wrap=True)


def _columns(columns: Sequence[ColumnReport]) -> Table:
    is_weighed = any(column.importance is not None for column in columns)
    table = _table("column", "", "effect", "floor", "missing", "unseen", *(["importance"] if is_weighed else []))
    for column in columns[:MOST_COLUMNS]:
        style = "bold red" if column.is_drifted else ""
        cells = [effect(column.effect), effect(column.floor), percent(column.missing_now), percent(column.unseen_share)]
        cells += [percent(column.importance)] if is_weighed else []
        table.add_row(text(column.name, style), _bar(column), *map(text, cells))
    if len(columns) > MOST_COLUMNS:
        table.add_row(text(f"and {number(len(columns) - MOST_COLUMNS)} more", "dim"))
    return table


def _bar(column: ColumnReport) -> Text:
    """Return the change in multiples of its floor, which is at half of the bar."""
    full = min(BAR, round(strength(column) * BAR / 2))
    floor = "│" if full < BAR // 2 else ""
    empty = "·" * (BAR - full)
    if floor:
        empty = empty[: BAR // 2 - full] + floor + empty[BAR // 2 - full + 1 :]
    return Text.assemble(("█" * full, "red" if column.is_drifted else "cyan"), (empty, "dim"))


def _table(*names: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name in names:
        is_number = name in ("effect", "floor", "missing", "unseen", "importance", "alarms", "episodes", "share")
        table.add_column(name, justify="right" if is_number else "left", no_wrap=is_number)
    return table
