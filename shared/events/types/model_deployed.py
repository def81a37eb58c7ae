"""ModelDeployed: a deployment came up on an endpoint."""

from __future__ import annotations

from shared.domain.arm_ids import OPERATION_PROPERTY, operation_of
from shared.domain.fact import Fact, ModelDeployed
from shared.domain.ids import EndpointName
from shared.events.spec import AZURE_ML, EventSpec, fact_of
from shared.events.wire.envelope import Envelope


def parse(envelope: Envelope) -> Fact:
    endpoint = EndpointName(envelope.data.name("ServiceName"))
    listed = (envelope.data.optional_text("ModelIds") or "").split(",")
    models = tuple(sorted({model.strip() for model in listed if model.strip()}))
    # One endpoint is deployed to again and again with the same models. The operation tells these apart, and can be read
    # back from the deployment; without it only the moment of sending does.
    operation = operation_of(envelope.data.mapping("ServiceProperties").optional_text(OPERATION_PROPERTY))
    identity = (endpoint, operation) if operation else (endpoint, *models, envelope.moment)
    return fact_of(envelope, ModelDeployed(endpoint, models), identity)


SPEC = EventSpec((f"{AZURE_ML}ModelDeployed",), parse, "A deployment came up on an endpoint.")
