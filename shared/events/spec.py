"""What each file of this package exports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shared.domain.fact import Fact, FactBody, Ignored
from shared.events.wire.envelope import Envelope

AZURE_ML = "Microsoft.MachineLearningServices."
OURS = "Vigia."


@dataclass(frozen=True, slots=True)
class EventSpec:
    """How events of these types are understood.

    Args:
        parse: raises EventError for data that its type does not promise.
        summary: one sentence for the reference.
    """

    types: tuple[str, ...]
    parse: Callable[[Envelope], Fact | Ignored]
    summary: str


def fact_of(envelope: Envelope, body: FactBody, identity: tuple[str, ...], matters: tuple[str, ...] = ()) -> Fact:
    """Return the fact that `envelope` tells. Its source is the workspace, when the event comes out of one."""
    return Fact(
        body=body,
        source=envelope.workspace,
        subject=envelope.subject,
        identity=identity,
        occurred_at=envelope.time,
        event_id=envelope.id,
        matters=matters,
    )
