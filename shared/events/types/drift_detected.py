"""Vigia.DriftDetected: one of our own monitors found drift."""

from __future__ import annotations

from shared.domain.fact import DriftDetected, Fact, FeatureDrift
from shared.domain.ids import ModelName
from shared.events.spec import OURS, EventSpec, fact_of
from shared.events.wire.envelope import Envelope
from shared.events.wire.fields import Fields

TYPE = f"{OURS}DriftDetected"


def parse(envelope: Envelope) -> Fact:
    data = envelope.data
    body = DriftDetected(
        model=ModelName(data.name("model")),
        monitor=data.name("monitor"),
        signal=data.name("signal"),
        run=data.name("run"),
        features=tuple(_feature(item) for item in data.items("features")),
        detail=data.optional_text("detail") or "",
        report=data.optional_name("report") or "",
    )
    return fact_of(envelope, body, identity=(body.run, body.signal), matters=(body.model or "",))


def _feature(item: Fields) -> FeatureDrift:
    # A measurement of the whole model has no feature.
    feature = item.optional_name("feature") or ""
    return FeatureDrift(feature, item.name("metric"), item.number("value"), item.number("threshold"))


SPEC = EventSpec((TYPE,), parse, "One of Vigia's own monitors found drift.")
