"""One view over everything that did not get its effects: what, why, and what putting it back would come to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Literal, assert_never

from shared.domain.ids import FactKey
from shared.domain.messages import LookAt, MakeDigest, PostedAlert, WakeRelease, read_notice_message
from shared.engine.recovery.event_status import Prospect, Reading, as_event, prospect_of, read_body, standing_of
from shared.errors import PermanentError, RetryableError
from shared.events.wire.own_workspace import Home
from shared.ports.queues import EVENTS, LOOKS, NOTICES, RELEASES, OpenQueues, Waiting, poison_queue
from shared.store.facts.dead_letters import GivenUp, GivenUpEvents
from shared.store.facts.large_events import LargeEvents
from shared.store.facts.ledger import Ledger
from shared.store.facts.quarantine import Quarantine
from shared.store.facts.queue_errors import QueueErrors
from shared.store.notices.outbox import OutboxStore
from shared.store.releases.releases import ReleaseStore

Source = Literal["dead", "poison", "quarantine", "parked", "audit"]
# What waits for a person. The audit holds every fact, whatever became of it.
WAITING: tuple[Source, ...] = ("dead", "poison", "quarantine", "parked")
QUEUES = (EVENTS, RELEASES, NOTICES, LOOKS)
READERS = 8
# The service shows no more of a queue. Source: learn.microsoft.com "Peek Messages", read 2026-11-20.
PEEK_LIMIT = 32
ID_DIGITS = 12


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One thing that waits for a person.

    Args:
        id: short, and the same as long as the item is there.
        at: when it came there, UTC.
        place: where it is kept: a blob, a queue, an id in quarantine, a fact's key.
        digest: of what is kept at that place, where one place holds several.
        body: what would be put back; "" for a fact whose event was too large to be kept.
        expires_at: when the place drops it by itself; None for never.
    """

    id: str
    source: Source
    at: datetime
    reason: str
    place: str
    body: str
    prospect: Prospect
    readings: tuple[Reading, ...] = ()
    digest: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True)
