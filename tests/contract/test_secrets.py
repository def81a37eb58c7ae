"""Canaries in the place of every secret: no failure of any adapter shows one, in its error or in a log.

The server on the other side is the worst there is: it refuses everything, and repeats in its answer what it was sent.
"""

from __future__ import annotations

import base64
import io
import json
import logging
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from local.addresses import HOST, Addresses
from shared.adapters import publisher
from shared.adapters.acs_mail import AcsMailChannel
from shared.adapters.azure_ml.workspace import AzureWorkspace
from shared.adapters.channels import configured_channels
from shared.adapters.channels.email import EmailChannel
from shared.adapters.credentials import LoopbackCredential
from shared.adapters.publisher import EventGridPublisher
from shared.adapters.storage import blobs
from shared.adapters.storage.blobs import AzureBlobStore
from shared.adapters.storage.queues import AzureMessageQueue
from shared.adapters.tables.data import WorkspaceData
from shared.adapters.telemetry import LogsTelemetry
from shared.domain.ids import EndpointName, ModelName, ModelVersion
from shared.errors import SettingsError, VigiaError
from shared.events.sent import outgoing
from shared.logs import RedactedRecord
from shared.settings import Settings
from tests.settings import VALUES, settings_for
from tests.unit.channels.messages import ANA, a_message

# Long enough for a key, and in no text by chance.
CANARY = "kanarienvogel0kanarienvogel1kanarienvogel2"
ENCODED = base64.b64encode(CANARY.encode()).decode()
SHOWN = (CANARY, ENCODED, ENCODED.rstrip("="))
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


