"""What the plots of a monitor's report show: columns before and now, and signals over past windows."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from markupsafe import Markup

from shared.drift.results.comparison import ColumnReport, Histogram
from shared.drift.results.signals import TrendPoint
from shared.texts import plots
from shared.texts.monitor_report.words import day, hour, number, percent
from shared.texts.plots import Axis, Line, Pair
from shared.texts.values import plain

MOST_CATEGORIES = 10


class Series(NamedTuple):
    """One line of a chart. `points` oldest first."""

    points: Sequence[TrendPoint]
    is_estimated: bool = False


def meter(column: ColumnReport) -> Markup:
    """Return the column's largest change as a bar, with a tick where its floor is."""
    change = max(column.effect or 0.0, abs(column.missing_now - column.missing_before), column.unseen_share)
    label = f"{number(change)} against a floor of {number(column.floor)}"
    return plots.meter(label, change, column.floor, "d" if column.is_drifted else "n")


def histogram(column: ColumnReport) -> Markup:
    """Return the column's distribution before and now; nothing when it has none."""
    shown = column.histogram
    if shown is None or not shown.labels:
        return Markup("")
    label = f"{plain(column.name)}: shares of rows per value, before and now"
    are_numbers = shown.edges or (column.statistic == "KS" and len(shown.labels) > MOST_CATEGORIES)
    return _intervals(shown, label) if are_numbers else _categories(shown, label)


def over_time(label: str, series: Sequence[Series], *, from_zero: bool = True) -> Markup:
    """Return the lines over their common time, with the thresholds of the first that has any."""
    points = [point for line in series for point in line.points]
    limits = next(([p for p in line.points if p.threshold is not None] for line in series if line.points), [])
    low, high = _range([point.value for point in points] + [point.threshold or 0.0 for point in limits], from_zero)
    first, last = min(point.at for point in points), max(point.at for point in points)
    if last > first:
        ticks = [(first.timestamp(), _when(first, last)), (last.timestamp(), _when(last, first))]
        x = Axis(first.timestamp(), last.timestamp(), ticks)
    else:
        # One moment has no length: it is drawn at the right end, where the newest window always is.
        x = Axis(last.timestamp() - 1, last.timestamp(), [(last.timestamp() - 1, _when(first, last))])
    lines = []
    if limits:
        threshold = [(point.at.timestamp(), point.threshold or 0.0) for point in limits]
        # A threshold that only one window had is drawn up to it.
        start = [(x.low, threshold[0][1])] if len(threshold) == 1 else []
        lines.append(Line([*start, *threshold], "t"))
    lines += [_line(line) for line in series]
    return plots.chart(label, lines, x, Axis(low, high, [(low, number(low)), (high, number(high))]))


def _line(series: Series) -> Line:
    quiet = "hollow" if series.is_estimated else "n"
    return Line(
        [(point.at.timestamp(), point.value) for point in series.points],
        "line nl dash" if series.is_estimated else "line nl",
        marks=["d" if point.verdict == "drift" else quiet for point in series.points],
    )


def _intervals(shown: Histogram, label: str) -> Markup:
    highest = max(*shown.before, *shown.now, 1e-9)
    # Borders stand between the slots, single values below them.
    words = [_edge(edge) for edge in shown.edges] or [value if len(value) < 8 else "" for value in shown.labels]
    last, offset = len(words) - 1, 0.0 if shown.edges else 0.5
    places = sorted({0, round(last / 3), round(2 * last / 3), last})
    x = Axis(0, len(shown.labels), [(place + offset, words[place]) for place in places])
    y = Axis(0, highest, [(0, "0"), (highest, percent(highest))])
    return plots.steps(label, shown.before, shown.now, x, y)


def _categories(shown: Histogram, label: str) -> Markup:
    """Draw the categories that matter most in one of the two; the others stand together in a row without bars."""
    rows = list(zip(shown.labels, shown.before, shown.now, strict=False))
    if len(rows) <= MOST_CATEGORIES:
        return plots.pairs(label, [_pair(*row) for row in rows])
    # The last label is already everything that has none of its own; it is not drawn beside the others.
    order = sorted(range(len(rows) - 1), key=lambda place: max(rows[place][1:]), reverse=True)
    largest = sorted(order[: MOST_CATEGORIES - 1])
    others = [row for place, row in enumerate(rows) if place not in largest]
    together = _pair("all others", math.fsum(row[1] for row in others), math.fsum(row[2] for row in others))
    return plots.pairs(label, [*(_pair(*rows[place]) for place in largest), together._replace(is_drawn=False)])


def _pair(name: str, reference: float, window: float) -> Pair:
    return Pair(name, reference, window, f"{_percent(reference)} → {_percent(window)}")


def _range(values: Sequence[float], from_zero: bool) -> tuple[float, float]:
    low, high = min(values), max(values)
    if from_zero and low >= 0:
        return 0.0, (high or 1.0) * 1.15
    margin = 0.25 * (high - low) or max(abs(high) * 0.05, 1e-6)
    return low - margin, high + margin


def _when(at: datetime, other: datetime) -> str:
    return hour(at) if at.date() == other.date() and at != other else day(at)


def _percent(share: float) -> str:
    return percent(share).replace(" %", "") + (" %" if share else "")


def _edge(value: float) -> str:
    is_endless = abs(value) >= sys.float_info.max  # stored in place of an infinity
    return ("∞" if value > 0 else "-∞") if is_endless else number(value)
