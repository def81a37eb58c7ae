"""Vigia.RetrainingRequested: a person or a schedule asks for a training."""

from __future__ import annotations

from shared.domain.fact import Fact, RetrainingRequested
from shared.domain.ids import ModelName
from shared.errors import EventError
from shared.events.spec import OURS, EventSpec, fact_of
from shared.events.wire.envelope import Envelope

TYPE = f"{OURS}RetrainingRequested"


def parse(envelope: Envelope) -> Fact:
    data = envelope.data
    run_url = data.optional_name("runUrl") or ""
    if run_url and not run_url.startswith("https://"):
        raise EventError("event.field", f"event {envelope.id} of type {TYPE}: data.runUrl is no https:// address")
    body = RetrainingRequested(
        model=ModelName(data.name("model")),
        request=data.name("request"),
        reason=data.text("reason"),
        requested_by=data.name("requestedBy"),
        commit=data.optional_name("commit") or "",
        repository=data.optional_name("repository") or "",
        run_url=run_url,
    )
    return fact_of(envelope, body, identity=(body.model, body.request))


SPEC = EventSpec((TYPE,), parse, "A person, a schedule or a pipeline asks for a training.")
