"""Blobs and queues of Azure Storage."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from shared.adapters.credentials import credential_for
from shared.errors import AmbiguousWriteError, RetryableError
from shared.ports.blobs import Blob, BlobItem, Written
from shared.settings import Settings

if TYPE_CHECKING:
    from azure.storage.blob import BlobServiceClient, ContainerClient
    from azure.storage.queue import QueueClient, QueueServiceClient

CONTAINER = "vigia"
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


class AzureBlobStore:
    """A BlobStore over one container. Conditional writes go out once: a retry whose first try had in
    truth succeeded would come back as "exists already" and make us doubt our own write."""

    def __init__(self, settings: Settings, container: str = CONTAINER) -> None:
        self._settings = settings
        self._name = container

    @cached_property
    def _container(self) -> ContainerClient:
        container = blob_service(self._settings).get_container_client(self._name)
        with _translated(self._name):
            _create_if_missing(container)
        return container

    @cached_property
    def _without_retries(self) -> ContainerClient:
        self._container  # noqa: B018 (makes sure that the container exists)
        return blob_service(self._settings, retry_total=0).get_container_client(self._name)

    def get(self, name: str) -> Blob | None:
        from azure.core.exceptions import ResourceNotFoundError

        dates: list[str] = []

        def remember_date(response: Any) -> None:
            dates.append(response.http_response.headers["Date"])

        with _translated(name):
            try:
                download = self._container.download_blob(name, raw_response_hook=remember_date)
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
        with _translated(name):
            blob = self._container.get_blob_client(name)
            return _written(blob.upload_blob(body, overwrite=True, metadata=dict(metadata or {})))

    def delete(self, name: str) -> None:
        from azure.core.exceptions import ResourceNotFoundError

        with _translated(name), suppress(ResourceNotFoundError):
            self._container.delete_blob(name)

    def list(self, prefix: str) -> Iterator[BlobItem]:
        with _translated(prefix):
            for item in self._container.list_blobs(name_starts_with=prefix, include=["metadata"]):
                yield BlobItem(item.name, item.last_modified, item.metadata or {})

    def _conditional(
        self, name: str, body: bytes, metadata: Mapping[str, str] | None, **condition: Any
    ) -> Written | None:
        from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError

        blob = self._without_retries.get_blob_client(name)
        with _translated(name, is_conditional=True):
            try:
                answer = blob.upload_blob(body, overwrite=True, metadata=dict(metadata or {}), **condition)
            except (ResourceExistsError, ResourceModifiedError, ResourceNotFoundError):
                return None
        return _written(answer)


class AzureMessageQueue:
    """Storage queues; messages are base64 text, as the Functions host reads them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clients: dict[str, QueueClient] = {}

    def send(self, queue: str, text: str, delay: timedelta = timedelta(0)) -> None:
        with _translated(queue):
            self._client(queue).send_message(text, visibility_timeout=round(delay.total_seconds()))

    def _client(self, queue: str) -> QueueClient:
        if queue not in self._clients:
            from azure.storage.queue import TextBase64DecodePolicy, TextBase64EncodePolicy

            client = queue_service(self._settings).get_queue_client(
                queue, message_encode_policy=TextBase64EncodePolicy(), message_decode_policy=TextBase64DecodePolicy()
            )
            _create_if_missing(client)
            self._clients[queue] = client
        return self._clients[queue]


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
