"""Notices from being posted to being delivered, at least once.

Posting is de-duplicated by the notice's key, and each message is noted right after it was sent, so that a queue
message that comes again sends only what is missing. A worker that crashes between sending and noting leaves one
message that may or may not have arrived: it is sent again as the same attempt, which a channel with repeatable requests
recognises, and others do not.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from shared.domain.messages import DeliverNotice, MakeDigest, read_notice_message
from shared.domain.notice import NEEDS_A_PERSON, Notice, NoticeKind
from shared.engine.notices.bursts import WINDOW, Bursts
from shared.errors import AmbiguousWriteError, PermanentError, PolicyError, RetryableError, VigiaError
from shared.logs import current_correlation, fields, span
from shared.policy.reading.people import Directory
from shared.policy.sections.model import Policy
from shared.ports.channels import Channel, Recipient
from shared.ports.clock import Clock
from shared.ports.queues import NOTICES, MessageQueue
from shared.reactions.notify_section import DEFAULT_CHANNEL, Notify, Route, default_routes
from shared.release.sections.gates_and_approval import Approval
from shared.store.notices.outbox import Delivery, OutboxRecord, OutboxStore, Stored
from shared.texts.notices import digest, render

log = logging.getLogger("vigia.outbox")

# After this long an unreachable channel is noted as failed: news of two days ago helps nobody.
GIVE_UP_AFTER = timedelta(days=2)
# A pending notice is looked after once its first queue message must have had its turn.
OVERDUE_AFTER = timedelta(minutes=5)
MAY_PASS = frozenset({NoticeKind.ACCESS_REFUSED})


@dataclass(frozen=True)
class NoticeOutbox:
    """Takes notices and delivers them. `channels` are the configured ones, by name; without `bursts` every notice is
    told by itself, however many there are. `readable` is what can be read of the policies while one is broken.
    `workspace` is named to the readers, where it is not the app's own."""

    store: OutboxStore
    queue: MessageQueue
    clock: Clock
    policies: Sequence[Policy]
    people: Directory
    channels: Mapping[str, Channel]
    public_url: str
    bursts: Bursts | None = None
    readable: Callable[[], Sequence[Policy]] = tuple
    workspace: str = ""

    def post(self, notices: Sequence[Notice]) -> None:
        """Take the notices over for delivery; one whose key was posted before is dropped.

        A crash between storing and queueing leaves a pending blob, which `requeue_overdue` finds. What may pass
        by itself is posted only once it has lasted.
        """
        for notice in notices:
            if notice.kind in MAY_PASS and not self.store.lasts(notice.kind, self.clock.now()):
                continue
            if name := self.store.create(notice, self.clock.now(), current_correlation()):
                self._enqueue(name)

    def handle(self, message: str) -> None:
        """Deliver what a message of queue `notices` names.

        Raises:
            RetryableError: something could not be sent now; everything else was.
            PermanentError: the message is none of ours, or there is no such notice.
        """
        match read_notice_message(message):
            case DeliverNotice(notice):
                self.deliver(notice)
            case MakeDigest(burst) if self.bursts is not None:
                self.bursts.gather(burst)

    def deliver(self, name: str) -> None:
        """Send what is still to be sent of a stored notice.

        Raises:
            RetryableError: something could not be sent now; everything else was.
            PermanentError: there is no such notice.
        """
        stored = self.store.load(name)
        if stored is None:
            raise PermanentError(
                code="outbox.unknown",
                message=f"there is no notice {name!r}",
                hint="it was deleted by hand; drop the message",
            )
        if stored.record.state != "pending":
            return
        if self.bursts is not None and stored.record.is_waiting and not self.bursts.lets_through(stored):
            return
        notice = stored.record.notice
        with span("notice", stored.record.correlation, kind=notice.kind, model=notice.model, key=notice.key):
            self._deliver(stored)

    def undelivered(self) -> tuple[str, ...]:
        """Return the names of the notices of which something is still to be sent."""
        return tuple(item.name for item in self.store.in_state("pending"))

    def retry(self, name: str) -> bool:
        """Have the failed deliveries of a notice tried again; False when none has failed."""
        now = self.clock.now()
        if not self._change_failed(name, lambda record: replace(record.with_failed("pending", now), retried_at=now)):
            return False
        self._enqueue(name)
        return True

    def dismiss(self, name: str) -> bool:
        """Give the failed deliveries of a notice up permanently; False when none has failed."""
        now = self.clock.now()
        return self._change_failed(name, lambda record: record.with_failed("dismissed", now))

    def _change_failed(self, name: str, change: Callable[[OutboxRecord], OutboxRecord]) -> bool:
        stored = self.store.load(name)
        if stored is None or stored.record.state != "failed":
            return False
        self.store.note(stored, change)
        return True

    def requeue_overdue(self) -> int:
        """Queue pending notices that nobody has touched for five minutes, and return how many.

        One that may wait for the digest of its burst is given as long as a digest takes.
        """
        until_digest = 2 * WINDOW if self.bursts else OVERDUE_AFTER
        names = list(self.store.overdue(self.clock.now(), OVERDUE_AFTER, until_digest))
        for name in names:
            self._enqueue(name)
        return len(names)

    def _enqueue(self, name: str) -> None:
        self.queue.send(NOTICES, DeliverNotice(name).to_body())

    def _deliver(self, stored: Stored) -> None:
        deliveries = stored.record.deliveries
        if deliveries is None:
            now = self.clock.now()
            recipients = self._routes(stored.record.notice)
            deliveries = tuple(Delivery(route.channel, route.email, at=now) for route in recipients)
            # The routes of the first try stay, whatever the policy becomes: what is sent must be known.
            stored = self.store.note(stored, partial(_routed, deliveries=deliveries))
        if not deliveries:
            log.warning("notice.no_route")
        delayed: list[RetryableError] = []
        for delivery in stored.record.deliveries or ():
            if delivery.state == "pending":
                attempted, error = self._attempt(stored.record, delivery)
                stored = self.store.note(stored, partial(OutboxRecord.with_delivery, delivery=attempted))
                delayed += [error] if error else []
        if delayed:
            raise delayed[0]

    def _routes(self, notice: Notice) -> tuple[Route, ...]:
        """Return whom to tell. While a policy file is broken, what needs a person goes to those who can still be read
        of; everything else waits.

        Raises:
            PolicyError: a file is broken, and no recipient can be read from the others.
        """
        channel = DEFAULT_CHANNEL if DEFAULT_CHANNEL in self.channels else next(iter(self.channels), DEFAULT_CHANNEL)
        try:
            return routes(notice, self.policies, channel)
        except PolicyError:
            recipients = routes(notice, self.readable(), channel) if notice.kind in NEEDS_A_PERSON else ()
            if not recipients:
                raise
            return recipients

    def _attempt(self, record: OutboxRecord, delivery: Delivery) -> tuple[Delivery, RetryableError | None]:
        now = self.clock.now()
        try:
            self._send(record, delivery)
        except RetryableError as exc:
            if now - (record.retried_at or record.posted_at) < GIVE_UP_AFTER:
                # What may have been taken is repeated as the same attempt; what was not is a new one.
                began = delivery.at if isinstance(exc, AmbiguousWriteError) else now
                return replace(delivery, at=began, problem=str(exc)), exc
            return self._failed(delivery, exc, f"given up after {GIVE_UP_AFTER}: {exc}"), None
        except VigiaError as exc:
            return self._failed(delivery, exc, str(exc)), None
        log.info("notice.sent", extra=fields(channel=delivery.channel))
        return replace(delivery, state="sent", at=now, problem=""), None

    def _failed(self, delivery: Delivery, exc: VigiaError, problem: str) -> Delivery:
        log.error("notice.failed", extra=fields(channel=delivery.channel, code=exc.code, reason=problem))
        return replace(delivery, state="failed", at=self.clock.now(), problem=problem)

    def _send(self, record: OutboxRecord, delivery: Delivery) -> None:
        channel = self.channels.get(delivery.channel)
        if channel is None:
            raise PermanentError(
                code="outbox.channel_off",
                message=f"the channel {delivery.channel} is not configured",
                hint="docs/reference/notices.md names its settings",
            )
        person = self.people.person(delivery.to)
        message = render(self._placed(record.notice), person.locale, person.time_zone, self.public_url)
        if record.members:
            message = digest(
                message,
                [render(self._placed(member), person.locale, person.time_zone, "") for member in record.members],
            )
        attempt = replace(message, first_sent_at=delivery.at or record.posted_at)
        channel.send(attempt, Recipient(person.email, person.name))

    def _placed(self, notice: Notice) -> Notice:
        """Return the notice with its workspace, where the app serves several: people ask which one is meant."""
        if not self.workspace:
            return notice
        path = f"{notice.path}?workspace={self.workspace}" if notice.path else ""
        return replace(notice, path=path, parameters={**notice.parameters, "workspace": self.workspace})


def _routed(record: OutboxRecord, deliveries: tuple[Delivery, ...]) -> OutboxRecord:
    """Return the record with its routes, unless somebody else routed it, or put it into a digest, meanwhile."""
    if record.deliveries is not None or record.digest:
        return record
    return replace(record, deliveries=deliveries)


def _escalate_to(policy: Policy) -> tuple[str, ...]:
    approval = policy.section(Approval)
    return approval.escalate_to if approval else ()


def routes(notice: Notice, policies: Sequence[Policy], channel: str = DEFAULT_CHANNEL) -> tuple[Route, ...]:
    """Return whom to tell: as the model's policy says or, for a notice about no model, as any policy says.

    What needs a person reaches one where no rule names it, by the default `channel`.
    """
    concerned = [policy for policy in policies if policy.model == notice.model or not notice.model]
    recipients = [
        route
        for policy in concerned
        for route in (policy.section(Notify) or Notify(())).routes(notice.kind, policy.people, _escalate_to(policy))
    ]
    recipients = recipients or [route for policy in concerned for route in default_routes(notice.kind, policy, channel)]
    return tuple(dict.fromkeys(recipients))
