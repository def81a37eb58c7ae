"""What may go wrong in a run, how often, and where most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from random import Random


@dataclass(frozen=True, slots=True)
class Faults:
    """Probabilities per call through a port.

    Args:
        switch: another worker has its turn first.
        sleep: the worker stops for minutes or days, past its lease, and wakes as a zombie.
        kill: the worker dies; its call may have taken effect, not, or take effect later.
        refuse: the service says "try again", and has done nothing.
        lose_reply: a write takes effect, and nobody answers.
        lose_request: a write never arrives, and nobody answers.
        late: nobody answers a write, and it takes effect later, if its condition still holds then.
    """

    switch: float = 0.0
    sleep: float = 0.0
    kill: float = 0.0
    refuse: float = 0.0
    lose_reply: float = 0.0
    lose_request: float = 0.0
    late: float = 0.0


@dataclass(frozen=True, slots=True)
class Weather:
    """The trouble of a run.

    Args:
        everywhere: for calls that `at` does not name.
        at: by where the call goes: the first part of a blob's name, a queue or a service, and "r" or "w".
        duplicate: per look of the scheduler: a message is on its queue twice.
        jump: per look of the scheduler: the clock goes on by minutes to days.
        lift: per look of the scheduler: a person lifts the freeze of a model.
    """

    everywhere: Faults = Faults()
    at: Mapping[str, Faults] = field(default_factory=dict)
    duplicate: float = 0.0
    jump: float = 0.0
    lift: float = 0.0

    @property
    def is_calm(self) -> bool:
        """Return whether nothing ever stops a worker."""
        return not any(rates.switch or rates.sleep for rates in (self.everywhere, *self.at.values()))


CALM = Weather()
HEAVIEST = Faults(switch=0.3, sleep=0.03, kill=0.03, refuse=0.03, lose_reply=0.04, lose_request=0.04, late=0.05)
HOUR = timedelta(hours=1)
# Past the lease, past the queue's visibility timeout, past a day, past the cooldown.
PAUSES = (timedelta(minutes=3), timedelta(minutes=3), timedelta(minutes=12), 2 * HOUR, 7 * HOUR, 49 * HOUR)
JUMPS = (timedelta(seconds=20), timedelta(minutes=3), timedelta(minutes=12), HOUR, 5.5 * HOUR, 26 * HOUR)
SKEWS = (-HOUR, timedelta(0), HOUR)


def weather(random: Random, at: Mapping[str, Faults], *, share: float) -> Weather:
    """Return the trouble of a run: the hot spots, and `share` (0 to 1) of the heaviest faults everywhere.

    Each kind is left out of some runs: what never happens lets the others go deeper.
    """

    def some(heaviest: float) -> float:
        return heaviest * share * random.choice((0.0, 0.5, 1.0))

    everywhere = Faults(*(some(getattr(HEAVIEST, fault.name)) for fault in fields(Faults)))
    hot = {where: _added(everywhere, more) for where, more in at.items()}
    return Weather(everywhere, hot, duplicate=some(0.06), jump=some(0.08), lift=0.2)


def _added(some: Faults, more: Faults) -> Faults:
    return replace(
        some, **{fault.name: max(getattr(some, fault.name), getattr(more, fault.name)) for fault in fields(Faults)}
    )
