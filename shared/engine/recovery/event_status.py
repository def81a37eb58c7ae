"""What a body contains, event by event, and what the ledger already has of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from shared.domain.fact import Fact, Ignored
from shared.domain.ids import FactKey
from shared.errors import EventError, PermanentError
from shared.events.alerts import read_alert
from shared.events.registry import parse_fact
from shared.events.wire.batch import events_in
from shared.events.wire.envelope import read_events
from shared.events.wire.own_workspace import Home
from shared.ports.publisher import cloud_event
from shared.store.facts.ledger import Entry, Ledger

Standing = Literal["new", "passing", "claimed", "done", "parked", "ignored", "contradiction", "unreadable"]
Prospect = Literal["act", "known", "nothing", "refused"]
LONGEST_GUESS = 200
# Stands for the time that a CloudEvent may leave out: the time is no part of a fact's key.
_SOME_TIME = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Reading:
    """One event. `fact` is None when it is none; `problem` says why it cannot be used."""

    standing: Standing
    event_id: str = ""
    type: str = ""
    subject: str = ""
    fact: FactKey | None = None
    problem: str = ""


def read_body(body: str, ledger: Ledger, home: Home | None = None) -> tuple[Reading, ...]:
    """Return each event of the body as it is read when it is taken in, seen from `home`."""
    return tuple(_read(raw, ledger, home) for raw in events_in(body))


def prospect_of(readings: Sequence[Reading]) -> Prospect:
    """Return what putting the body back would come to: one event that acts makes all of it act."""
    standings = {reading.standing for reading in readings}
    # What concerned no policy is decided on again: one may have been written since.
    if standings & {"new", "passing"}:
        return "act"
    if standings & {"unreadable", "contradiction"}:
        return "refused"
    return "known" if standings - {"ignored"} else "nothing"


def as_event(body: str, received_at: datetime) -> str:
    """Return the body, or its events when it is an alert as action groups post it."""
    try:
        alert = read_alert(body, received_at)
    except EventError:
        return body
    return (
        body if isinstance(alert, Ignored) else json.dumps([cloud_event(event) for event in alert], ensure_ascii=False)
    )


def _read(raw: str, ledger: Ledger, home: Home | None) -> Reading:
    try:
        (envelope,) = read_events(raw, _SOME_TIME)
        fact = parse_fact(envelope)
        fact = home.place(fact) if home else fact
        if isinstance(fact, Ignored):
            return Reading("ignored", envelope.id, envelope.type, envelope.subject, problem=fact.reason)
        standing, problem = _standing(fact, ledger)
    except PermanentError as exc:
        return _guess(raw, str(exc))
    except ValueError:
        return _guess(raw, "it is not one event")
    return Reading(standing, envelope.id, envelope.type, envelope.subject, fact.key, problem)


def _standing(fact: Fact, ledger: Ledger) -> tuple[Standing, str]:
    entry = ledger.entry(fact.key)
    if entry is None:
        return "new", ""
    if entry.fact.payload_digest != fact.payload_digest:
        return "contradiction", f"it says {fact.matters}; the ledger has {entry.fact.matters}"
    return standing_of(entry), ""


def standing_of(entry: Entry) -> Standing:
    return "passing" if entry.is_passing else entry.state


def _guess(raw: str, problem: str) -> Reading:
    """Return what can be made out of an event that cannot be used."""
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        value = None
    keys = {str(key).lower(): content for key, content in value.items()} if isinstance(value, dict) else {}
    kind = _text(keys, "eventtype") or _text(keys, "type") or _text(keys, "schemaid")
    return Reading("unreadable", _text(keys, "id"), kind, _text(keys, "subject"), problem=problem)


def _text(keys: Mapping[str, object], name: str) -> str:
    value = keys.get(name)
    return value[:LONGEST_GUESS] if isinstance(value, str) else ""
