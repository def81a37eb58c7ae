"""Vigia.RetrainingRequested: a person or a schedule asks for a training."""

from __future__ import annotations

from shared.domain.fact import Fact, RetrainingRequested
from shared.domain.ids import ModelName
from shared.events.spec import OURS, EventSpec, fact_of
from shared.events.wire.envelope import Envelope

TYPE = f"{OURS}RetrainingRequested"


def parse(envelope: Envelope) -> Fact:
    data = envelope.data
    body = RetrainingRequested(
        model=ModelName(data.name("model")),
        request=data.name("request"),
        reason=data.text("reason"),
        requested_by=data.name("requestedBy"),
    )
    return fact_of(envelope, body, identity=(body.model, body.request))


SPEC = EventSpec((TYPE,), parse, "A person or a schedule asks for a training.")
