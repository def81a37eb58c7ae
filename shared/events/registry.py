"""Finds the event types: every module of `types` that exports a SPEC."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache

import shared.events.types
from shared.domain.fact import Fact, Ignored
from shared.errors import EventError
from shared.events.spec import EventSpec
from shared.events.wire.batch import MOST_EVENTS
from shared.events.wire.envelope import Envelope, read_events
from shared.events.wire.own_workspace import Home


def read_fact(raw: str, received_at: datetime, home: Home | None = None) -> Fact | Ignored:
    """Return what one event tells, seen from `home`, or why it tells nothing we act on.

    Args:
        received_at: UTC; when an event happened that carries no time of its own.

    Raises:
        EventError: it is not one event, or its data is not what its type promises.
    """
    envelopes = read_events(raw, received_at)
    if len(envelopes) != 1:
        problem = f"{len(envelopes)} events are in it where one is meant"
        raise EventError("event.envelope", problem, f"send events side by side, at most {MOST_EVENTS} at once")
    fact = parse_fact(envelopes[0])
    return home.place(fact) if home else fact


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
        importlib.import_module(f"{shared.events.types.__name__}.{info.name}")
        for info in pkgutil.iter_modules(shared.events.types.__path__)
    )
    all_specs = tuple(module.SPEC for module in modules if isinstance(getattr(module, "SPEC", None), EventSpec))
    by_type(all_specs)
    return all_specs


def by_type(specs: Iterable[EventSpec]) -> Mapping[str, EventSpec]:
    """Return the specs by lower-cased type.

    Raises:
        ValueError: two files claim one type; a mistake in the code.
    """
    claimed: dict[str, EventSpec] = {}
    for spec in specs:
        for kind in spec.types:
            if claimed.setdefault(kind.lower(), spec) is not spec:
                raise ValueError(
                    f"event type {kind} is claimed twice: {claimed[kind.lower()].summary} / {spec.summary}"
                )
    return claimed
