"""What a seed is about: ten consecutive seeds go through all themes, so that each hazard is met often enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.simulation.faults import Faults
from tests.simulation.stories import Shape


@dataclass(frozen=True, slots=True)
class Theme:
    """Args:
    at: faults at the calls this theme is about.
    share: of the heaviest faults everywhere else, 0 to 1.
    """

    name: str
    shape: Shape
    at: Mapping[str, Faults] = field(default_factory=dict)
    share: float = 0.3


ONCE = Shape(trainings=2, elsewhere=1, copies=(1,))
UNANSWERED = Faults(lose_request=0.6, lose_reply=0.15, late=0.15, switch=0.2)
CROWD = Faults(switch=0.6)
STOPPED = Faults(sleep=0.35, switch=0.3)
DYING = Faults(kill=0.4)
REFUSING = Faults(refuse=0.4)

THEMES = (
    Theme("claims that nobody answers", ONCE, {"ledger w": UNANSWERED}, share=0.15),
    Theme("notes that nobody answers", ONCE, {"models w": UNANSWERED}, share=0.15),
    Theme("many facts at once", Shape(3, freezes=1, spread_minutes=1), {"models w": STOPPED, "ledger w": CROWD}),
    Theme("releases that nobody answers", Shape(0, releases=3, copies=(1,)), {"releases w": UNANSWERED}, share=0.15),
    Theme("zombies", Shape(3, copies=(1, 2)), {"ledger w": STOPPED, "jobs w": STOPPED, "outbox w": CROWD}),
    Theme("deaths", Shape(3), {"ledger w": DYING, "jobs w": DYING, "outbox w": DYING}),
    Theme(
        "services that refuse",
        ONCE,
        {"models r": Faults(refuse=0.2), "models w": REFUSING, "jobs w": REFUSING, "inbox w": REFUSING},
    ),
    Theme("contradictions and nonsense", Shape(1, wrongs=3), {"quarantine w": UNANSWERED}),
    Theme("late and under other ids", Shape(3, copies=(2, 3)), {"ledger r": CROWD, "ledger w": CROWD}),
    Theme("everything", Shape(2, elsewhere=1, releases=1, others=1), share=1.0),
)


def theme_of(seed: int) -> Theme:
    return THEMES[seed % len(THEMES)]
