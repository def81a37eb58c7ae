"""What a broken variant is made of."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.simulation.world import Parts


@dataclass(frozen=True, slots=True)
class Patch:
    """`owner.name` is `value` while the variant runs."""

    owner: object
    name: str
    value: object


@dataclass(frozen=True, slots=True)
class Variant:
    """`breaks` is the safety property that goes, in one sentence."""

    name: str
    breaks: str
    parts: Parts = field(default_factory=Parts)
    patches: tuple[Patch, ...] = ()
