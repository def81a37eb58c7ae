"""Looks: timers ask for them by messages, and of each subject one is taken at a time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from shared.domain.ids import ModelName
from shared.domain.messages import LookAt, LookKind
from shared.engine.monitors.run_due import Monitors
from shared.engine.monitors.watchdog import Watchdog, second_moment
from shared.logs import span
from shared.ports.clock import Clock
from shared.ports.queues import LOOKS, MessageQueue
from shared.store.monitors.look_claims import LEASE, LookClaims

log = logging.getLogger("vigia.looks")

# A pass over the endpoints takes seconds, and two beside each other do no harm: each of its writes is guarded.
PASS_LEASE = timedelta(minutes=3)


@dataclass(frozen=True)
class Looks:
    """Hands looks out and takes them.

    Args:
        monitors: raises PolicyError while a file is broken.
        workspace: the looks that are of the whole workspace.
        offset: where the workspace's looks begin within two thirds of the timer's interval, 0 to 1: timers fire for all
            workspaces at once, and what they ask for must not meet ARM's quota at once.
    """

    queue: MessageQueue
    claims: LookClaims
    clock: Clock
    watchdog: Watchdog
    monitors: Callable[[], Monitors]
    workspace: Mapping[LookKind, Callable[[], object]]
    offset: float = 0.0

    def ask_for(self, kind: LookKind) -> None:
        """Ask for a look at the whole workspace."""
        now = self.clock.now()
        intervals = second_moment(self.watchdog.schedules[kind], now) - now
        self.queue.send(LOOKS, LookAt(kind, now).to_body(), self.offset * intervals / 3)

    def take(self, message: LookAt) -> None:
        """Take the look, unless it is under way or was taken since it was asked for.

        Raises:
            PolicyError: a policy file is broken.
            RetryableError: the storage does not answer; the next message asks again.
        """
        late = round((self.clock.now() - message.asked_at).total_seconds(), 1)
        with span("look", look=message.kind, model=message.model or None, late_seconds=late):
            self._take(message)

    def _take(self, message: LookAt) -> None:
        if message.model:
            self.monitors().look(ModelName(message.model), is_of_labels=message.kind == "labels")
            return
        lease = PASS_LEASE if message.kind == "endpoints" else LEASE
        with self.claims.held(message.kind, self.clock.now(), message.asked_at, lease) as claim:
            if claim is None:
                log.info("look.dropped")
                return
            with self.watchdog.on_duty(message.kind):
                self.workspace[message.kind]()
