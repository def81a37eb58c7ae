"""Vigia.DataArrived: a new version of a data asset is ready."""

from __future__ import annotations

from shared.domain.fact import DataArrived, Fact
from shared.events.spec import OURS, EventSpec, fact_of
from shared.events.wire.envelope import Envelope

TYPE = f"{OURS}DataArrived"


def parse(envelope: Envelope) -> Fact:
    data = envelope.data
    body = DataArrived(data.name("data"), data.optional_name("version"), data.optional_text("location") or "")
    if body.version is None:
        data.text("location")
    # Without a version, the same place is written to again and again: only the moment tells arrivals apart.
    identity = (body.version,) if body.version else (body.location, envelope.moment)
    return fact_of(envelope, body, identity=(body.data, *identity))


SPEC = EventSpec((TYPE,), parse, "A new version of a data asset is ready.")
