"""Putting things back where they get their effects, or dismissing them; by the ledger nothing acts twice."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Literal, assert_never

from shared.domain.ids import FactKey
from shared.engine.recovery.dead_letters import DeadLetter
from shared.logs import fields
from shared.ports.clock import Clock
from shared.ports.queues import EVENTS, OpenQueues, poison_queue
from shared.store.facts.dead_letters import GivenUpEvents
from shared.store.facts.large_events import LargeEvents
from shared.store.facts.ledger import Ledger
from shared.store.facts.quarantine import Quarantine
from shared.store.facts.queue_errors import QueueErrors
from shared.store.facts.resolutions import Resolution, Resolutions

log = logging.getLogger("vigia.replay")

# "replayed": put back; "cleared": nothing was left to do; "refused": left where it is; "gone": somebody was faster.
Result = Literal["replayed", "cleared", "refused", "gone"]


@dataclass(frozen=True)
class Replay:
    """Each method may be repeated: what was put back twice is a duplicate, and the ledger drops it."""

    given_up: GivenUpEvents
    queues: OpenQueues
    quarantine: Quarantine
    ledger: Ledger
    large_events: LargeEvents
    resolutions: Resolutions
    queue_errors: QueueErrors
    clock: Clock

    def replay(self, item: DeadLetter, by: str, reason: str) -> Result:
        """Put the item back, and take it out of the view after that worked.

        Raises:
            RetryableError: the storage does not answer; repeating it is safe.
        """
        if item.source == "audit" and item.prospect == "nothing":
            return "cleared"  # no policy was concerned, and one that was written since would act
        if item.source == "audit":
            # A drill: the fact is in the ledger, which will say so once more.
            return self._send(item) if item.body else "refused"
        if item.prospect == "refused":
            return "refused"
        if item.prospect == "act":
            return self._note_resolved(item, "replayed", by, reason) if self._put_back(item) else "gone"
        return self._note_resolved(item, "cleared", by, reason) if self._drop(item) else "gone"

    def replay_all(self, items: Iterable[DeadLetter], by: str, reason: str) -> dict[str, Result]:
        """Put all of them back and return what became of each, by its id.

        A queue is gone through for all of its messages at once, in rounds as long as some are found: what could not be
        had in one (hidden in somebody's hands) may be in the next, and what cannot stays where it is.
        """
        items = tuple(items)
        results: dict[str, Result] = {}
        for (queue, prospect), group in _by_queue(items).items():
            taken = self._drain(queue, {item.digest for item in group}, queue if prospect == "act" else None)
            action: Literal["replayed", "cleared"] = "replayed" if prospect == "act" else "cleared"
            for item in group:
                is_taken = item.digest in taken
                results[item.id] = self._note_resolved(item, action, by, reason) if is_taken else "gone"
        return {item.id: results[item.id] if item.id in results else self.replay(item, by, reason) for item in items}

    def _drain(self, queue: str, digests: AbstractSet[str], to: str | None) -> AbstractSet[str]:
        taken: frozenset[str] = frozenset()
        while remaining := digests - taken:
            moved = self.queues.move(poison_queue(queue), remaining, to)
            if not moved:
                break
            taken |= moved
        for digest in taken:
            self.queue_errors.forget(queue, digest)
        return taken

    def dismiss(self, item: DeadLetter, by: str, reason: str) -> bool:
        """Take the item out of the view permanently; the record keeps it whole. False when somebody was faster."""
        if item.source == "parked" and not self.ledger.dismiss(FactKey(item.place), f"dismissed by {by}: {reason}"):
            return False
        # Recorded before it is dropped: what is not kept anywhere else must be in the record.
        self._record(item, "dismissed", by, reason)
        return item.source == "parked" or self._drop(item)

    def _put_back(self, item: DeadLetter) -> bool:
        """Put the item back, then take it off its place; False when it is not there any more."""
        match item.source:
            case "dead":
                # Sent before it is removed: after a crash in between it is sent again, and the ledger drops one.
                self._send(item)
                self.given_up.remove(item.place, item.digest)
                return True
            case "poison":
                return self._move(item, item.place)
            case "quarantine":
                # Opened first: should the event end in quarantine again, its new entry has another ETag than this one.
                opened = self.quarantine.open(item.place)
                if opened is None:
                    return False
                self._send(item)
                # When it is set aside again before this line, it stays in the view.
                self.quarantine.resolve(opened)
                return True
            case "parked":
                return self.ledger.reopen(FactKey(item.place))
            case "audit":
                return False
            case _:
                assert_never(item.source)

    def _drop(self, item: DeadLetter) -> bool:
        """Take the item off its place; False when it is not there any more."""
        match item.source:
            case "dead":
                self.given_up.remove(item.place, item.digest)
                return True
            case "poison":
                return self._move(item, None)
            case "quarantine":
                opened = self.quarantine.open(item.place)
                return opened is not None and self.quarantine.resolve(opened)
            case "parked" | "audit":
                return False
            case _:
                assert_never(item.source)

    def _move(self, item: DeadLetter, to: str | None) -> bool:
        moved = self.queues.move(poison_queue(item.place), {item.digest}, to)
        self.queue_errors.forget(item.place, item.digest)
        return bool(moved)

    def _send(self, item: DeadLetter) -> Result:
        self.queues.send(EVENTS, self.large_events.message(item.body))
        return "replayed"

    def _note_resolved(self, item: DeadLetter, action: Literal["replayed", "cleared"], by: str, note: str) -> Result:
        self._record(item, action, by, note)
        return action

    def _record(
        self, item: DeadLetter, action: Literal["replayed", "cleared", "dismissed"], by: str, note: str
    ) -> None:
        log.info("event.resolved", extra=fields(item=item.id, source=item.source, action=action))
        body = item.body if action == "dismissed" else ""
        self.resolutions.record(Resolution(item.id, item.source, action, by, self.clock.now(), note, item.reason, body))


def _by_queue(items: Iterable[DeadLetter]) -> Mapping[tuple[str, str], list[DeadLetter]]:
    """Return the poison messages that can be taken off their queue, by queue and prospect."""
    groups: dict[tuple[str, str], list[DeadLetter]] = defaultdict(list)
    for item in items:
        if item.source == "poison" and item.prospect != "refused":
            groups[item.place, item.prospect].append(item)
    return groups
