"""The safety net: what was begun and then abandoned is resumed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from shared.domain.ids import FactKey
from shared.domain.messages import WakeRelease
from shared.engine.notices.outbox import NoticeOutbox
from shared.errors import VigiaError
from shared.logs import fields
from shared.ports.clock import Clock
from shared.ports.queues import RELEASES, MessageQueue
from shared.store.facts.ledger import Ledger
from shared.store.releases.releases import ReleaseStore

log = logging.getLogger("vigia.sweep")


class Resumption(Protocol):
    """What continues an open fact: the processor."""

    def resume(self, key: FactKey) -> None: ...


@dataclass(frozen=True)
class LateResumption:
    """A processor that is built for the first open fact: it needs the policies, and while they are broken releases must
    still be woken and notices be sent."""

    processor: Callable[[], Resumption]

    def resume(self, key: FactKey) -> None:
        self.processor().resume(key)


@dataclass(frozen=True)
class Sweep:
    """Finds claims whose worker crashed, releases whose wake-up was lost, and notices that were not sent."""

    ledger: Ledger
    releases: ReleaseStore
    processor: Resumption
    outbox: NoticeOutbox
    queue: MessageQueue
    clock: Clock

    def run(self) -> None:
        """Resume what is abandoned; an item that fails does not keep the others waiting.

        Raises:
            Exception: a mistake in the code, met on the way and raised once everything else was resumed.
        """
        keys = list(self.ledger.due_keys(self.clock.now()))
        mistakes = [mistake for key in keys if (mistake := self._resume(key))]
        for release, wake_at in self.releases.overdue(self.clock.now()):
            # As it was arranged: when the lost message comes after all, the second one is dropped.
            self.queue.send(RELEASES, WakeRelease(release, wake_at).to_body())
        self.outbox.requeue_overdue()
        if mistakes:
            raise mistakes[0]

    def _resume(self, key: FactKey) -> Exception | None:
        try:
            self.processor.resume(key)
        except VigiaError as exc:
            log.warning("sweep.delayed", extra=fields(fact=key[:16], code=exc.code, reason=exc.message))
        except Exception as exc:
            # Whatever it is, it must not stand between the other facts and their effects.
            log.exception("sweep.unexpected_error", extra=fields(fact=key[:16]))
            return exc
        return None
