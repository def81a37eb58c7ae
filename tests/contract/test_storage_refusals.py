"""What each refusal of the blob service means to the store: it is read by its code, not by its status."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from shared.adapters.storage.blobs import AzureBlobStore
from shared.errors import AccessRefusedError, AmbiguousWriteError, RetryableError, VigiaError
from tests.settings import settings_for

KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


class Service(ThreadingHTTPServer):
    """A blob service that makes containers and refuses everything else with one status and code."""

    answer = (500, "InternalError")


class Handler(BaseHTTPRequestHandler):
    def answer(self) -> None:
        assert isinstance(self.server, Service)
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, code = (201, "") if "restype=container" in self.path else self.server.answer
        self.send_response(status)
        if code:
            self.send_header("x-ms-error-code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_PUT = do_DELETE = answer  # noqa: N815 - the library's names

    def log_message(self, *args: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def service() -> Iterator[Service]:
    server = Service(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def blobs(service: Service) -> AzureBlobStore:
    where = f"http://127.0.0.1:{service.server_address[1]}/devstoreaccount1"
    connection = f"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey={KEY};BlobEndpoint={where};"
    return AzureBlobStore(settings_for(AzureWebJobsStorage=connection))


@pytest.mark.parametrize(
    ("status", "code", "created", "replaced", "read"),
    [
        (409, "BlobAlreadyExists", None, None, RetryableError),
        (412, "ConditionNotMet", None, None, RetryableError),
        (404, "BlobNotFound", None, None, None),
        (404, "ContainerNotFound", RetryableError, RetryableError, RetryableError),
        (409, "ContainerBeingDeleted", RetryableError, RetryableError, RetryableError),
        (409, "BlobImmutableDueToPolicy", RetryableError, RetryableError, RetryableError),
        (409, "BlobArchived", RetryableError, RetryableError, RetryableError),
        (412, "LeaseIdMissing", RetryableError, RetryableError, RetryableError),
        (412, "", AmbiguousWriteError, AmbiguousWriteError, RetryableError),
        (403, "AuthorizationPermissionMismatch", AccessRefusedError, AccessRefusedError, AccessRefusedError),
    ],
)
def test_a_refusal_means_what_its_code_says(
    service: Service,
    blobs: AzureBlobStore,
    status: int,
    code: str,
    created: type[VigiaError] | None,
    replaced: type[VigiaError] | None,
    read: type[VigiaError] | None,
) -> None:
    service.answer = (status, code)
    assert outcome(lambda: blobs.create("x", b"1")) == created
    assert outcome(lambda: blobs.replace("x", b"2", '"0x1"')) == replaced
    assert outcome(lambda: blobs.get("x")) == read


@pytest.mark.parametrize(("status", "code"), [(500, "InternalError"), (503, "ServerBusy")])
def test_a_service_in_trouble_leaves_a_conditional_write_open(
    service: Service, blobs: AzureBlobStore, status: int, code: str
) -> None:
    service.answer = (status, code)
    assert outcome(lambda: blobs.create("x", b"1")) is AmbiguousWriteError


def outcome(call: object) -> type[VigiaError] | None:
    assert callable(call)
    try:
        assert call() is None
    except VigiaError as exc:
        return type(exc)
    return None


def test_a_proxy_of_the_environment_is_used(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    service.answer = (404, "BlobNotFound")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{service.server_address[1]}")
    monkeypatch.delenv("no_proxy", raising=False)
    where = "http://storage.invalid/devstoreaccount1"
    connection = f"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey={KEY};BlobEndpoint={where};"
    # Only the proxy can have answered for a host that does not exist.
    assert AzureBlobStore(settings_for(AzureWebJobsStorage=connection)).get("a") is None
