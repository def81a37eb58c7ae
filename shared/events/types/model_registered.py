"""ModelRegistered: a model version is in the registry of the workspace."""

from __future__ import annotations

from shared.domain.fact import Fact, ModelRegistered
from shared.domain.ids import ModelName, ModelVersion
from shared.events.spec import AZURE_ML, EventSpec, fact_of
from shared.events.wire.envelope import Envelope


def parse(envelope: Envelope) -> Fact:
    model = ModelName(envelope.data.name("ModelName"))
    version = ModelVersion(envelope.data.name("ModelVersion"))
    # A hint published by hand ("look at this model again") must not be a duplicate of the registration.
    hint = envelope.data.optional_name("Hint")
    identity = (model, version, hint) if hint else (model, version)
    return fact_of(envelope, ModelRegistered(model, version), identity)


SPEC = EventSpec((f"{AZURE_ML}ModelRegistered",), parse, "A model version was registered in the workspace.")
