"""The safety net: whatever was begun and lies still is taken up again."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Protocol

from shared.domain.ids import ReleaseId
from shared.engine.process import Processor
from shared.ports.clock import Clock
from shared.ports.queues import MessageQueue
from shared.store.ledger import Ledger

log = logging.getLogger("vigia.sweep")


class DueReleases(Protocol):
    def due(self, now: object) -> list[ReleaseId]: ...


@dataclass(frozen=True)
class Sweep:
    """Looks for claims whose worker died, releases nobody woke, and notices nobody sent."""

    ledger: Ledger
    processor: Processor
    clock: Clock
    queue: MessageQueue

    def run(self) -> None:
        for key in list(self.ledger.open_keys()):
            self._resume(key)
