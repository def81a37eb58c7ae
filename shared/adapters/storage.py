"""Blobs and queues of Azure Storage."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

from shared.adapters.credentials import credential_for
from shared.adapters.renewal import Renewable
from shared.errors import AmbiguousWriteError, PermanentError, RetryableError
from shared.ports.blobs import Blob, BlobItem, Written
from shared.ports.queues import Waiting
from shared.settings import Settings

if TYPE_CHECKING:
    from azure.storage.blob import BlobServiceClient, ContainerClient
    from azure.storage.queue import QueueClient, QueueMessage, QueueServiceClient

CONTAINER = "vigia"
# Where Event Grid puts what it gave up; infra/ names it too.
DEAD_LETTERS = "dead-letters"
MOST_PEEKED = 32
LONGEST_NAME = 1024
# The service says the year 9999 of a message that never expires.
NEVER = 9999
# For so long a message is hidden from others while it is being moved.
MOVE_SECONDS = 60
# The SDK's own pauses (15 s and more) would outlast the claim that a worker holds meanwhile.
RETRIES: dict[str, Any] = {"retry_total": 3, "initial_backoff": 0.3, "increment_base": 1, "random_jitter_range": 0.2}


def blob_service(settings: Settings, storage: str | None = None, **options: Any) -> BlobServiceClient:
    """Return a client for the app's own storage, or for `storage` (connection string or service URI)."""
    from azure.storage.blob import BlobServiceClient

    where = storage or settings.storage or settings.storage_blob_uri
    options = {**RETRIES, **options}
    if "=" in where:
        return BlobServiceClient.from_connection_string(where, **options)
    return BlobServiceClient(where, credential=credential_for(settings), **options)


def queue_service(settings: Settings) -> QueueServiceClient:
    from azure.storage.queue import QueueServiceClient

    if settings.storage:
        return QueueServiceClient.from_connection_string(settings.storage, **RETRIES)
    return QueueServiceClient(settings.storage_queue_uri, credential=credential_for(settings), **RETRIES)


@dataclass(frozen=True, slots=True)
class _Containers:
    """One container, by a client that retries and by one that does not."""

    usual: ContainerClient
    without_retries: ContainerClient


class AzureBlobStore:
    """A BlobStore over one container. Conditional writes go out once: a retry whose first try had in
    truth succeeded would come back as "exists already" and make us doubt our own write."""

    def __init__(self, settings: Settings, container: str = CONTAINER) -> None:
        self._settings = settings
        self._name = container
        self._containers = Renewable(self._open)

    def _open(self) -> _Containers:
        usual = blob_service(self._settings).get_container_client(self._name)
        _create_if_missing(usual)
        return _Containers(usual, blob_service(self._settings, retry_total=0).get_container_client(self._name))

    def get(self, name: str) -> Blob | None:
        from azure.core.exceptions import ResourceNotFoundError

        dates: list[str] = []

        def remember_date(response: Any) -> None:
            dates.append(response.http_response.headers["Date"])

        with _translated(name):
            try:
                download = self._containers.call(
                    name, lambda of: of.usual.download_blob(name, raw_response_hook=remember_date)
                )
            except ResourceNotFoundError:
                return None
            body = download.readall()
        found = download.properties
        return Blob(name, body, found.etag, found.last_modified, parsedate_to_datetime(dates[-1]))

    def create(self, name: str, body: bytes, metadata: Mapping[str, str] | None = None) -> Written | None:
        from azure.core import MatchConditions

        return self._conditional(name, body, metadata, match_condition=MatchConditions.IfMissing)

    def replace(self, name: str, body: bytes, etag: str, metadata: Mapping[str, str] | None = None) -> Written | None:
        from azure.core import MatchConditions

        return self._conditional(name, body, metadata, etag=etag, match_condition=MatchConditions.IfNotModified)

    def put(self, name: str, body: bytes, metadata: Mapping[str, str] | None = None) -> Written:
        def write(of: _Containers) -> Mapping[str, Any]:
            return of.usual.get_blob_client(name).upload_blob(body, overwrite=True, metadata=dict(metadata or {}))

        with _translated(name):
            return _written(self._containers.call(name, write))

    def delete(self, name: str) -> None:
        from azure.core.exceptions import ResourceNotFoundError

        with _translated(name), suppress(ResourceNotFoundError):
            self._containers.call(name, lambda of: of.usual.delete_blob(name))

    def list(self, prefix: str) -> Iterator[BlobItem]:
        def first_page(of: _Containers) -> tuple[Any, Any]:
            pages = of.usual.list_blobs(name_starts_with=prefix, include=["metadata"]).by_page()
            return next(pages, ()), pages

        with _translated(prefix):
            page, others = self._containers.call(prefix, first_page)
            for item in chain(page, chain.from_iterable(others)):
                yield BlobItem(item.name, item.last_modified, item.metadata or {})

    def _conditional(
        self, name: str, body: bytes, metadata: Mapping[str, str] | None, **condition: Any
    ) -> Written | None:
        from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError

        def write(of: _Containers) -> Mapping[str, Any]:
            blob = of.without_retries.get_blob_client(name)
            return blob.upload_blob(body, overwrite=True, metadata=dict(metadata or {}), **condition)

        with _translated(name, is_conditional=True):
            try:
                answer = self._containers.call(name, write)
            except (ResourceExistsError, ResourceModifiedError, ResourceNotFoundError):
                return None
        return _written(answer)


