"""Hostility on demand: what Event Grid may do to its subscribers, as often as requested."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Long enough to turn the order of a burst over, short enough not to slow a story down.
REORDER_HOLD_SECONDS = 0.4


class FaultsError(ValueError):
    """A fault setting that makes no sense; the message names the field."""


@dataclass(frozen=True)
class Faults:
    """What goes wrong, per delivery.

    duplicate: chance (0-1) that a delivery is made a second time, once, without retries of its own.
    reorder: hold each attempt for a random time up to REORDER_HOLD_SECONDS, so that events overtake each other.
    delay_ms: bounds of a random delay before each attempt, milliseconds.
    drop: chance (0-1) that an attempt never arrives; it counts as SocketError and is retried.
    seed: makes the choices repeatable for the same order of deliveries; None for other ones each time.
    """

    duplicate: float = 0.0
    reorder: bool = False
    delay_ms: tuple[int, int] = (0, 0)
    drop: float = 0.0
    seed: int | None = None

    def __post_init__(self) -> None:
        for name in ("duplicate", "drop"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
                raise FaultsError(f"{name} must be a number from 0 to 1, found {value!r}")
        if not isinstance(self.reorder, bool):
            raise FaultsError(f"reorder must be true or false, found {self.reorder!r}")
        delay = self.delay_ms
        if len(delay) != 2 or not all(type(bound) is int for bound in delay) or not 0 <= delay[0] <= delay[1]:
            raise FaultsError(f"delay_ms must be [least, most] in whole milliseconds, found {list(delay)!r}")
        if self.seed is not None and type(self.seed) is not int:
            raise FaultsError(f"seed must be a whole number or null, found {self.seed!r}")

    def changed(self, changes: object) -> Faults:
        """Return these faults with the given fields replaced.

        Raises:
            FaultsError: an unknown field, or a value out of bounds.
        """
        if not isinstance(changes, Mapping):
            raise FaultsError(f"expected a JSON object with some of {', '.join(_FIELDS)}")
        unknown = [name for name in changes if name not in _FIELDS]
        if unknown:
            raise FaultsError(f"unknown fault {unknown[0]!r}; known: {', '.join(_FIELDS)}")
        values: dict[str, Any] = dict(changes)
        if "delay_ms" in values:
            if not isinstance(values["delay_ms"], list):
                raise FaultsError(f"delay_ms must be [least, most], found {values['delay_ms']!r}")
            values["delay_ms"] = tuple(values["delay_ms"])
        return dataclasses.replace(self, **values)


_FIELDS = [field.name for field in dataclasses.fields(Faults)]


class Dice:
    """Draws the faults of each delivery."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self._random = random.Random(faults.seed)

    def is_duplicated(self) -> bool:
        return self._random.random() < self.faults.duplicate

    def is_dropped(self) -> bool:
        return self._random.random() < self.faults.drop

    def hold_seconds(self) -> float:
        """Return how long to hold the next attempt."""
        least, most = self.faults.delay_ms
        hold = self._random.uniform(least, most) / 1000
        return hold + (self._random.uniform(0, REORDER_HOLD_SECONDS) if self.faults.reorder else 0.0)

    def stretch(self) -> float:
        """Return the factor, 1.0-1.1, that makes a retry delay slightly random, as the service's are."""
        return self._random.uniform(1.0, 1.1)