class Parrot(BaseHTTPRequestHandler):
    """Refuses, and says what it was sent."""

    protocol_version = "HTTP/1.1"
    status = 403

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        heard = {"path": self.path, **dict(self.headers)}
        body = json.dumps({"error": {"code": "Refused", "message": f"you sent {heard}"}}).encode()
        self.send_response(self.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_HEAD = do_DELETE = do_PATCH = do_POST  # noqa: N815 (the names are http.server's)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@contextmanager
def parrot() -> Iterator[int]:
    server = ThreadingHTTPServer((HOST, 0), Parrot)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def settings_on(port: int) -> Settings:
    url = f"http://{HOST}:{port}"
    account = f"DefaultEndpointsProtocol=http;AccountName=st;AccountKey={ENCODED}"
    connection = f"{account};BlobEndpoint={url}/st;QueueEndpoint={url}/st;"
    return settings_for(
        AzureWebJobsStorage=connection,
        VIGIA_WORKSPACE_STORAGE=connection,
        VIGIA_TOPIC_ENDPOINT=f"{url}/topics/custom/api/events",
        VIGIA_TOPIC_KEY=CANARY,
        VIGIA_ARM_ENDPOINT=url,
        VIGIA_MONITOR_ENDPOINT=url,
        VIGIA_ACS_ENDPOINT=f"{url}/acs",
        VIGIA_TEAMS_WEBHOOK=f"{url}/workflows/x?sig={CANARY}",
        VIGIA_SMTP_HOST=HOST,
        VIGIA_SMTP_PORT=str(port),
        VIGIA_SMTP_USER="vigia",
        VIGIA_SMTP_PASSWORD=CANARY,
    )


def _event() -> Any:
    return outgoing.retraining_requested("/x", NOW, model=ModelName("m"), request="r", reason="x", requested_by="a@b.c")


def _email_by_smtp(settings: Settings) -> None:
    channel = configured_channels(replace(settings, acs_endpoint=""))["email"]
    assert isinstance(channel, EmailChannel)
    replace(channel, timeout_seconds=0.5).send(a_message(), ANA)


def _email_by_acs(settings: Settings) -> None:
    channel = configured_channels(settings)["email"]
    assert isinstance(channel, AcsMailChannel)
    channel.send(replace(a_message(), first_sent_at=NOW), ANA)


FAILURES: dict[str, Callable[[Settings], object]] = {
    "blobs-get": lambda s: AzureBlobStore(s).get("x"),
    "blobs-create": lambda s: AzureBlobStore(s).create("x", b""),
    "blobs-list": lambda s: list(AzureBlobStore(s).list("x/")),
    "queue": lambda s: AzureMessageQueue(s).send("events", "x"),
    "data": lambda s: WorkspaceData(s, AzureWorkspace(s)).table("azureml://datastores/workspaceblobstore/paths/x"),
    "publisher": lambda s: EventGridPublisher(s).publish(_event()),
    "telemetry": lambda s: LogsTelemetry(s).intervals(
        EndpointName("e"), NOW, NOW + timedelta(hours=1), timedelta(minutes=1)
    ),
    "workspace": lambda s: AzureWorkspace(s).model(ModelName("m"), ModelVersion("1")),
    "teams": lambda s: configured_channels(s)["teams"].send(a_message(), ANA),
    "email-smtp": _email_by_smtp,
    "email-acs": _email_by_acs,
}


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Everything that is logged from debug on, written as the app's records are."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s"))
    root, factory, level = logging.getLogger(), logging.getLogRecordFactory(), logging.getLogger().level
    logging.setLogRecordFactory(RedactedRecord)
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written
    root.setLevel(level)
    root.removeHandler(handler)
    logging.setLogRecordFactory(factory)


@pytest.fixture(autouse=True)
def nothing_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    for retries in (blobs.RETRIES, publisher.RETRIES):
        monkeypatch.setitem(retries, "retry_total", 0)


@pytest.fixture(autouse=True)
def tokens_are_canaries(monkeypatch: pytest.MonkeyPatch) -> None:
    from azure.core.credentials import AccessToken

    real = LoopbackCredential.get_token

    def get_token(self: LoopbackCredential, *scopes: str, **options: Any) -> AccessToken:
        token = real(self, *scopes, **options)
        return AccessToken(f"{token.token}{CANARY}", token.expires_on)

    monkeypatch.setattr(LoopbackCredential, "get_token", get_token)


@pytest.mark.parametrize("server", ["parrot", "nobody"])
@pytest.mark.parametrize("adapter", FAILURES)
def test_no_failure_shows_a_secret(adapter: str, server: str, logged: io.StringIO) -> None:
    if server == "nobody":
        error = _failure(adapter, Addresses.free().inbox)
    else:
        with parrot() as port:
            error = _failure(adapter, port)
    shown = f"{error} {error!r} {error.message} {error.hint} {error.code}"
    assert_no_secret(shown + logged.getvalue())


def _failure(adapter: str, port: int) -> VigiaError:
    settings = settings_on(port)
    with pytest.raises(VigiaError) as caught:
        FAILURES[adapter](settings)
    # As the app logs what it did not expect: with the errors that caused it.
    logging.getLogger("vigia.test").error("failed", exc_info=caught.value)
    return caught.value


def test_wrong_settings_are_named_and_not_shown() -> None:
    values = {
        **VALUES,
        "VIGIA_SMTP_PASSWORD": CANARY,
        "VIGIA_TOPIC_KEY": CANARY,
        "VIGIA_TEAMS_WEBHOOK": f"http://evil.example/?sig={CANARY}",
        "VIGIA_SMTP_HOST": HOST,
        "VIGIA_SMTP_PORT": "many",
    }
    with pytest.raises(SettingsError) as caught:
        Settings.read({**values, "VIGIA_SUBSCRIPTION_ID": ""})
    assert_no_secret(f"{caught.value}")
    with pytest.raises(SettingsError) as caught:
        configured_channels(Settings.read({**values, "VIGIA_SMTP_PORT": "25"}))
    assert_no_secret("".join(traceback.format_exception(caught.value)))


def test_settings_and_adapters_show_no_secret_when_they_are_printed() -> None:
    settings = settings_on(1)
    parts = [settings, AzureBlobStore(settings), EventGridPublisher(settings), *configured_channels(settings).values()]
    assert_no_secret(" ".join(f"{part!r} {part}" for part in parts))


def assert_no_secret(text: str) -> None:
    for secret in SHOWN:
        at = text.find(secret)
        assert at < 0, f"a secret is shown: …{text[max(0, at - 200) : at]}<here>"


def test_the_canary_would_be_found() -> None:
    with suppress(AssertionError):
        assert_no_secret(f"x {CANARY}")
        pytest.fail("a canary was overlooked")
