"""A burst of notices reaches people as a few messages: the first ones at once, the others as digests.

Within a window the first notices of one kind about one model go out one by one. The others wait, pending, for the end
of the window; then a digest is stored that lists them, each is marked as being in it, and the digest is delivered like
any notice. After a crash any worker may repeat any step: a digest is named after its window, so that
there is one, and a notice is only ever marked by a compare-and-set.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from shared.domain.messages import DeliverNotice, MakeDigest
from shared.domain.notice import Notice
from shared.errors import AmbiguousWriteError, RetryableError
from shared.ports.clock import Clock
from shared.ports.queues import NOTICES, MessageQueue
from shared.store.notices.bursts import BurstStore, Window, burst_of
from shared.store.notices.outbox import OutboxRecord, OutboxStore, Stored, blob_name

# With these, ten thousand notices of one burst are five messages and four digests.
AT_ONCE = 5
MOST_IN_DIGEST = 2_500
WINDOW = timedelta(minutes=5)
MOST_TRIES = 10


@dataclass(frozen=True)
class Bursts:
    store: OutboxStore
    windows: BurstStore
    queue: MessageQueue
    clock: Clock

    def lets_through(self, stored: Stored) -> bool:
        """Return whether the notice may be delivered by itself now; if not, it waits for the digest of its burst.

        Raises:
            RetryableError: too many others decide at the same moment.
        """
        burst = burst_of(stored.record.notice)
        for _ in range(MOST_TRIES):
            window, etag = self.windows.read(burst)
            if window and stored.name in window.alone:
                return True
            now = self.clock.now()
            if window and window.has_waiting:
                if window.ends_at > now:
                    return False
                # The worker that was to make the digest crashed: a notice that was queued again makes it instead.
                self.gather(burst)
                return False
            changed = _with(window, stored.name, now)
            if self._written(burst, changed, etag):
                if changed.has_waiting:
                    self._call_for(burst, changed.ends_at - now)
                return not changed.has_waiting
        raise RetryableError("storms.busy", f"too many notices of burst {burst} come at the same moment")

    def gather(self, burst: str) -> None:
        """Make the digest of a window that has ended, hand it over for delivery, and begin the next window."""
        window, etag = self.windows.read(burst)
        if window is None or not window.has_waiting:
            return
        now = self.clock.now()
        if window.ends_at > now:
            self._call_for(burst, window.ends_at - now)
            return
        digest = self._digest(burst, window)
        if digest is None:
            # Nobody waits: the burst is over, and what comes next is the first of another.
            self._written(burst, Window(window.number + 1, now), etag)
            return
        # Digest, marks, message, next window: each step can be repeated. A crash between two of them leaves a window
        # that has waiting notices, so that another worker gathers it again.
        for member in digest.record.members:
            self._mark(member, digest.name)
        self.queue.send(NOTICES, DeliverNotice(digest.name).to_body())
        is_full = len(digest.record.members) >= MOST_IN_DIGEST
        ends_at = now if is_full else now + WINDOW
        if self._written(burst, Window(window.number + 1, ends_at, has_waiting=True), etag):
            self._call_for(burst, ends_at - now)

    def _digest(self, burst: str, window: Window) -> Stored | None:
        """Return the window's digest, made from those who wait unless it was made before; None when nobody waits."""
        key = f"storm/{burst}/{window.number}"
        name = blob_name(key)
        if stored := self.store.load(name):
            return stored
        names = (name for name in self.store.waiting(burst) if name not in window.alone)
        records = (stored.record for name in names if (stored := self.store.load(name)))
        members = list(islice((record for record in records if record.is_waiting), MOST_IN_DIGEST))
        if not members:
            return None
        members.sort(key=lambda record: (record.posted_at, record.notice.key))
        first = members[0].notice
        digest = Notice(first.kind, key, first.model, {"count": str(len(members))})
        self.store.create_digest(digest, self.clock.now(), tuple(record.notice for record in members))
        return self.store.load(name)

    def _mark(self, member: Notice, digest: str) -> None:
        def into_digest(record: OutboxRecord) -> OutboxRecord:
            return replace(record, digest=digest) if record.is_waiting else record

        stored = self.store.load(blob_name(member.key))
        if stored is not None and stored.record.is_waiting:
            self.store.note(stored, into_digest)

    def _written(self, burst: str, window: Window, etag: str) -> bool:
        try:
            return self.windows.write(burst, window, etag)
        except AmbiguousWriteError:
            return self.windows.read(burst)[0] == window

    def _call_for(self, burst: str, delay: timedelta) -> None:
        self.queue.send(NOTICES, MakeDigest(burst).to_body(), delay)


def _with(window: Window | None, name: str, now: datetime) -> Window:
    """Return the window after one more notice asked: let through, or waiting."""
    if window is None or window.ends_at <= now:
        return Window(window.number + 1 if window else 1, now + WINDOW, (name,))
    if len(window.alone) < AT_ONCE:
        return replace(window, alone=(*window.alone, name))
    return replace(window, has_waiting=True)
