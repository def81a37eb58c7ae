"""The plots of a simulation, as SVG written by hand: shares as bars, times as curves, traffic over a day.

Colours are CSS classes, so that a page follows its reader's light or dark screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from shared.domain.release_plan import ReleasePlan
from shared.simulate.result import SimulationResult
from shared.simulate.traffic import HOURS, Traffic

WIDTH = 760
LEFT, RIGHT = 170, 24
BAR, GAP = 26, 14


def shares(results: Sequence[SimulationResult]) -> str:
    """Return one bar per kind of version: promoted, rolled back, undecided."""
    parts = []
    room = WIDTH - LEFT - RIGHT
    for place, each in enumerate(results):
        y, x = place * (BAR + GAP) + 4, float(LEFT)
        is_excused = each.change.is_worse and each.is_tolerated
        parts.append(_text(LEFT - 12, y + BAR / 2 - (7 if is_excused else 0), each.change.name, "label end"))
        if is_excused:
            parts.append(_text(LEFT - 12, y + BAR / 2 + 8, "tolerated by the policy", "note end"))
        for kind, percent in (("good", each.finished), ("bad", each.rolled_back), ("open", each.undecided)):
            width = room * percent / 100
            parts.append(f'<rect class="{kind}" x="{x:.1f}" y="{y}" width="{width:.1f}" height="{BAR}" rx="3"/>')
            if percent >= 8:
                parts.append(_text(x + width / 2, y + BAR / 2, f"{percent:.0f} %", f"inside on-{kind} middle"))
            x += width
    return _svg(len(results) * (BAR + GAP) + 8, parts, "Shares of releases per kind of version")


def times(results: Sequence[SimulationResult]) -> str:
    """Return, per kind of version, the share that had all the traffic, or was rolled back, after so many minutes."""
    height, bottom = 260, 220
    longest = max([minutes for each in results for minutes in (*each.promotions, *each.roll_backs)] or [1.0])
    right, top = WIDTH - 210, 14
    parts = _frame(LEFT - 110, right, top, bottom, longest)

    def x(minutes: float) -> float:
        return LEFT - 110 + (right - LEFT + 110) * minutes / longest

    colour = 0
    for each in results:
        for kind, found in (("promoted", each.promotions), ("rolled back", each.roll_backs)):
            if len(found) < 0.02 * each.runs:
                continue
            at = np.linspace(0, longest, 200)
            share = np.searchsorted(np.array(found), at, side="right") / each.runs
            points = " ".join(
                f"{x(float(a)):.1f},{bottom - (bottom - top) * float(s):.1f}" for a, s in zip(at, share, strict=True)
            )
            dashes = ' stroke-dasharray="6 4"' if kind == "rolled back" else ""
            parts.append(f'<polyline class="line c{colour % 6}" points="{points}"{dashes}/>')
            y = top + 8 + 20 * colour
            key = f'x1="{right + 16}" x2="{right + 40}" y1="{y}" y2="{y}"'
            parts.append(f'<line class="line c{colour % 6}" {key}{dashes}/>')
            parts.append(_text(right + 48, y, f"{each.change.name}: {kind}", "note"))
            colour += 1
    return _svg(height, parts, "Share of releases promoted or rolled back over time")


def day(traffic: Traffic, plan: ReleasePlan) -> str:
    """Return requests per minute over a day, all of them and those of the first step."""
    height, bottom, top, left, right = 190, 150, 14, LEFT - 110, WIDTH - 210
    most = max(*traffic.hourly, 1e-9)
    hourly = [*traffic.hourly, traffic.hourly[0]]
    parts = []
    for kind, share in (("all", 1.0), ("step", plan.steps[0] / 100)):
        xy = [
            (left + (right - left) * hour / HOURS, bottom - (bottom - top) * share * value / most)
            for hour, value in enumerate(hourly)
        ]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in [(left, bottom), *xy, (right, bottom)])
        parts.append(f'<polygon class="{kind}" points="{points}"/>')
    places = [(hour, left + (right - left) * hour / HOURS) for hour in (0, 6, 12, 18, 24)]
    parts += [_text(x, bottom + 16, f"{hour}:00", "note middle") for hour, x in places]
    parts.append(f'<line class="axis" x1="{left}" x2="{right}" y1="{bottom}" y2="{bottom}"/>')
    parts.append(_text(left - 8, top + 4, rate_text(most), "note end"))
    parts.append(_text(left - 8, bottom, "0", "note end"))
    for place, (kind, words) in enumerate((("all", "requests per minute"), ("step", f"first step: {plan.steps[0]} %"))):
        y = top + 8 + 20 * place
        parts.append(f'<rect class="{kind}" x="{right + 16}" y="{y - 6}" width="24" height="12" rx="2"/>')
        parts.append(_text(right + 48, y, words, "note"))
    return _svg(height, parts, "Traffic over a day")


def _frame(left: float, right: float, top: float, bottom: float, longest: float) -> list[str]:
    parts = []
    for percent in (0, 25, 50, 75, 100):
        y = bottom - (bottom - top) * percent / 100
        parts.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_text(left - 8, y, f"{percent} %", "note end"))
    places = [(tick, left + (right - left) * tick / longest) for tick in _ticks(longest)]
    return parts + [_text(x, bottom + 16, f"{tick:g} min", "note middle") for tick, x in places]


def _ticks(longest: float) -> list[float]:
    """Return at most seven round numbers from 0 on."""
    steps = [base * 10**power for power in range(6) for base in (1, 2, 5)]
    by = next((each for each in steps if longest / each <= 6), steps[-1])
    return [float(tick) for tick in range(0, int(longest) + 1, by)]


def _text(x: float, y: float, words: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" dominant-baseline="middle">{escape(words)}</text>'


def _svg(height: float, parts: Sequence[str], title: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}" '
        f'xmlns="http://www.w3.org/2000/svg">{"".join(parts)}</svg>'
    )


def rate_text(rate: float) -> str:
    """Return requests per minute: whole ones, or two digits of few."""
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"


def steps_text(plan: ReleasePlan) -> str:
    """Return the steps as people read them, e.g. "10 % → 50 % → 100 %"."""
    return " → ".join(f"{step} %" for step in plan.steps)
