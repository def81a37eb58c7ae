"""The cells of a simulation's table, for the terminal and for its page; and the seed that both say."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.simulate.outcome import Outcome

SEED = 20261120
COLUMNS = ("stays", "after", "90 % by", "rolled back", "undecided", "bad")


def row(outcome: Outcome) -> tuple[str, ...]:
    """Return the outcome's cells, in the order of COLUMNS, after the version's name."""
    name = outcome.change.name + (" *" if outcome.change.is_worse and outcome.is_tolerated else "")
    return (
        name,
        percent(outcome.finished),
        minutes(outcome.promoted_after),
        minutes(outcome.promoted_after_p90),
        percent(outcome.rolled_back) + (f" at {minutes(outcome.rolled_back_after)}" if outcome.rolled_back else ""),
        percent(outcome.undecided),
        f"{outcome.bad_requests:,.0f}" if outcome.change.is_worse else "-",
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