class AzureMessageQueue:
    """Storage queues; messages are base64 text, as the Functions host reads them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clients: Renewable[dict[str, QueueClient]] = Renewable(dict)
        self._existing: set[str] = set()

    def send(self, queue: str, text: str, delay: timedelta = timedelta(0)) -> None:
        def put(_: object) -> None:
            self._require(queue)
            self._client(queue).send_message(_to_base64(text), visibility_timeout=round(delay.total_seconds()))

        with _translated(queue):
            self._clients.call(queue, put)

    def peek(self, queue: str) -> tuple[Waiting, ...]:
        from azure.core.exceptions import ResourceNotFoundError

        with _translated(queue):
            try:
                return tuple(_waiting(message) for message in self._client(queue).peek_messages(MOST_PEEKED))
            except ResourceNotFoundError:
                return ()

    def length(self, queue: str) -> int:
        from azure.core.exceptions import ResourceNotFoundError

        with _translated(queue):
            try:
                return self._client(queue).get_queue_properties().approximate_message_count or 0
            except ResourceNotFoundError:
                return 0

    def move(self, queue: str, digests: Collection[str], to: str | None) -> int:
        # What comes in meanwhile is not looked at, or this might never end.
        waiting = self.length(queue)
        if not waiting:
            return 0
        moved = 0
        with _translated(queue):
            source = self._client(queue)
            others: list[QueueMessage] = []
            for message in source.receive_messages(
                messages_per_page=min(MOST_PEEKED, waiting), visibility_timeout=MOVE_SECONDS, max_messages=waiting
            ):
                if _waiting(message).digest in digests:
                    self._hand_over(message, source, to)
                    moved += 1
                else:
                    others.append(message)
            for message in others:
                _show_again(message, source)
        return moved

    def _hand_over(self, message: QueueMessage, source: QueueClient, to: str | None) -> None:
        if to is not None:
            self._require(to)
            self._client(to).send_message(message.content, time_to_live=-1)
        source.delete_message(message)

    def _require(self, queue: str) -> None:
        if queue not in self._existing:
            _create_if_missing(self._client(queue))
            self._existing.add(queue)

    def _client(self, queue: str) -> QueueClient:
        # The SDK's decoding policy would refuse a whole page for one message that is not base64, and what Event Grid
        # or a person put there is to be seen as it is: contents are encoded and decoded here.
        clients = self._clients.client
        if queue not in clients:
            clients[queue] = queue_service(self._settings).get_queue_client(queue)
        return clients[queue]


def _show_again(message: QueueMessage, queue: QueueClient) -> None:
    from azure.core.exceptions import ResourceNotFoundError

    with suppress(ResourceNotFoundError):  # its hiding ended by itself, and somebody took it
        queue.update_message(message, visibility_timeout=0)


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


def _create_if_missing(client: ContainerClient | QueueClient) -> None:
    from azure.core.exceptions import ResourceExistsError
    from azure.storage.queue import QueueClient

    with suppress(ResourceExistsError):
        client.create_queue() if isinstance(client, QueueClient) else client.create_container()


def _written(answer: Mapping[str, Any]) -> Written:
    return Written(answer["etag"], answer["last_modified"])


@contextmanager
def _translated(what: str, *, is_conditional: bool = False) -> Iterator[None]:
    """Turn the SDK's errors into ours: what may have happened, what did not, what can be tried again."""
    from azure.core.exceptions import AzureError, HttpResponseError, ServiceRequestError

    _require_plain(what)
    try:
        yield
    except ServiceRequestError as exc:
        raise RetryableError("storage.unreachable", f"storage cannot be reached for {what!r}") from exc
    except HttpResponseError as exc:
        if is_conditional and (exc.status_code or 500) >= 500:
            raise AmbiguousWriteError("storage.ambiguous", f"no clear answer to writing {what!r}") from exc
        code = exc.error_code if hasattr(exc, "error_code") else ""
        raise RetryableError("storage.refused", f"storage refused {what!r}: {exc.status_code} {code}") from exc
    except AzureError as exc:
        if is_conditional:
            raise AmbiguousWriteError("storage.ambiguous", f"no answer to writing {what!r}") from exc
        raise RetryableError("storage.no_answer", f"no answer from storage for {what!r}") from exc


def _require_plain(name: str) -> None:
    """Refuse a name that HTTP clients read as another one: "a/../b" is "b" by the time it is sent."""
    if len(name) > LONGEST_NAME or not name.isprintable() or {".", ".."} & set(re.split(r"[/\\]", name)):
        raise PermanentError("storage.name", f"{name!r:.120} cannot be the name of a blob or a queue")
