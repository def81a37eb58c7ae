"""Microsoft.PolicyInsights.PolicyState…: Azure Policy judged a resource for the first time, or again."""

from __future__ import annotations

from dataclasses import replace

from shared.domain.fact import Fact, Ignored, PolicyStateChanged
from shared.events.spec import EventSpec, fact_of
from shared.events.wire.envelope import Envelope

PREFIX = "Microsoft.PolicyInsights.PolicyState"
_GONE = f"{PREFIX}Deleted".lower()


def parse(envelope: Envelope) -> Fact | Ignored:
    if envelope.type.lower() == _GONE:
        reason = "a policy assignment, or the resource it judged, is gone: nothing is judged any more"
        return Ignored(envelope.id, envelope.type, reason, is_known=True)
    data = envelope.data
    # The envelope's time is when it was sent, which may be many minutes later and in another order.
    changed_at = data.time("timestamp")
    body = PolicyStateChanged(
        resource=envelope.required_subject().rstrip("/").lower(),
        assignment=data.text("policyAssignmentId").strip().lower(),
        definition=data.text("policyDefinitionId").strip().lower(),
        compliance=data.name("complianceState"),
        changed_at=changed_at,
    )
    reference = (data.optional_name("policyDefinitionReferenceId") or "").lower()
    identity = (body.assignment, body.definition, reference, changed_at.isoformat())
    fact = fact_of(envelope, body, identity, matters=(body.compliance.lower(),))
    # Told by the topic of a subscription or of a management group, or by both: it happened to the resource.
    return replace(fact, source=body.resource, occurred_at=changed_at)


SPEC = EventSpec(
    (f"{PREFIX}Changed", f"{PREFIX}Created", f"{PREFIX}Deleted"),
    parse,
    "Azure Policy judged a resource for the first time, or again.",
)
