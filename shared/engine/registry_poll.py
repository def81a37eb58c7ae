"""Looks for what no event told: versions that were registered, trainings that ended.

An event can be lost before it reaches us. What it would have told is read from the workspace, put into the words of
that event, and sent the event's own way, so that it becomes the same fact with the same key, and the event a duplicate
should it come after all.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.domain.fact import Fact
from shared.domain.ids import ModelName
from shared.engine.access import tell_refusal
from shared.errors import VigiaError
from shared.events.envelope import read_events
from shared.events.polled import model_registered, run_status_changed
from shared.events.registry import parse_fact
from shared.logs import fields
from shared.policy.model import Policy
from shared.ports.clock import Clock
from shared.ports.outbox import Outbox
from shared.ports.queues import EVENTS, MessageQueue
from shared.ports.workspace import Workspace
from shared.reactions.spec import ModelMemory
from shared.store.ledger import Ledger
from shared.store.polls import Mark, Marks, PollMarks

log = logging.getLogger("vigia.poll")

# A version may show up in the listing later than one that was created after it.
OVERLAP = timedelta(hours=1)
# Of a model that got more versions since the last look only the newest are told: they supersede the others.
MOST_VERSIONS = 100
# The end of a training that runs for longer is no news to anyone.
TRAINING_FORGOTTEN_AFTER = timedelta(days=30)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class RegistryPoll:
    """Asks once per policy for versions newer than the last look, and once for each training whose end is unknown."""

    policies: tuple[Policy, ...]
    workspace: Workspace
    models: ModelMemory
    ledger: Ledger
    marks: PollMarks
    queue: MessageQueue
    outbox: Outbox
    clock: Clock
    source: str

    def run(self) -> int:
        """Send what the ledger does not know to queue `events`, and return how much that was.

        One model's trouble does not keep the others waiting; it is looked at again from where it was left.
        """
        before, etag = self.marks.read()
        after: dict[ModelName, Mark] = {}
        missed = 0
        for policy in self.policies:
            mark = before.of.get(policy.model)
            try:
                missed += self._ended_trainings(policy.model)
                mark, found = self._new_versions(policy.model, mark)
                missed += found
            except VigiaError as exc:
                log.warning("poll.delayed", extra=fields(model=policy.model, code=exc.code, reason=exc.message))
                tell_refusal(exc, self.outbox, self.clock.now())
            if mark:
                after[policy.model] = mark
        # Only now: after a crash the same things are looked at again, which is harmless.
        if Marks(after) != before:
            self.marks.save(Marks(after), etag)
        return missed

    def _new_versions(self, model: ModelName, mark: Mark | None) -> tuple[Mark, int]:
        """Tell what was registered since the mark; return the next mark and how much was told.

        The first look at a model tells nothing: what was registered before anyone watched is not to be released.
        """
        if mark is None:
            there = self.workspace.models_after(model, _BEGINNING, 1)
            newest = there[0].created_at if there else _BEGINNING
            return Mark(newest, newest), 0
        found = self.workspace.models_after(model, max(mark.first, mark.newest - OVERLAP), MOST_VERSIONS)
        if not found:
            return mark, 0
        if len(found) == MOST_VERSIONS:
            log.warning("poll.cut", extra=fields(model=model, told=MOST_VERSIONS))
        told = sum(self._tell(model_registered(self.source, version)) for version in reversed(found))
        return Mark(mark.first, max(mark.newest, found[0].created_at)), told

    def _ended_trainings(self, model: ModelName) -> int:
        told, now = 0, self.clock.now()
        for training in self.models.read(model).trainings:
            if training.outcome is not None or now - training.started_at > TRAINING_FORGOTTEN_AFTER:
                continue
            job = self.workspace.job(training.job)
            if job and job.has_ended:
                told += self._tell(run_status_changed(self.source, job, now))
        return told

    def _tell(self, body: str) -> bool:
        """Send the event unless the ledger knows its fact; return whether it did not."""
        (envelope,) = read_events(body)
        fact = parse_fact(envelope)
        if not isinstance(fact, Fact) or self.ledger.entry(fact.key) is not None:
            return False
        self.queue.send(EVENTS, body)
        log.warning("poll.missed", extra=fields(kind=fact.kind, subject=fact.subject, fact=fact.key[:16]))
        return True
