"""The safety net: what was begun and then abandoned is resumed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
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
        began = self.clock.now()
        open_since: list[datetime] = []
        mistakes: list[Exception] = []
        for key, since in list(self.ledger.due(began)):
            try:
                self.processor.resume(key)
            except VigiaError as exc:
                open_since.append(since)
                log.warning("sweep.delayed", extra=fields(fact=key[:16], code=exc.code, reason=exc.message))
            except Exception as exc:
                # Whatever it is, it must not stand between the other facts and their effects.
                open_since.append(since)
                log.exception("sweep.unexpected_error", extra=fields(fact=key[:16]))
                mistakes.append(exc)
        arranged = self._wake_overdue(began)
        requeued = self.outbox.requeue_overdue()
        self._beat(began, open_since, arranged, requeued)
        if mistakes:
            raise mistakes[0]

    def _wake_overdue(self, now: datetime) -> list[datetime]:
        """Wake the releases whose look is overdue, and return for when these looks were arranged."""
        overdue = list(self.releases.overdue(now))
        for release, wake_at in overdue:
            # As it was arranged: when the lost message comes after all, the second one is dropped.
            self.queue.send(RELEASES, WakeRelease(release, wake_at).to_body())
        return [wake_at for _, wake_at in overdue]

    def _beat(self, began: datetime, open_since: list[datetime], arranged: list[datetime], requeued: int) -> None:
        """Log that the sweep has run, and what it leaves open. Whoever watches from outside misses this line first."""
        now = self.clock.now()
        log.info(
            "heartbeat",
            extra=fields(
                seconds=_age([began], now),
                open_claims=len(open_since),
                oldest_claim_seconds=_age(open_since, now),
                overdue_releases=len(arranged),
                most_overdue_seconds=_age(arranged, now),
                overdue_notices=requeued,
            ),
        )


def _age(moments: list[datetime], now: datetime) -> float:
    """Return how many seconds ago the earliest was; 0 where there is none."""
    return round((now - min(moments, default=now)).total_seconds(), 1)
