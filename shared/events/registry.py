"""Finds the event types: every module of this package that exports a SPEC."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from functools import cache

import shared.events
from shared.domain.fact import Fact, Ignored
from shared.events.envelope import Envelope
from shared.events.spec import EventSpec


def parse_fact(envelope: Envelope) -> Fact | Ignored:
    """Return what the event tells, or why it tells nothing we act on.

    Raises:
        EventError: the event's data is not what its type promises.
    """
    spec = by_type(specs()).get(envelope.type.lower())
    if spec is None:
        reason = f"nobody here reads events of type {envelope.type}"
        return Ignored(envelope.id, envelope.type, reason, is_known=False)
    return spec.parse(envelope)


@cache
def specs() -> tuple[EventSpec, ...]:
    """Return every event type's spec, in the order of their files."""
    modules = (
        importlib.import_module(f"{shared.events.__name__}.{info.name}")
        for info in pkgutil.iter_modules(shared.events.__path__)
    )
    found = tuple(module.SPEC for module in modules if isinstance(getattr(module, "SPEC", None), EventSpec))
    by_type(found)
    return found


def by_type(found: Iterable[EventSpec]) -> Mapping[str, EventSpec]:
    """Return the specs by lower-cased type.

    Raises:
        ValueError: two files claim one type; a mistake in the code.
    """
    claimed: dict[str, EventSpec] = {}
    for spec in found:
        for kind in spec.types:
            if claimed.setdefault(kind.lower(), spec) is not spec:
                raise ValueError(
                    f"event type {kind} is claimed twice: {claimed[kind.lower()].summary} / {spec.summary}"
                )
    return claimed
