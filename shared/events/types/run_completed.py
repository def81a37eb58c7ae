"""RunCompleted: a run reached its end with success."""

from __future__ import annotations

from shared.domain.fact import Fact
from shared.events.run_ended import run_ended
from shared.events.spec import AZURE_ML, EventSpec
from shared.events.wire.envelope import Envelope


def parse(envelope: Envelope) -> Fact:
    return run_ended(envelope, "completed")


SPEC = EventSpec((f"{AZURE_ML}RunCompleted",), parse, "A run ended with success.")
