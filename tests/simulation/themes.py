"""What a seed is about: fourteen consecutive seeds go through all themes, so that each hazard is met often enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from tests.simulation.faults import Faults
from tests.simulation.ports import AZURE_ML
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


AT_ONCE = (timedelta(0), timedelta(seconds=40))
ONCE = Shape(trainings=2, elsewhere=1, copies=(1,))
REFUSED = Shape(trainings=2, freezes=1, copies=(1,))
COPIES = Shape(trainings=3, copies=(2, 3), late=(*AT_ONCE, timedelta(days=3)), spread_minutes=0, hours=(0,))
UNANSWERED = Faults(lose_request=0.6, lose_reply=0.15, late=0.15, switch=0.2)
LOST = Faults(lose_request=0.8, late=0.1)
STOPPED = Faults(sleep=0.35, switch=0.3)
CAUGHT = Faults(sleep=0.5, switch=0.4)
DYING = Faults(kill=0.35)
REFUSING = Faults(refuse=0.4)
MINUTE = timedelta(minutes=1)
# The host's poison messages cannot be made to stay; those behind what can be seen are put back within ten minutes.
AFTER_POISON = 20 * MINUTE
AROUND = (timedelta(seconds=40), 4 * MINUTE, 20 * MINUTE, timedelta(hours=5))
AZURE_ML_OUT = (AZURE_ML, "503", MINUTE)
MEMORY_DAMAGED = ("models r", "400", 8 * MINUTE)

THEMES = (
    Theme("claims that nobody answers", ONCE, {"ledger w": UNANSWERED, "inbox w": REFUSING}, share=0.1),
    Theme("notes that nobody answers", ONCE, {"models w": UNANSWERED, "inbox w": REFUSING}, share=0.15),
    Theme(
        "many facts at once",
        Shape(4, freezes=1, late=AT_ONCE, spread_minutes=0, hours=(0,)),
        {"models w": CAUGHT, "ledger w": CAUGHT},
    ),
    Theme("releases that nobody answers", Shape(0, releases=3, copies=(1,)), {"releases w": LOST}, share=0.1),
    Theme("zombies", Shape(3, freezes=1, copies=(1, 2)), dict.fromkeys(("ledger w", "jobs w", "models w"), STOPPED)),
    Theme("deaths", Shape(2), dict.fromkeys(("ledger w", "jobs w", "outbox w", "inbox w"), DYING)),
    Theme("services that refuse", REFUSED, dict.fromkeys(("models w", "jobs w", "compute w", "inbox w"), REFUSING)),
    Theme("contradictions and nonsense", Shape(1, wrongs=3), {"quarantine w": UNANSWERED, "models r": REFUSING}),
    Theme("copies at once and days later", COPIES, {"ledger w": CAUGHT, "models w": CAUGHT}),
    Theme("everything", Shape(3, elsewhere=1, freezes=1, releases=1, others=2), share=1.0),
    Theme(
        "a burst of notices",
        Shape(0, burst=12, copies=(1,), late=AT_ONCE, spread_minutes=1, hours=(0,)),
        {"outbox w": DYING, "storms w": UNANSWERED, "inbox w": REFUSING},
        share=0.1,
    ),
    Theme(
        "Azure ML is away for a minute, and the app is stopped before all is done",
        Shape(
            2, freezes=1, releases=3, copies=(1, 2), late=AT_ONCE, spread_minutes=0.8, hours=(0,), outage=AZURE_ML_OUT
        ),
        share=0.0,
    ),
    Theme(
        "more poison than can be seen, and an app that is stopped for two weeks",
        Shape(
            0, flood=12, copies=(1,), spread_minutes=5, hours=(0,), outage=MEMORY_DAMAGED, stopped_after=AFTER_POISON
        ),
        share=0.0,
    ),
    Theme(
        "facts that pass, and a policy that is added",
        Shape(
            3,
            elsewhere=1,
            releases=2,
            passing=2,
            copies=(2, 3),
            late=AROUND,
            spread_minutes=5,
            hours=(0,),
            policy_after=5 * MINUTE,
        ),
        {"ledger w": CAUGHT, "passing w": Faults(lose_reply=0.2, late=0.2, switch=0.2)},
        share=0.1,
    ),
)


def theme_of(seed: int) -> Theme:
    return THEMES[seed % len(THEMES)]
