"""Draws plots as SVG. Colours are CSS classes that the page defines, so that plots follow a light or dark screen."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from markupsafe import Markup

from shared.texts.values import plain

# Every page with plots has these rules. Texts of class "e" end at x, "m" have their middle there, "k" are labels.
STYLE = """
svg text { fill: var(--soft); font-size: 11px; font-family: inherit; unicode-bidi: isolate; }
svg text { dominant-baseline: middle; } svg text.k { fill: var(--ink); }
svg .e { text-anchor: end; } svg .m { text-anchor: middle; } .axis { stroke: var(--line); fill: none; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; } .dash { stroke-dasharray: 6 4; }
"""


class Frame(NamedTuple):
    """A picture's size and, inside it, where values are drawn; in units of the SVG's view box."""

    width: float
    height: float
    left: float
    top: float
    right: float
    bottom: float


class Axis(NamedTuple):
    """The values between which a chart is drawn. `ticks` are values with their words, lowest first."""

    low: float
    high: float
    ticks: Sequence[tuple[float, str]]
    has_grid: bool = False

    def share(self, value: float) -> float:
        """Return where the value lies, from 0 to 1."""
        return (value - self.low) / (self.high - self.low)


class Line(NamedTuple):
    """A line of a chart: `kind` are its CSS classes, `name` its words in the legend.

    Args:
        marks: the CSS class of each point's dot; none are drawn without.
        is_area: filled down to the axis, in place of a stroke.
    """

    points: Sequence[tuple[float, float]]
    kind: str
    name: str = ""
    marks: Sequence[str] = ()
    is_area: bool = False


class Bar(NamedTuple):
    """A row of bars: parts beside each other, as class and share of the whole, 0-1. `note` stands below the name."""

    name: str
    parts: Sequence[tuple[str, float]]
    note: str = ""


class Pair(NamedTuple):
    """One category's shares in the reference and the window, 0-1, with the words that stand beside the two bars."""

    name: str
    reference: float
    window: float
    words: str
    is_drawn: bool = True


CARD = Frame(360, 128, 44, 12, 352, 104)
LETTERS = 18
PAIR_HEIGHT, BAR_HEIGHT, BAR_GAP = 22, 26, 14
# A part of a bar narrower than this has no room for its words.
LEAST_WORDED = 0.08


def chart(label: str, lines: Sequence[Line], x: Axis, y: Axis, frame: Frame = CARD) -> Markup:
    """Return lines and areas over common axes, in the order given, with a legend of those that have a name."""

    def place(point: tuple[float, float]) -> tuple[float, float]:
        across, up = x.share(point[0]), y.share(point[1])
        return frame.left + (frame.right - frame.left) * across, frame.bottom - (frame.bottom - frame.top) * up

    parts = [_rule(frame, frame.bottom)]
    for value, words in y.ticks:
        _, height = place((x.low, value))
        parts += [_rule(frame, height)] if y.has_grid else []
        parts.append(text(frame.left - 7, height, words, "e"))
    for value, words in x.ticks:
        across, _ = place((value, y.low))
        is_first, is_last = across <= frame.left, across >= frame.right
        parts.append(text(across, frame.bottom + 12, words, "" if is_first else "e" if is_last else "m"))
    for line in lines:
        places = [place(point) for point in line.points]
        if line.is_area:
            places = [(places[0][0], frame.bottom), *places, (places[-1][0], frame.bottom)]
        if len(places) > 1:
            parts.append(Markup('<path class="{}" d="{}"/>').format(line.kind, _path(places)))
        for (across, height), mark in zip(places, line.marks, strict=False):
            dot = Markup('<circle class="{}" cx="{}" cy="{}" r="{}"/>')
            parts.append(dot.format(mark, _short(across), _short(height), 3.5 if mark == "d" else 2.5))
    return svg(frame.width, frame.height, [*parts, *_legend([line for line in lines if line.name], frame)], label)


def steps(label: str, reference: Sequence[float], window: Sequence[float], x: Axis, y: Axis) -> Markup:
    """Return two distributions over the same intervals: one slot each, whatever its width, so that heights are shares.

    Args:
        x: counted in slots from the left.
    """
    outlines = [
        [(slot + side, share) for slot, share in enumerate(shares) for side in (0, 1)] for shares in (reference, window)
    ]
    lines = [
        Line(outlines[0], "b", is_area=True),
        Line(outlines[1], "na", is_area=True),
        Line([(0, 0), *outlines[1]], "line nl"),
    ]
    return chart(label, lines, x, y)


