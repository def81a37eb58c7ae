"""The identity in production, against a server that stands for the one of Azure Functions."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from local.addresses import HOST
from shared.adapters.credentials import LoopbackCredential, credential_for, has_managed_identity
from tests.settings import settings_for

SCOPE = "https://management.azure.com/.default"
SETTINGS = settings_for(
    VIGIA_CREDENTIAL="azure", VIGIA_TOPIC_ENDPOINT="https://topic.example", VIGIA_IDENTITY_CLIENT_ID="client-1"
)


class IdentityServer(ThreadingHTTPServer):
    """Answers with a new token each time: `token-1`, `token-2` and so on."""

    def __init__(self) -> None:
        super().__init__((HOST, 0), _TokenRequest)
        self.client_ids: list[str] = []


class _TokenRequest(BaseHTTPRequestHandler):
    server: IdentityServer

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        self.server.client_ids += query.get("client_id", [""])
        token = {
            "access_token": f"token-{len(self.server.client_ids)}",
            "expires_on": str(int(time.time()) + 86_400),
            "resource": query["resource"][0],
            "token_type": "Bearer",
        }
        body = json.dumps(token).encode()
        self.send_response(200 if self.headers["X-IDENTITY-HEADER"] == "secret" else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch) -> Iterator[IdentityServer]:
    server = IdentityServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://{HOST}:{server.server_port}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "secret")
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        pytest.param({"IDENTITY_ENDPOINT": "http://x/msi/token", "IDENTITY_HEADER": "secret"}, True, id="functions"),
        pytest.param({"IDENTITY_ENDPOINT": "http://x", "IMDS_ENDPOINT": "http://y"}, False, id="azure_arc"),
        pytest.param({"VIGIA_IDENTITY_CLIENT_ID": "client-1"}, False, id="a_developers_copy_of_the_settings"),
        pytest.param({}, False, id="elsewhere"),
    ],
)
def test_production_is_where_a_managed_identity_answers(environment: dict[str, str], expected: bool) -> None:
    assert has_managed_identity(environment) is expected


def test_in_production_the_user_assigned_identity_is_asked_and_nobody_else(
    identity: IdentityServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # DefaultAzureCredential would take this service principal, whose secret may be anybody's, first.
    for name in ("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_TENANT_ID"):
        monkeypatch.setenv(name, "somebody-elses")

    assert credential_for(SETTINGS).get_token(SCOPE).token == "token-1"
    assert identity.client_ids == ["client-1"]


def test_only_a_new_credential_replaces_a_token_that_a_service_rejected(identity: IdentityServer) -> None:
    # Why shared/adapters/renewal.py builds a client again: once this fails, azure-identity does it itself.
    credential = credential_for(SETTINGS)
    assert [credential.get_token(SCOPE).token for _ in range(2)] == ["token-1", "token-1"]
    assert credential_for(SETTINGS).get_token(SCOPE).token == "token-2"


def test_a_developer_signs_in_by_any_way_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    from azure.identity import DefaultAzureCredential

    monkeypatch.delenv("IDENTITY_ENDPOINT", raising=False)
    assert isinstance(credential_for(SETTINGS), DefaultAzureCredential)


@pytest.mark.usefixtures("identity")
def test_on_loopback_the_unsigned_credential_is_taken_whatever_the_machine_has() -> None:
    assert isinstance(credential_for(settings_for()), LoopbackCredential)
