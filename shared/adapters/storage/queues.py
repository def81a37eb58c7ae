"""Queues of Azure Storage."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from shared.adapters.renewal import Renewable
from shared.adapters.storage.blobs import create_if_missing, queue_service, translated
from shared.domain.messages import address_of, addressed
from shared.ports.queues import EVENTS, OpenQueues, Waiting, text_digest
from shared.settings import Settings

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient, QueueMessage

MOST_PEEKED = 32
# The service says the year 9999 of a message that never expires.
NEVER = 9999
# For so long a message is hidden from others while it is being moved.
MOVE_SECONDS = 60
T = TypeVar("T")


class AzureMessageQueue:
    """Storage queues; messages are base64 text, as the Functions host reads them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clients: Renewable[dict[str, QueueClient]] = Renewable(dict)
        self._existing: set[str] = set()

    def send(self, queue: str, text: str, delay: timedelta = timedelta(0)) -> None:
        with translated(queue):
            self._do(queue, lambda _: self._require(queue))
            # By default a message expires after seven days, although the app may have been stopped for longer.
            options = {"visibility_timeout": _seconds(delay), "time_to_live": -1}
            self._do(queue, lambda client: client.send_message(_to_base64(text), **options))

    def peek(self, queue: str) -> tuple[Waiting, ...]:
        messages = self._read(queue, lambda client: client.peek_messages(MOST_PEEKED))
        return tuple(_waiting(message) for message in messages or ())

    def length(self, queue: str) -> int:
        properties = self._read(queue, lambda client: client.get_queue_properties())
        return (properties.approximate_message_count or 0) if properties else 0

    def look_through(self, queue: str) -> tuple[Waiting, ...]:
        waiting: list[Waiting] = []
        with translated(queue):
            messages = list(self._taken(queue))
            for message in messages:
                waiting.append(_waiting(message))
                self._do(queue, partial(_show_again, message))
        return tuple(waiting)

    def move(self, queue: str, digests: Collection[str], to: str | None) -> frozenset[str]:
        moved: set[str] = set()
        with translated(queue):
            others: list[QueueMessage] = []
            for message in self._taken(queue):
                if (digest := _waiting(message).digest) in digests:
                    self._hand_over(message, queue, to)
                    moved.add(digest)
                else:
                    others.append(message)
            # Only at the end: shown at once, a message would be received again on the next page.
            for message in others:
                self._do(queue, partial(_show_again, message))
        return frozenset(moved)

    def _taken(self, queue: str) -> Iterator[QueueMessage]:
        """Yield the messages of a queue, each hidden from others for a while.

        Messages that arrive meanwhile are left out, or this might never end.
        """
        remaining = self.length(queue)
        while remaining > 0:
            receive = partial(_receive, most=min(MOST_PEEKED, remaining))
            page = self._do(queue, receive)
            if not page:
                return
            yield from page
            remaining -= len(page)

    def _hand_over(self, message: QueueMessage, queue: str, to: str | None) -> None:
        # Sent before it is deleted: a worker that crashes in between leaves the message twice, never not at all.
        if to is not None:
            self._do(to, lambda _: self._require(to))
            self._do(to, lambda client: client.send_message(message.content, time_to_live=-1))
        self._do(queue, lambda client: client.delete_message(message))

    def _read(self, queue: str, use: Callable[[QueueClient], T]) -> T | None:
        """Return what `use` returns; None when there is no such queue."""
        from azure.core.exceptions import ResourceNotFoundError

        with translated(queue):
            try:
                return self._do(queue, use)
            except ResourceNotFoundError:
                return None

    def _do(self, queue: str, use: Callable[[QueueClient], T]) -> T:
        return self._clients.call(queue, lambda _: use(self._client(queue)))

    def _require(self, queue: str) -> None:
        if queue not in self._existing:
            create_if_missing(self._client(queue))
            self._existing.add(queue)

    def _client(self, queue: str) -> QueueClient:
        # Contents are encoded and decoded here: the SDK's decoding policy would refuse a whole page for one message
        # that is not base64, and a message that Event Grid or a person sent must be shown as it is.
        clients = self._clients.client
        if queue not in clients:
            clients[queue] = queue_service(self._settings).get_queue_client(queue)
        return clients[queue]


class WorkspaceQueue:
    """The queues as one of several workspaces has them: what it sends is addressed to it, and of the messages that
    wait it is shown its own. Events have no address, because their source says where they belong: they are the app's.
    """

    def __init__(self, queues: OpenQueues, workspace: str) -> None:
        self._queues = queues
        self._workspace = workspace

    def send(self, queue: str, text: str, delay: timedelta = timedelta(0)) -> None:
        body = text if queue == EVENTS else addressed(self._workspace, text)
        self._queues.send(queue, body, delay)

    def peek(self, queue: str) -> tuple[Waiting, ...]:
        return self._own(self._queues.peek(queue))

    def length(self, queue: str) -> int:
        return self._queues.length(queue)

    def look_through(self, queue: str) -> tuple[Waiting, ...]:
        return self._own(self._queues.look_through(queue))

    def move(self, queue: str, digests: Collection[str], to: str | None) -> frozenset[str]:
        if not self._workspace:
            return self._queues.move(queue, digests, to)
        travelling = {
            text_digest(addressed(self._workspace, waiting.text)): waiting.digest
            for waiting in self.look_through(queue)
            if waiting.digest in digests
        }
        return frozenset(travelling[digest] for digest in self._queues.move(queue, travelling, to))

    def _own(self, messages: Iterable[Waiting]) -> tuple[Waiting, ...]:
        addresses = ((address_of(message.text), message) for message in messages)
        return tuple(
            replace(message, text=body) for (workspace, body), message in addresses if workspace == self._workspace
        )


def _receive(queue: QueueClient, most: int) -> list[QueueMessage]:
    messages = queue.receive_messages(messages_per_page=most, visibility_timeout=MOVE_SECONDS, max_messages=most)
    return list(messages)


def _show_again(message: QueueMessage, queue: QueueClient) -> None:
    from azure.core.exceptions import ResourceNotFoundError

    with suppress(ResourceNotFoundError):  # it became visible by itself, and a worker took it
        queue.update_message(message, visibility_timeout=0)


def _seconds(delay: timedelta) -> int:
    return round(delay.total_seconds())


def _to_base64(text: str) -> str:
    return b64encode(text.encode()).decode()


def _waiting(message: QueueMessage) -> Waiting:
    expires_at = message.expires_on if message.expires_on and message.expires_on.year < NEVER else None
    return Waiting(_from_base64(message.content), message.inserted_on or datetime.now(UTC), expires_at)


def _from_base64(content: str) -> str:
    """Return the text of a message; a content that is no base64 of a text is the text itself."""
    try:
        return b64decode(content, validate=True).decode()
    except ValueError:
        return content
