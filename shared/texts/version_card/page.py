"""Renders a version's card. Every value is escaped: names and reasons are anybody's input."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup

from shared.domain.releases.card import VersionCard
from shared.domain.releases.release import ReleaseState
from shared.domain.releases.verdict import GateResult, Verdict
from shared.texts.monitor_report.page import environment, style, style_hash

_GROUP = " of "
MOST_BARS = 40
_ENDINGS = {
    ReleaseState.FINISHED: "Released, and watched to the end",
    ReleaseState.REJECTED: "Rejected before it served",
    ReleaseState.EXPIRED: "Not released: nobody decided in time",
    ReleaseState.SUPERSEDED: "Not released: another version took its place",
    ReleaseState.ROLLED_BACK: "Rolled back: the champion has its traffic again",
    ReleaseState.ABORTED: "Aborted",
    ReleaseState.FAILED: "The release failed",
    ReleaseState.LOST: "The release was lost sight of",
}


class Bar(NamedTuple):
    """A name with its number, and that number as whole percents of the largest one beside it."""

    name: str
    value: float
    percent: int


def render_card(card: VersionCard, *, nonce: str = "", back: str = "") -> str:
    """Return the whole page.

    Args:
        nonce: of the answer's Content-Security-Policy; without one the page brings a policy of its own.
        back: where the release's question is; "" for a file of its own.
    """
    template = environment(Path(__file__).parent).get_template("card.html.j2")
    return template.render(
        card=card,
        nonce=nonce,
        back=back,
        style=Markup(style()),  # noqa: S704 (a file of ours)
        style_hash=style_hash(),
        tone=_tone(card.state),
        headline=_headline(card),
        updated=card.updated_at,
        story=card.story,
        tones={"pass": "no-drift", "fail": "drift", "inconclusive": "insufficient-data"},
        measured={result.gate: _measured(result) for result in card.gates},
        groups={result.gate: _groups(result) for result in card.gates},
        attributions=[(entry, _bars(entry.features)) for entry in card.evidence.attributions],
    )


def _headline(card: VersionCard) -> str:
    how = _ENDINGS.get(card.state, f"On its way: {card.state.replace('_', ' ')}")
    passed = sum(result.verdict is Verdict.PASS for result in card.gates)
    return f"{how}. {passed} of {len(card.gates)} gates passed." if card.gates else f"{how}."


def _tone(state: ReleaseState) -> str:
    """Return the state's colour: those of the monitors' verdicts."""
    if state is ReleaseState.FINISHED:
        return "no-drift"
    return "drift" if state.is_terminal else "insufficient-data"


def _measured(result: GateResult) -> str:
    """Return the gate's numbers that are of no single group, in words."""
    numbers = {name.replace("_", " "): value for name, value in result.numbers.items() if _GROUP not in name}
    return " · ".join(f"{name} {value:,.5g}" for name, value in numbers.items())


def _groups(result: GateResult) -> dict[str, list[Bar]]:
    """Return the groups' values by rate, lowest first."""
    rates: dict[str, dict[str, float]] = {}
    for name, value in result.numbers.items():
        rate, is_of, group = name.partition(_GROUP)
        if is_of:
            rates.setdefault(rate, {})[group] = value
    return {rate: _bars(values)[::-1] for rate, values in rates.items()}


def _bars(values: Mapping[str, float]) -> list[Bar]:
    """Return the largest values, largest first."""
    ranked = sorted(values.items(), key=lambda item: item[1], reverse=True)[:MOST_BARS]
    largest = max((abs(value) for _, value in ranked), default=0.0) or 1.0
    return [Bar(name, value, round(100 * abs(value) / largest)) for name, value in ranked]
