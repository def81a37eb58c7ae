"""A result of another monitoring tool, posted to the alert endpoint in an envelope of ours.

{"schemaId": "vigiaMonitorResult",
 "data": {"tool": "evidently", "model": "flight-delay", "monitor": "nightly", "run": "2026-11-20", "result": …}}
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime

from shared.domain.fact import Ignored
from shared.domain.ids import ModelName
from shared.events.alerts.results import evidently, nannyml
from shared.events.alerts.results.signal_result import SignalResult
from shared.events.sent import outgoing
from shared.events.wire.fields import Fields
from shared.ports.publisher import OutgoingEvent

SCHEMA = "vigiaMonitorResult"
# How the source of such an event begins; no resource of Azure has such an id.
SOURCE = "/monitors/"
TOOLS: dict[str, Callable[[Fields], tuple[SignalResult, ...]]] = {"evidently": evidently.read, "nannyml": nannyml.read}


def external_events(data: Fields, received_at: datetime) -> tuple[OutgoingEvent, ...] | Ignored:
    """Return one event per signal that drifted, or that the tool found nothing.

    `run` names the look that was taken; left out, it is made of the result's own content, so that the same result
    posted twice is one fact.

    Raises:
        EventError: the envelope lacks something, the tool is not known, or the result is not what the tool gives.
    """
    tool = data.one_of("tool", *TOOLS)
    model, monitor = ModelName(data.name("model")), data.optional_name("monitor") or tool
    results = TOOLS[tool](data)
    drifted = [result for result in results if result.is_drift]
    if not drifted:
        return Ignored("", f"{tool} result", "; ".join(result.sentence for result in results), is_known=True)
    named = data.optional_name("run")
    return tuple(
        outgoing.drift_detected(
            f"{SOURCE}{tool}",
            received_at,
            model=model,
            monitor=monitor,
            signal=result.signal,
            run=f"{monitor}@{named or _content(result)}",
            features=result.features,
            detail=result.sentence,
        )
        for result in drifted
    )


def _content(result: SignalResult) -> str:
    content = [
        result.window,
        result.sentence,
        *([drift.feature, drift.metric, drift.value] for drift in result.features),
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
