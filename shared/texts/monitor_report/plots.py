"""The page's pictures as SVG: colours are CSS classes, so that they follow the reader's light or dark screen."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from markupsafe import Markup

from shared.drift.results.comparison import ColumnReport, Histogram
from shared.drift.results.signals import TrendPoint
from shared.texts.monitor_report.words import day, hour, number, percent
from shared.texts.values import plain

WIDTH, HEIGHT = 360, 128
LEFT, RIGHT, TOP, BOTTOM = 44, 8, 12, 104
BARS_LEFT, BARS_RIGHT = 112, 98
MOST_CATEGORIES = 10
LABEL_LETTERS = 18


def meter(column: ColumnReport) -> Markup:
    """Return the column's largest change as a bar, with a tick where its floor is."""
    change = max(column.effect or 0.0, abs(column.missing_now - column.missing_before), column.unseen_share)
    widest = max(1.25 * column.floor, min(1.0, 2.5 * column.floor), change)
    kind = "d" if column.is_drifted else "n"
    return Markup(
        '<svg class="meter" viewBox="0 0 144 12" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<rect class="bar" y="2" width="144" height="8"/><rect class="{}" y="2" width="{}" height="8"/>'
        '<rect class="tick" x="{}" width="2" height="12"/></svg>'
    ).format(
        f"{number(change)} against a floor of {number(column.floor)}",
        kind,
        _short(144 * change / widest),
        _short(144 * column.floor / widest - 1),
    )


def histogram(column: ColumnReport) -> Markup:
    """Return the column's distribution before and now; nothing when it has none."""
    shown = column.histogram
    if shown is None or not shown.labels:
        return Markup("")
    label = f"{plain(column.name)}: shares of rows per value, before and now"
    are_numbers = shown.edges or (column.statistic == "KS" and len(shown.labels) > MOST_CATEGORIES)
    return _intervals(shown, label) if are_numbers else _categories(shown, label)


def _intervals(shown: Histogram, label: str) -> Markup:
    """Draw one slot per interval or number, whatever its width: heights are shares, not densities."""
    highest = max(*shown.before, *shown.now, 1e-9)
    slot = (WIDTH - LEFT - RIGHT) / len(shown.labels)
    before, now = (_steps(shares, highest, slot) for shares in (shown.before, shown.now))
    parts = [
        _svg_text(LEFT - 6, TOP + 3, percent(highest), "e"),
        _svg_text(LEFT - 6, BOTTOM + 3, "0", "e"),
        Markup('<path class="b" d="{0}V{1}H{2}Z"/>').format(before, BOTTOM, LEFT),
        Markup('<path class="na" d="{0}V{1}H{2}Z"/>').format(now, BOTTOM, LEFT),
        Markup('<path class="nl" d="{}"/>').format(now),
        Markup('<path class="a" d="M{} {}H{}"/>').format(LEFT, BOTTOM, WIDTH - RIGHT),
    ]
    # Borders stand between the slots, single values below them.
    words = [_edge(each) for each in shown.edges] or [each if len(each) < 8 else "" for each in shown.labels]
    last, offset = len(words) - 1, 0.0 if shown.edges else slot / 2
    for place in sorted({0, round(last / 3), round(2 * last / 3), last}):
        kind = "m" if offset or 0 < place < last else "e" if place else ""
        parts.append(_svg_text(LEFT + place * slot + offset, BOTTOM + 15, words[place], kind))
    return _svg(HEIGHT, parts, label)


def _steps(shares: Sequence[float], highest: float, slot: float) -> str:
    path, x = f"M{LEFT} {BOTTOM}", float(LEFT)
    for share in shares:
        x += slot
        path += f"V{_short(BOTTOM - (BOTTOM - TOP) * share / highest)}H{_short(x)}"
    return path


def _categories(shown: Histogram, label: str) -> Markup:
    """Draw the categories that matter most in one of the two, the rest together."""
    rows = list(zip(shown.labels, shown.before, shown.now, strict=False))
    # The last label is already everything that has none of its own; it is told in numbers, not drawn beside the others.
    order = sorted(range(len(rows) - 1), key=lambda place: max(rows[place][1:]), reverse=True)
    kept = set(order[: MOST_CATEGORIES - 1])
    rest = [row for place, row in enumerate(rows) if place not in kept]
    drawn = [row for place, row in enumerate(rows) if place in kept] if len(rows) > MOST_CATEGORIES else rows
    highest = max(max(row[1:]) for row in drawn) or 1e-9
    parts = [part for place, row in enumerate(drawn) for part in _bars(4 + 22 * place, row, highest)]
    if len(rows) > MOST_CATEGORIES:
        others = ("all others", math.fsum(row[1] for row in rest), math.fsum(row[2] for row in rest))
        parts += _labels(4 + 22 * len(drawn), others)
    height = 22 * (len(drawn) + (len(rows) > MOST_CATEGORIES)) + 4
    return _svg(height, parts, label)


