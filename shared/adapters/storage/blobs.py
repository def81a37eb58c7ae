"""Blobs of Azure Storage, and what its blobs and its queues share."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from itertools import chain
from typing import TYPE_CHECKING, Any
from urllib.request import getproxies

from shared.adapters.credentials import credential_for, workspace_credential
from shared.adapters.renewal import Renewable, error_code
from shared.errors import AccessRefusedError, AmbiguousWriteError, PermanentError, RetryableError
from shared.ports.blobs import Blob, BlobItem, Written
from shared.settings import Settings

if TYPE_CHECKING:
    from azure.storage.blob import BlobServiceClient, ContainerClient
    from azure.storage.queue import QueueClient, QueueServiceClient

CONTAINER = "vigia"
# Where Event Grid puts undelivered events; infra/ names it too.
DEAD_LETTERS = "dead-letters"
# Who may decide what, and the forms' key: the app alone reads and writes it (infra/base/people.bicep).
DECISIONS = "vigia-decisions"
LONGEST_NAME = 1024
# "Another worker has written it", and "there is no such blob". The status alone is not enough: 409 is also a container
# that is being deleted, an immutability policy or an archived blob, 412 a lease, 404 a missing container.
# Source: learn.microsoft.com, Blob service error codes, read 2026-11-20.
_LOST_TO_ANOTHER = {"BlobAlreadyExists", "ConditionNotMet", "TargetConditionNotMet"}
_NOT_THERE = {"BlobNotFound", "ResourceNotFound"}
# The SDK's own pauses (15 s and more) would outlast the claim that a worker holds meanwhile.
RETRIES: dict[str, Any] = {"retry_total": 3, "initial_backoff": 0.3, "increment_base": 1, "random_jitter_range": 0.2}


def records_container(settings: Settings) -> str:
    """Return where the records of the settings' workspace are.

    A container per workspace and not a prefix, because Azure's roles and life-cycle rules apply to containers.
    """
    return f"{CONTAINER}-ws-{settings.workspace_name}" if settings.workspace_name else CONTAINER


def decisions_container(settings: Settings) -> str:
    return f"{DECISIONS}-{settings.workspace_name}" if settings.workspace_name else DECISIONS


def blob_service(settings: Settings, storage: str | None = None, **options: Any) -> BlobServiceClient:
    """Return a client for the app's own storage, or for the workspace's (connection string or service URI)."""
    from azure.storage.blob import BlobServiceClient

    where = storage or settings.storage or settings.storage_blob_uri
    options = {**_transport_options(), **options}
    if "=" in where:
        return BlobServiceClient.from_connection_string(where, **options)
    credential = workspace_credential(settings) if storage else credential_for(settings)
    return BlobServiceClient(where, credential=credential, **options)


def queue_service(settings: Settings) -> QueueServiceClient:
    from azure.storage.queue import QueueServiceClient

    if settings.storage:
        return QueueServiceClient.from_connection_string(settings.storage, **_transport_options())
    return QueueServiceClient(settings.storage_queue_uri, credential=credential_for(settings), **_transport_options())


def _transport_options() -> dict[str, Any]:
    """Return how calls are tried again, and what the environment says of proxies and certificates.

    Left to itself requests searches the whole environment for every single call, a sixth of the time that an event
    takes. Proxies have exceptions by host, which only that search knows.
    """
    certificates = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True
    return {**RETRIES, "use_env_settings": bool(getproxies()), "connection_verify": certificates}


@dataclass(frozen=True, slots=True)
class _Containers:
    """One container, by a client that retries and by one that does not."""

    usual: ContainerClient
    without_retries: ContainerClient


class AzureBlobStore:
    """A BlobStore over one container. Conditional writes are sent once: if the first try succeeded and its answer was
    lost, a retry would be answered "exists already", as if another worker had written."""

    def __init__(self, settings: Settings, container: str = CONTAINER, storage: str | None = None) -> None:
        self._settings = settings
        self._name = container
        self._storage = storage
        self._containers = Renewable(self._open)

    def _open(self) -> _Containers:
        usual = blob_service(self._settings, self._storage).get_container_client(self._name)
        create_if_missing(usual)
        once = blob_service(self._settings, self._storage, retry_total=0)
        return _Containers(usual, once.get_container_client(self._name))

    def get(self, name: str) -> Blob | None:
        dates: list[str] = []

        def remember_date(response: Any) -> None:
            dates.append(response.http_response.headers["Date"])

        with translated(name):
            download = self._call(
                name,
                lambda containers: containers.usual.download_blob(name, raw_response_hook=remember_date),
                _NOT_THERE,
            )
            if download is None:
                return None
            body = download.readall()
        properties = download.properties
        return Blob(name, body, properties.etag, properties.last_modified, parsedate_to_datetime(dates[-1]))

    def create(self, name: str, body: bytes, metadata: Mapping[str, str] | None = None) -> Written | None:
        from azure.core import MatchConditions

        return self._conditional(name, body, metadata, match_condition=MatchConditions.IfMissing)

    def replace(self, name: str, body: bytes, etag: str, metadata: Mapping[str, str] | None = None) -> Written | None:
        from azure.core import MatchConditions

        return self._conditional(name, body, metadata, etag=etag, match_condition=MatchConditions.IfNotModified)

    def put(self, name: str, body: bytes, metadata: Mapping[str, str] | None = None) -> Written:
        def write(containers: _Containers) -> Mapping[str, Any]:
            return containers.usual.get_blob_client(name).upload_blob(
                body, overwrite=True, metadata=dict(metadata or {})
            )

        with translated(name):
            return _written(self._containers.call(name, write))

    def delete(self, name: str, etag: str | None = None) -> None:
        from azure.core import MatchConditions

        condition: dict[str, Any] = {"etag": etag, "match_condition": MatchConditions.IfNotModified} if etag else {}
        with translated(name):
            self._call(
                name,
                lambda containers: containers.usual.delete_blob(name, **condition),
                _LOST_TO_ANOTHER | _NOT_THERE,
            )

    def list(self, prefix: str) -> Iterator[BlobItem]:
        def first_page(containers: _Containers) -> tuple[Any, Any]:
            pages = containers.usual.list_blobs(name_starts_with=prefix, include=["metadata"]).by_page()
            return next(pages, ()), pages

        with translated(prefix):
            page, others = self._containers.call(prefix, first_page)
            for item in chain(page, chain.from_iterable(others)):
                yield BlobItem(item.name, item.last_modified, item.metadata or {})

    def _conditional(
        self, name: str, body: bytes, metadata: Mapping[str, str] | None, **condition: Any
    ) -> Written | None:
        def write(containers: _Containers) -> Mapping[str, Any]:
            blob = containers.without_retries.get_blob_client(name)
            return blob.upload_blob(body, overwrite=True, metadata=dict(metadata or {}), **condition)

        with translated(name, is_conditional=True):
            answer = self._call(name, write, _LOST_TO_ANOTHER | _NOT_THERE)
        return None if answer is None else _written(answer)

    def _call(self, name: str, use: Callable[[_Containers], Any], codes: Set[str]) -> Any:
        """Return what `use` returns; None where the service refuses it with one of the codes."""
        try:
            return self._containers.call(name, use)
        except Exception as exc:
            if error_code(exc) in codes:
                return None
            raise


def create_if_missing(client: ContainerClient | QueueClient) -> None:
    from azure.core.exceptions import ResourceExistsError
    from azure.storage.queue import QueueClient

    with suppress(ResourceExistsError):
        client.create_queue() if isinstance(client, QueueClient) else client.create_container()


def _written(answer: Mapping[str, Any]) -> Written:
    return Written(answer["etag"], answer["last_modified"])


@contextmanager
def translated(subject: str, *, is_conditional: bool = False) -> Iterator[None]:
    """Translate the SDK's errors into ours.

    Raises:
        PermanentError: the name is not one.
        AccessRefusedError: the identity lacks a role, or the firewall refuses it.
        AmbiguousWriteError: a conditional write may have been done or not.
        RetryableError: anything else; nothing was done.
    """
    from azure.core.exceptions import AzureError, HttpResponseError, ServiceRequestError

    _require_plain(subject)
    try:
        yield
    except ServiceRequestError as exc:
        raise RetryableError("storage.unreachable", f"storage cannot be reached for {subject!r}") from exc
    except HttpResponseError as exc:
        code = error_code(exc)
        # An answer without a code may come from a proxy on the way, before or after the write was done.
        if is_conditional and ((exc.status_code or 500) >= 500 or not code):
            raise AmbiguousWriteError("storage.ambiguous", f"no clear answer to writing {subject!r}") from exc
        if exc.status_code == 403:
            hint = "give the app's identity the role that it lacks, and allow its network"
            raise AccessRefusedError("access.forbidden", f"storage refused {subject!r}: 403 {code}", hint) from exc
        raise RetryableError(
            "storage.refused", f"storage refused {subject!r}: {exc.status_code} {code}".rstrip()
        ) from exc
    except AzureError as exc:
        if is_conditional:
            raise AmbiguousWriteError("storage.ambiguous", f"no answer to writing {subject!r}") from exc
        raise RetryableError("storage.no_answer", f"no answer from storage for {subject!r}") from exc


def _require_plain(name: str) -> None:
    """Refuse a name that HTTP clients normalise to another one: "a/../b" is sent as "b".

    Raises:
        PermanentError: it is such a name.
    """
    if len(name) > LONGEST_NAME or not name.isprintable() or {".", ".."} & set(re.split(r"[/\\]", name)):
        raise PermanentError("storage.name", f"{name!r:.120} cannot be the name of a blob or a queue")
