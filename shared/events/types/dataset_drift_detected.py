"""DatasetDriftDetected: what the retired dataset monitors of Azure ML's first SDK still send where one is left."""

from __future__ import annotations

from shared.domain.fact import DATASET_SIGNAL, DriftDetected, Fact
from shared.events.spec import AZURE_ML, EventSpec, fact_of
from shared.events.wire.envelope import Envelope


def parse(envelope: Envelope) -> Fact:
    data = envelope.data
    monitor = data.name("DataDriftName")
    run = data.name("RunId")
    coefficient = data.number("DriftCoefficient")
    window = " to ".join(moment for key in ("StartTime", "EndTime") if (moment := data.optional_text(key)))
    body = DriftDetected(
        model=None,
        monitor=monitor,
        signal=DATASET_SIGNAL,
        run=run,
        features=(),
        detail=f"dataset monitor {monitor}: drift coefficient {coefficient:g}" + (f" in {window}" if window else ""),
    )
    return fact_of(envelope, body, identity=(run, monitor))


SPEC = EventSpec((f"{AZURE_ML}DatasetDriftDetected",), parse, "A dataset monitor (SDK v1, retired) found drift.")
