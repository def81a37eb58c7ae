"""RunStatusChanged: a run ended, or a model monitor found drift; other changes are ignored."""

from __future__ import annotations

from shared.domain.fact import Fact, Ignored
from shared.events.monitor_breach import BREACH_TAG, monitor_breach
from shared.events.run_ended import outcome_of, run_ended
from shared.events.spec import AZURE_ML, EventSpec
from shared.events.wire.envelope import Envelope


def parse(envelope: Envelope) -> Fact | Ignored:
    # The tag alone is the signal: the step that sets it does not fail, so its status says nothing.
    if envelope.data.mapping("runTags").optional_text(BREACH_TAG):
        return monitor_breach(envelope)
    status = envelope.data.name("runStatus")
    outcome = outcome_of(status)
    if outcome is None:
        return Ignored(envelope.id, envelope.type, f"run status {status} is not an end", is_known=True)
    return run_ended(envelope, outcome)


SPEC = EventSpec(
    (f"{AZURE_ML}RunStatusChanged",), parse, "A run ended; or, by its tag, an Azure ML monitor found drift."
)