def _bars(y: float, row: tuple[str, float, float], highest: float) -> list[Markup]:
    room = WIDTH - BARS_LEFT - BARS_RIGHT
    bar = Markup('<rect class="{}" x="{}" y="{}" width="{}" height="7" rx="1"/>')
    widths = [_short(max(room * share / highest, 0.5)) for share in row[1:]]
    return [bar.format(*each) for each in zip("bn", (BARS_LEFT,) * 2, (y, y + 8), widths, strict=True)] + _labels(
        y, row
    )


def _labels(y: float, row: tuple[str, float, float]) -> list[Markup]:
    name, before, now = row
    return [_name(BARS_LEFT - 8, y + 12, name), _svg_text(WIDTH, y + 12, f"{_percent(before)} → {_percent(now)}", "e")]


class Series(NamedTuple):
    """One line of a chart. `points` oldest first."""

    points: Sequence[TrendPoint]
    is_estimated: bool = False


def over_time(label: str, series: Sequence[Series], *, from_zero: bool = True) -> Markup:
    """Return the lines over their common time, with the thresholds of the first that has any."""
    points = [point for each in series for point in each.points]
    limits = next(([p for p in each.points if p.threshold is not None] for each in series if each.points), [])
    values = [point.value for point in points] + [point.threshold or 0.0 for point in limits]
    low, high = _range(values, from_zero)
    first, last = min(point.at for point in points), max(point.at for point in points)

    def x(at: datetime) -> str:
        span = (last - first).total_seconds()
        room = WIDTH - LEFT - RIGHT - 8
        return _short(LEFT + 4 + (room * (at - first).total_seconds() / span if span else room))

    def y(value: float) -> str:
        return _short(BOTTOM - (BOTTOM - TOP) * (value - low) / (high - low))

    parts = [
        Markup('<path class="a" d="M{} {}H{}"/>').format(LEFT, BOTTOM, WIDTH - RIGHT),
        _svg_text(LEFT - 6, TOP + 3, number(high), "e"),
        _svg_text(LEFT - 6, BOTTOM + 3, number(low), "e"),
        _svg_text(LEFT, BOTTOM + 15, _when(first, last), ""),
    ]
    if last > first:
        parts.append(_svg_text(WIDTH - RIGHT, BOTTOM + 15, _when(last, first), "e"))
    if limits:
        path = "".join(f"{'L' if place else 'M'}{x(p.at)} {y(p.threshold or 0.0)}" for place, p in enumerate(limits))
        start = f"M{LEFT} {y(limits[0].threshold or 0.0)}L" if len(limits) == 1 else ""
        parts.append(Markup('<path class="t" d="{}"/>').format(start + path.removeprefix("M") if start else path))
    for each in series:
        parts += _line(each, x, y)
    return _svg(HEIGHT, parts, label)


def _line(series: Series, x: object, y: object) -> list[Markup]:
    assert callable(x)
    assert callable(y)
    places = [(x(point.at), y(point.value), point) for point in series.points]
    path = "M" + "L".join(f"{a} {b}" for a, b, _ in places)
    dash = " dash" if series.is_estimated else ""
    parts = [Markup('<path class="nl{}" d="{}"/>').format(dash, path)] if len(places) > 1 else []
    for a, b, point in places:
        kind = "d" if point.verdict == "drift" else "hollow" if series.is_estimated else "n"
        parts.append(
            Markup('<circle class="{}" cx="{}" cy="{}" r="{}"/>').format(kind, a, b, 3.5 if kind == "d" else 2.5)
        )
    return parts


def _range(values: Sequence[float], from_zero: bool) -> tuple[float, float]:
    low, high = min(values), max(values)
    if from_zero and low >= 0:
        return 0.0, (high or 1.0) * 1.15
    margin = 0.25 * (high - low) or max(abs(high) * 0.05, 1e-6)
    return low - margin, high + margin


def _when(at: datetime, other: datetime) -> str:
    return hour(at) if at.date() == other.date() and at != other else day(at)


def _name(x: float, y: float, name: str) -> Markup:
    whole = plain(name) or "(empty)"
    if len(whole) <= LABEL_LETTERS:
        return _svg_text(x, y, whole, "k e")
    return Markup('<text class="k e" x="{}" y="{}">{}<title>{}</title></text>').format(
        x, y, whole[: LABEL_LETTERS - 1] + "…", whole[:200]
    )


def _svg_text(x: float, y: float, words: str, kind: str) -> Markup:
    return Markup('<text class="{}" x="{}" y="{}">{}</text>').format(kind, _short(x), _short(y), words)


def _svg(height: float, parts: Sequence[Markup], label: str) -> Markup:
    opening = Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">').format(WIDTH, _short(height), label)
    return opening + Markup("").join(parts) + Markup("</svg>")


def _percent(share: float) -> str:
    return percent(share).replace(" %", "") + (" %" if share else "")


def _edge(value: float) -> str:
    is_endless = abs(value) >= sys.float_info.max  # stored in place of an infinity
    return ("∞" if value > 0 else "-∞") if is_endless else number(value)


def _short(value: float) -> str:
    """Return at most one digit after the point: what a screen can show."""
    return f"{value:.1f}".removesuffix(".0")
