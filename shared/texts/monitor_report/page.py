"""Renders a monitor's report. Every value is escaped: column names and categories are anybody's input."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from shared.drift.results.assemble import ranked, short_sentence
from shared.drift.results.comparison import ColumnReport
from shared.drift.results.signals import MonitorReport, SignalReport, TrendPoint
from shared.texts import plots
from shared.texts.monitor_report import charts, words
from shared.texts.monitor_report.charts import Series
from shared.texts.values import plain

# The signals whose columns are distributions, before and now; other signals have a sentence per column.
COMPARED = ("data-drift", "prediction-drift")
PERFORMANCE = ("performance", "estimated-performance")
# The rest of the columns stands in a compact table, or behind a line to open.
MOST_ROWS = 25
MOST_PICTURED = 50
MOST_OPEN = 8
MOST_GAPS = 25
MOST_FINDINGS = 40
MOST_TRENDS = 9
_FOLDER = Path(__file__).parent


class Chart(NamedTuple):
    title: str
    about: str
    chart: Markup


def render_report(report: MonitorReport, *, nonce: str = "", back: str = "") -> str:
    """Return the whole page.

    Args:
        nonce: of the answer's Content-Security-Policy; without one the page brings a policy of its own.
        back: where the list of runs is; "" for a file of its own.
    """
    columns = ranked(column for signal in report.signals if signal.signal in COMPARED for column in signal.columns)
    return _template().render(
        report=report,
        nonce=nonce,
        back=back,
        style=Markup(style()),  # noqa: S704 (a file of ours)
        style_hash=style_hash(),
        rows=max((signal.rows for signal in report.signals), default=0),
        columns=columns,
        drifted=sum(column.is_drifted for column in columns),
        is_weighed=any(column.importance is not None for column in columns),
        pictured=_pictured(columns),
        quality_over_time=tuple(_performance(report)),
        trends=tuple(_trends(report, columns)),
        gaps=_gaps(columns),
        findings=tuple(dict.fromkeys(_findings(report.signals))),
        insufficient=tuple(_insufficient(report.signals)),
        most_rows=MOST_ROWS,
        most_open=MOST_OPEN,
        most_gaps=MOST_GAPS,
        most_findings=MOST_FINDINGS,
    )


def _pictured(columns: tuple[ColumnReport, ...]) -> tuple[ColumnReport, ...]:
    """Return the columns that get a card: those with a picture, and drifted ones in any case."""
    return tuple(column for column in columns if column.histogram or column.is_drifted)[:MOST_PICTURED]


def _gaps(columns: tuple[ColumnReport, ...]) -> tuple[ColumnReport, ...]:
    def size(column: ColumnReport) -> float:
        return max(abs(column.missing_now - column.missing_before), column.unseen_share)

    return tuple(sorted((column for column in columns if size(column) > 0), key=size, reverse=True))


def _findings(signals: tuple[SignalReport, ...]) -> Iterator[str]:
    for signal in signals:
        if signal.signal not in COMPARED:
            # Those that count come first.
            yield from (column.sentence for column in signal.columns if column.is_drifted)
            yield from (column.sentence for column in signal.columns if column.findings and not column.is_drifted)
        yield from signal.findings


def _insufficient(signals: tuple[SignalReport, ...]) -> Iterator[str]:
    for signal in signals:
        if signal.verdict in ("insufficient-data", "error"):
            yield f"{words.signal_words(signal.signal)}: {signal.sentence}"
        if signal.signal in COMPARED:
            yield from (column.sentence for column in signal.columns if column.effect is None and not column.is_drifted)


def _performance(report: MonitorReport) -> Iterator[Chart]:
    measured, estimated = (_points(report, name, "") for name in PERFORMANCE)
    if not measured and not estimated:
        return
    measures = {signal.signal: signal.measure for signal in report.signals}
    metric = next((measures[name] for name in PERFORMANCE if measures.get(name)), "") or "performance"
    about = [f"{_last(measured)} on labelled rows (line)"] if measured else []
    about += [f"{_last(estimated)} estimated without labels (dashed, hollow points)"] if estimated else []
    series = [line for line in (Series(measured), Series(estimated, is_estimated=True)) if line.points]
    yield Chart(metric, ", ".join(about), charts.over_time(f"{metric} over time", series, from_zero=False))


def _trends(report: MonitorReport, columns: tuple[ColumnReport, ...]) -> Iterator[Chart]:
    """Yield a chart per signal, then one per column that stands out; one window alone is no trend."""
    for name in dict.fromkeys(point.signal for point in report.trend):
        points = _points(report, name, "")
        if name not in PERFORMANCE and len(points) > 1:
            about = next((signal.measure for signal in report.signals if signal.signal == name), "")
            yield Chart(words.signal_words(name), about, charts.over_time(f"{name} over time", [Series(points)]))
    shown = 0
    for column in columns:
        points = tuple(point for point in report.trend if point.column == column.name and point.signal in COMPARED)
        if len(points) > 1 and shown < MOST_TRENDS:
            shown += 1
            about = (
                f"{column.statistic}, now {words.effect(column.effect)} against a floor of {words.effect(column.floor)}"
            )
            label = f"{plain(column.name)} over time"
            yield Chart(column.name, about, charts.over_time(label, [Series(points)]))


def _points(report: MonitorReport, signal: str, column: str) -> tuple[TrendPoint, ...]:
    return tuple(point for point in report.trend if point.signal == signal and point.column == column)


def _last(points: tuple[TrendPoint, ...]) -> str:
    return words.number(points[-1].value)


@cache
def style() -> str:
    return (_FOLDER / "style.css").read_text(encoding="utf-8") + plots.STYLE


@cache
def style_hash() -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()}"


@cache
def environment(folder: Path) -> Environment:
    """Return what reads the templates of a folder: no value of theirs may be more than text."""
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Every text that comes from outside loses what would reorder or break its surroundings.
        finalize=lambda value: plain(value) if type(value) is str else value,
    )
    environment.filters |= {
        name: getattr(words, name)
        for name in (
            "signal_words",
            "verdict_words",
            "number",
            "effect",
            "percent",
            "count",
            "moment",
            "window",
            "column_name",
            "column_words",
            "measures",
        )
    }
    # The columns' own sentences stand below.
    environment.filters["short_sentence"] = short_sentence
    environment.filters |= {"meter": charts.meter, "histogram": charts.histogram}
    return environment


def _template() -> Template:
    return environment(_FOLDER).get_template("report.html.j2")