def pairs(label: str, rows: Sequence[Pair], width: float = CARD.width, left: float = 112, right: float = 98) -> Markup:
    """Return two thin bars per row, as long as their shares are beside the highest of those that are drawn."""
    highest = max((max(row.reference, row.window) for row in rows if row.is_drawn), default=0.0) or 1e-9
    bar = Markup('<rect class="{}" x="{}" y="{}" width="{}" height="7" rx="1"/>')
    parts: list[Markup] = []
    for number, row in enumerate(rows):
        y = 4 + PAIR_HEIGHT * number
        if row.is_drawn:
            for kind, top, share in (("b", y, row.reference), ("n", y + 8, row.window)):
                parts.append(
                    bar.format(kind, _short(left), top, _short(max((width - left - right) * share / highest, 0.5)))
                )
        parts += [_name(left - 8, y + 8, row.name), text(width, y + 8, row.words, "e")]
    return svg(width, PAIR_HEIGHT * len(rows) + 4, parts, label)


def bars(label: str, rows: Sequence[Bar], width: float, left: float) -> Markup:
    """Return one bar per row, made of its parts, with their percents inside."""
    parts: list[Markup] = []
    for number, row in enumerate(rows):
        y, x = number * (BAR_HEIGHT + BAR_GAP) + 4, left
        middle = y + BAR_HEIGHT / 2
        parts.append(text(left - 12, middle - (7 if row.note else 0), row.name, "k e"))
        if row.note:
            parts.append(text(left - 12, middle + 8, row.note, "e"))
        for kind, share in row.parts:
            length = (width - left) * share
            bar = Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}" rx="3"/>')
            parts.append(bar.format(kind, _short(x), y, _short(length), BAR_HEIGHT))
            if share >= LEAST_WORDED:
                parts.append(text(x + length / 2, middle, f"{100 * share:.0f} %", f"inside on-{kind} m"))
            x += length
    return svg(width, len(rows) * (BAR_HEIGHT + BAR_GAP) + 8, parts, label)


def meter(label: str, value: float, floor: float, kind: str) -> Markup:
    """Return the value as a bar with a tick where its floor is."""
    widest = max(1.25 * floor, min(1.0, 2.5 * floor), value)
    return Markup(
        '<svg class="meter" viewBox="0 0 144 12" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<rect class="bar" y="2" width="144" height="8"/><rect class="{}" y="2" width="{}" height="8"/>'
        '<rect class="tick" x="{}" width="2" height="12"/></svg>'
    ).format(label, kind, _short(144 * value / widest), _short(144 * floor / widest - 1))


def round_ticks(highest: float, unit: str) -> list[tuple[float, str]]:
    """Return at most seven round numbers from 0 on, with their unit."""
    steps_by = (base * 10**power for power in range(-3, 12) for base in (1, 2, 5))
    by = next(step for step in steps_by if highest / step <= 6)
    return [(number * by, f"{number * by:g} {unit}") for number in range(math.floor(highest / by) + 1)]


def text(x: float, y: float, words: str, kind: str) -> Markup:
    return Markup('<text class="{}" x="{}" y="{}">{}</text>').format(kind, _short(x), _short(y), words)


def svg(width: float, height: float, parts: Iterable[Markup], label: str) -> Markup:
    opening = Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">')
    return opening.format(_short(width), _short(height), label) + Markup("").join(parts) + Markup("</svg>")


def _rule(frame: Frame, height: float) -> Markup:
    return Markup('<path class="axis" d="M{} {}H{}"/>').format(_short(frame.left), _short(height), _short(frame.right))


def _legend(lines: Sequence[Line], frame: Frame) -> list[Markup]:
    parts: list[Markup] = []
    for number, line in enumerate(lines):
        x, y = frame.right + 16, frame.top + 8 + 20 * number
        d = f"M{x} {y - 6}h24v12h-24Z" if line.is_area else f"M{x} {y}h24"
        parts += [Markup('<path class="{}" d="{}"/>').format(line.kind, d), text(x + 32, y, line.name, "")]
    return parts


def _name(x: float, y: float, name: str) -> Markup:
    """Return a category's name, shortened when there is no room for it: the whole is its title."""
    whole = plain(name) or "(empty)"
    if len(whole) <= LETTERS:
        return text(x, y, whole, "k e")
    shortened = Markup('<text class="k e" x="{}" y="{}">{}<title>{}</title></text>')
    return shortened.format(_short(x), _short(y), whole[: LETTERS - 1] + "…", whole[:200])


def _path(places: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{_short(x)} {_short(y)}" for x, y in places)


def _short(value: float) -> str:
    """Return at most one digit after the point: what a screen can show."""
    return f"{value:.1f}".removesuffix(".0")
