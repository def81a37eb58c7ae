"""The words and table cells of a simulation, for the terminal and for its page; and the seed that both name."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.domain.releases.plan import ReleasePlan
    from shared.simulate.result import SimulationResult

SEED = 20261120
COLUMNS = ("stays", "after", "90 % by", "rolled back", "undecided", "bad")


def row(result: SimulationResult) -> tuple[str, ...]:
    """Return the result's cells, in the order of COLUMNS, after the version's name."""
    name = result.change.name + (" *" if result.change.is_worse and result.is_tolerated else "")
    return (
        name,
        percent(result.finished),
        minutes(result.promoted_after),
        minutes(result.promoted_after_p90),
        percent(result.rolled_back) + (f" at {minutes(result.rolled_back_after)}" if result.rolled_back else ""),
        percent(result.undecided),
        f"{result.bad_requests:,.0f}" if result.change.is_worse else "-",
    )


def percent(value: float) -> str:
    return f"{value:.2g} %" if value < 10 else f"{value:.0f} %"


def minutes(value: float | None) -> str:
    """Return minutes as people say them."""
    if value is None:
        return "-"
    if value < 120:
        return f"{value:.0f} min"
    return f"{value / 60:.1f} h" if value < 48 * 60 else f"{value / 1440:.1f} d"


def rate_text(rate: float) -> str:
    """Return requests per minute: whole ones, or two digits of few."""
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"


def steps_text(plan: ReleasePlan) -> str:
    """Return the steps as people read them, e.g. "10 % → 50 % → 100 %"."""
    return " → ".join(f"{step} %" for step in plan.steps)
