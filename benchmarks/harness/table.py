"""How figures are shown to people and to programs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich import box
from rich.markup import escape
from rich.table import Table

from benchmarks.harness.spec import Benchmark, Figure

_MARKS = {True: "[green]✓[/]", False: "[red]✗[/]", None: ""}


def table(benchmark: Benchmark, figures: Sequence[Figure]) -> Table:
    shown = Table(box=box.SIMPLE_HEAD, title=f"\n{benchmark.name}: {escape(benchmark.summary)}", title_justify="left")
    shown.add_column("figure", no_wrap=True)
    shown.add_column("what")
    shown.add_column("value", justify="right", no_wrap=True)
    shown.add_column("goal", no_wrap=True)
    shown.add_column("")
    for figure in figures:
        goal = "" if figure.goal is None else escape(str(figure.goal))
        shown.add_row(
            figure.name, escape(figure.what), f"{_number(figure.value)} {figure.unit}", goal, _MARKS[figure.is_met]
        )
    return shown


def as_json(figures: Sequence[Figure]) -> list[dict[str, object]]:
    """Return JSON values; a value that is no number (nothing was detected, say) is null."""
    return [
        {
            "figure": figure.name,
            "value": round(figure.value, 6) if math.isfinite(figure.value) else None,
            "unit": figure.unit,
            "goal": None if figure.goal is None else str(figure.goal),
            "met": figure.is_met,
        }
        for figure in figures
    ]


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.3g}"
