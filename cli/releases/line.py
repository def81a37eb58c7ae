"""A release in one line: its state, its step and its share of the traffic."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from cli.kit.output import text
from shared.domain.releases.release import Release, ReleaseState
from shared.release.states.ab_test import holds

if TYPE_CHECKING:
    from rich.text import Text

_WATCH_WORDS = {"asking": "a person must decide", "ending": "giving it all the traffic"}
STATE_STYLES = {
    "finished": "green",
    "rejected": "yellow",
    "rolled_back": "yellow",
    "rolling_back": "yellow",
    "aborted": "yellow",
    "expired": "yellow",
    "awaiting_approval": "yellow",
    "failed": "bold red",
    "lost": "bold red",
    "superseded": "dim",
}


@dataclass(frozen=True, slots=True)
class ReleaseLine:
    """A release in short. `percent` is the challenger's share as it was read back last; None once it has ended."""

    id: str
    version: str
    state: str
    step: str
    percent: int | None
    reason: str
    held_because: str
    opened_at: datetime
    entered_at: datetime

    @classmethod
    def from_release(cls, release: Release) -> ReleaseLine:
        reached = release.traffic_steps[-1] if release.traffic_steps else 0
        return cls(
            id=release.id,
            version=release.version,
            state=release.state,
            step=step_words(release),
            percent=None if release.state.is_terminal else reached,
            reason=release.reason,
            held_because=release.held_because,
            opened_at=release.opened_at,
            entered_at=release.entered_at,
        )


def step_words(release: Release) -> str:
    """Return e.g. "step 1 of 3, baking"; of an A/B test, until when it is held; of a watch, what comes after it; empty
    where there is nothing to say."""
    if release.state is ReleaseState.WATCHING:
        return _WATCH_WORDS.get(release.phase or "", "")
    if release.state is not ReleaseState.CANARY:
        return ""
    if ends := holds(release):
        until = ends[min(len(release.outcomes), len(ends) - 1)]
        return f"A/B test, held until {until:%Y-%m-%d %H:%M} UTC"
    words = f"step {release.step_index + 1} of {len(release.steps)}"
    return f"{words}, {release.phase}" if release.phase else words


def state_text(state: str) -> Text:
    """Return a state as people read it: "rolled back"."""
    return text(state.replace("_", " "), STATE_STYLES.get(state, "cyan"))