class DeadLetters:
    """Reads all four sources, and the ledger to compare them with."""

    given_up: GivenUpEvents
    queues: OpenQueues
    quarantine: Quarantine
    ledger: Ledger
    releases: ReleaseStore
    outbox: OutboxStore
    large_events: LargeEvents
    queue_errors: QueueErrors
    home: Home | None = None

    def items(
        self, sources: Collection[Source] = WAITING, since: datetime | None = None, is_deep: bool = False
    ) -> list[DeadLetter]:
        """Return what is in these sources, the oldest first. Of each poison queue only the first 32 messages are seen.

        Args:
            since: leave out what came there earlier.
            is_deep: look through whole poison queues, which hides their messages from others meanwhile.
        """
        look = self.queues.look_through if is_deep else self.queues.peek
        with ThreadPoolExecutor(READERS) as readers:
            batches = [items for source in sources for items in self._read(source, since, readers, look)]
        items = [item for some in batches for item in some]
        recent = {item.id: item for item in items if since is None or item.at >= since}
        return sorted(recent.values(), key=lambda item: (item.at, item.id))

    def unseen(self) -> int:
        """Return about how many messages of the poison queues are behind those that can be seen."""
        return sum(max(0, self.queues.length(name) - PEEK_LIMIT) for name in map(poison_queue, QUEUES))

    def count_given_up(self) -> int:
        """Return how many blobs of Event Grid's there are; one mostly holds one event."""
        return sum(1 for _ in self.given_up.blobs())

    def count_poison(self) -> int:
        return sum(self.queues.length(poison_queue(queue)) for queue in QUEUES)

    def _read(
        self,
        source: Source,
        since: datetime | None,
        readers: ThreadPoolExecutor,
        look: Callable[[str], tuple[Waiting, ...]],
    ) -> Iterator[list[DeadLetter]]:
        """Yield the items of a source, those of one place at a time."""
        match source:
            case "dead":
                blobs = (item.name for item in self.given_up.blobs() if since is None or item.last_modified >= since)
                return readers.map(self._blob, blobs)
            case "poison":
                return (list(readers.map(partial(self._poison, q), look(poison_queue(q)))) for q in QUEUES)
            case "quarantine":
                return readers.map(self._quarantined, [identifier for identifier, _ in self.quarantine.waiting()])
            case "parked":
                return readers.map(partial(self._fact, "parked"), self.ledger.parked_keys())
            case "audit":
                return readers.map(partial(self._fact, "audit"), self.ledger.keys(since=since))
            case _:
                assert_never(source)

    def _blob(self, name: str) -> list[DeadLetter]:
        return [self._given_up(event) for event in self.given_up.events(name)]

    def _given_up(self, event: GivenUp) -> DeadLetter:
        readings = read_body(event.body, self.ledger, self.home)
        return DeadLetter(
            id=_id("d", event.blob, event.digest),
            source="dead",
            at=event.given_up_at,
            reason=f"{event.reason}; subscription {event.subscription}",
            place=event.blob,
            body=event.body,
            prospect=prospect_of(readings),
            readings=readings,
            digest=event.digest,
        )

    def _poison(self, queue: str, message: Waiting) -> DeadLetter:
        error = self.queue_errors.read(queue, message.digest)
        cause = error.reason if error else "why is in the app's log of that time"
        body, readings, prospect = self._message(queue, message.text)
        return DeadLetter(
            id=_id("p", queue, message.digest),
            source="poison",
            at=message.inserted_at,
            reason=f"it failed too often on queue {queue}: {cause}",
            place=queue,
            body=body,
            prospect=prospect,
            readings=readings,
            digest=message.digest,
            expires_at=message.expires_at,
        )

    def _message(self, queue: str, text: str) -> tuple[str, tuple[Reading, ...], Prospect]:
        """Return what the message stands for, what that tells, and what trying it again would come to."""
        try:
            if queue == EVENTS:
                body = self.large_events.open(text)
                if alert := PostedAlert.from_body(body):
                    body = as_event(alert.text, alert.at)
                readings = read_body(body, self.ledger, self.home)
                return body, readings, prospect_of(readings)
            if queue == LOOKS:
                LookAt.from_body(text)
                return text, (), "nothing"  # a timer has asked again by now
            is_open = self._is_open_release(text) if queue == RELEASES else self._is_open_notice(text)
        except (PermanentError, RetryableError) as exc:
            return text, (Reading("unreadable", problem=f"the message cannot be used: {exc}"),), "refused"
        return text, (), "act" if is_open else "nothing"

    def _is_open_release(self, body: str) -> bool:
        stored = self.releases.load(WakeRelease.from_body(body).release)
        return stored is not None and not stored.release.is_settled

    def _is_open_notice(self, body: str) -> bool:
        message = read_notice_message(body)
        if isinstance(message, MakeDigest):
            return True
        stored = self.outbox.load(message.notice)
        return stored is not None and stored.record.state == "pending"

    def _quarantined(self, identifier: str) -> list[DeadLetter]:
        item = self.quarantine.item(identifier)
        if item is None:
            return []
        body = as_event(item.body, item.at)
        readings = read_body(body, self.ledger, self.home)
        return [
            DeadLetter(
                id=f"q-{identifier[:ID_DIGITS]}",
                source="quarantine",
                at=item.at,
                reason=f"{item.reason} ({item.code})",
                place=identifier,
                body=body,
                prospect=prospect_of(readings),
                readings=readings,
            )
        ]

    def _fact(self, source: Literal["parked", "audit"], key: FactKey) -> list[DeadLetter]:
        stored = self.ledger.read(key)
        if stored is None:
            return []
        entry, written_at = stored
        failed = [f"{outcome.reaction}: {outcome.detail}" for outcome in entry.outcomes if outcome.status == "failed"]
        fact = entry.fact
        reading = Reading(standing_of(entry), fact.event_id, fact.kind, fact.subject, key)
        return [
            DeadLetter(
                id=f"{'f' if source == 'parked' else 'a'}-{key[:ID_DIGITS]}",
                source=source,
                at=written_at,
                reason="; ".join(failed) or "; ".join(entry.remarks) or f"it is {entry.state}",
                place=key,
                body=entry.raw,
                prospect="act" if source == "parked" else "nothing" if entry.is_passing else "known",
                readings=(reading,),
            )
        ]


def _id(letter: str, *parts: str) -> str:
    return f"{letter}-{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:ID_DIGITS]}"
