"""Secrets rotated: 401 refreshes once, then alert, event retryable.

A new client with a new token is tried once; when that is refused, too, people are told once and the event waits.
Settings are read at the start only: a changed key or a new version of a secret in the key vault needs a restart.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
import requests
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ServiceRequestError,
)
from azure.storage.blob import BlobServiceClient, StorageErrorCode
from azure.storage.queue import QueueClient

from local.addresses import Addresses
from shared.adapters import renewal
from shared.adapters.azure_ml.workspace import AzureWorkspace
from shared.adapters.publisher import EventGridPublisher
from shared.adapters.renewal import SHORTEST_LIFE_SECONDS, Renewable
from shared.adapters.storage.blobs import AzureBlobStore
from shared.adapters.storage.queues import AzureMessageQueue
from shared.adapters.tables.data import WorkspaceData
from shared.adapters.telemetry import LogsTelemetry
from shared.domain.ids import EndpointName, JobName, ModelName, ModelVersion
from shared.errors import AccessRefusedError, RetryableError
from shared.events.sent import outgoing
from shared.ports.queues import text_digest
from tests.local.azureml.conftest import System, system  # noqa: F401 (system is a fixture)
from tests.settings import settings_for
from tests.unit.engine.fact_world import THEN, World, drift
from tests.unit.events.wire import WORKSPACE

EVENT = outgoing.data_arrived(WORKSPACE, THEN, data_name="customers", version="2")
REFUSED = AccessRefusedError("access.refused", "job job-1: Azure rejects the app's identity: 401")


def refusal(status: int | None = 401) -> HttpResponseError:
    error = ClientAuthenticationError("the token is of yesterday")
    error.status_code = status
    return error


class Service:
    """Accepts the clients that were made after the rotation."""

    def __init__(self, accepted_from: int = 1) -> None:
        self.made = 0
        self.calls: list[int] = []
        self.accepted_from = accepted_from
        self.time = 1000.0

    def client(self) -> int:
        self.made += 1
        return self.made

    def answer(self, client: int) -> str:
        self.calls.append(client)
        if client < self.accepted_from:
            raise refusal()
        return "done"

    def renewable(self) -> Renewable[int]:
        return Renewable(self.client, lambda: self.time)


def test_a_refused_call_is_made_once_more_with_a_new_client() -> None:
    service = Service(accepted_from=2)
    renewable = service.renewable()

    assert [renewable.call("job", service.answer) for _ in range(2)] == ["done", "done"]

    assert service.calls == [1, 2, 2]


def test_a_second_refusal_is_worth_another_try_later() -> None:
    service = Service(accepted_from=9)

    with pytest.raises(AccessRefusedError, match="job: Azure rejects the app's identity: 401") as raised:
        service.renewable().call("job", service.answer)

    assert isinstance(raised.value, RetryableError)
    assert service.calls == [1, 2]


def test_signing_in_anew_is_not_repeated_at_every_call() -> None:
    service = Service(accepted_from=3)
    renewable = service.renewable()
    for _ in range(5):
        with pytest.raises(AccessRefusedError):
            renewable.call("job", service.answer)
    assert service.made == 2

    service.time += SHORTEST_LIFE_SECONDS

    assert renewable.call("job", service.answer) == "done"


def test_many_threads_sign_in_anew_once() -> None:
    service = Service(accepted_from=2)
    renewable = service.renewable()
    together = threading.Barrier(8)

    def work() -> None:
        together.wait()
        renewable.call("job", service.answer)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert service.made == 2
    assert service.calls.count(2) == 8


def test_a_token_that_cannot_be_had_is_a_refusal_too() -> None:
    def no_token(_: int) -> None:
        raise refusal(status=None)

    with pytest.raises(AccessRefusedError, match="no token was issued"):
        Renewable(lambda: 1).call("job", no_token)


@pytest.mark.parametrize("error", [ServiceRequestError("no route"), refusal(403), ValueError("a mistake")])
def test_other_trouble_is_passed_on_and_renews_nothing(error: Exception) -> None:
    service = Service()
    renewable = service.renewable()

    def fails(_: int) -> None:
        raise error

    with pytest.raises(type(error)):
        renewable.call("job", fails)
    assert service.made == 1


@pytest.fixture
def refuse(system: System) -> Iterator[object]:  # noqa: F811
    url = f"{system.addresses.url('azureml')}/_local/faults"

    def refuse(times: int) -> None:
        assert requests.post(url, json={"status_401": times}, timeout=5).status_code == 200

    yield refuse
    refuse(0)


def test_azure_ml_hears_from_a_new_client_once(system: System, refuse: object) -> None:  # noqa: F811
    assert callable(refuse)
    workspace = AzureWorkspace(settings_for(VIGIA_ARM_ENDPOINT=system.addresses.url("azureml")))
    assert workspace.model(ModelName("nothing"), ModelVersion("1")) is None
    previous = workspace.ml

    refuse(1)
    assert workspace.job(JobName("job-nothing")) is None
    assert workspace.ml is not previous

    refuse(2)
    with pytest.raises(AccessRefusedError, match="401"):
        workspace.job(JobName("job-nothing"))


def test_a_signature_with_a_key_of_yesterday_is_a_refusal_too() -> None:
    error = refusal(403)
    error.error_code = StorageErrorCode.AUTHENTICATION_FAILED  # type: ignore[attr-defined]
    clients: list[int] = []

    def answer(client: int) -> str:
        clients.append(client)
        if client == 1:
            raise error
        return "written"

    assert Service().renewable().call("ledger/x.json", answer) == "written"
    assert clients == [1, 2]


def test_storage_that_refuses_the_key_has_written_nothing_and_is_worth_another_try(azurite: Addresses) -> None:
    # Azurite says AuthorizationFailure, which on Azure also means a firewall: no reason to re-authenticate.
    right = azurite.storage_connection_string
    wrong = AzureBlobStore(settings_for(AzureWebJobsStorage=right.replace("AccountKey=", "AccountKey=AAAA")))

    for attempt in (lambda: wrong.get("hazard-27"), lambda: wrong.create("hazard-27", b"{}")):
        with pytest.raises(RetryableError, match="storage refused"):
            attempt()

    assert AzureBlobStore(settings_for(AzureWebJobsStorage=right)).get("hazard-27") is None


def test_the_topic_that_refuses_the_key_is_worth_another_try() -> None:
    publisher = EventGridPublisher(settings_for())
    publisher._clients = Renewable(lambda: Refusing())

    with pytest.raises(AccessRefusedError, match="could not be published"):
        publisher.publish(EVENT)


START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_the_traffic_log_hears_from_a_new_client_once() -> None:
    clients: list[FakeLogs] = []

    def build() -> FakeLogs:
        clients.append(FakeLogs(is_refused=not clients))
        return clients[-1]

    telemetry = LogsTelemetry(settings_for())
    telemetry._clients = Renewable(build)

    with pytest.raises(RetryableError, match="only in part"):  # the second client's answer
        telemetry.intervals(EndpointName("churn"), START, START + HOUR, HOUR)
    assert [client.requests for client in clients] == [1, 1]

    telemetry._clients = Renewable(lambda: FakeLogs(is_refused=True))
    with pytest.raises(AccessRefusedError, match="traffic log of churn: Azure rejects the app"):
        telemetry.intervals(EndpointName("churn"), START, START + HOUR, HOUR)


class FakeLogs:
    """What answers the traffic log's queries in part, or refuses them."""

    status = "PartialError"

    def __init__(self, is_refused: bool) -> None:
        self._is_refused = is_refused
        self.requests = 0

    def query_workspace(self, *_: object, **__: object) -> FakeLogs:
        self.requests += 1
        if self._is_refused:
            raise refusal()
        return self


def signed_with(addresses: Addresses, key: str) -> BlobServiceClient:
    right = addresses.storage_connection_string
    return BlobServiceClient.from_connection_string(right.replace("AccountKey=", f"AccountKey={key}"))


def test_the_workspaces_storage_hears_from_a_new_client_once(
    azurite: Addresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_on_azure(monkeypatch)
    service = signed_with(azurite, "")
    with suppress(ResourceExistsError):
        service.create_container("hazard-27")
    service.get_blob_client("hazard-27", "list/a.txt").upload_blob(b"content", overwrite=True)
    keys = iter(("AAAA", "", "AAAA", ""))
    reader = WorkspaceData(settings_for(), AzureWorkspace(settings_for()))

    def renew() -> None:
        reader._containers = Renewable(lambda: signed_with(azurite, next(keys)).get_container_client("hazard-27"))

    renew()
    assert [file.name for file in reader._files("list/")] == ["list/a.txt"]
    renew()
    assert reader._read("list/a.txt") == b"content"
    assert next(keys, "none left") == "none left"


def test_every_look_into_a_queue_hears_from_a_new_client_once(
    azurite: Addresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_on_azure(monkeypatch)
    AzureMessageQueue(settings_for(AzureWebJobsStorage=azurite.storage_connection_string)).send("hazard-27", "a")
    calls: list[tuple[Callable[[AzureMessageQueue], object], object]] = [
        (lambda queues: len(queues.peek("hazard-27")), 1),
        (lambda queues: queues.length("hazard-27"), 1),
        (lambda queues: len(queues.look_through("hazard-27")), 1),
        (lambda queues: queues.move("hazard-27", {text_digest("a")}, None), {text_digest("a")}),
    ]
    for call, expected in calls:
        keys = iter(("AAAA", ""))
        queues = AzureMessageQueue(settings_for(AzureWebJobsStorage=azurite.storage_connection_string))
        queues._clients = Renewable(lambda keys=keys: Signed(azurite, next(keys)))  # type: ignore[misc]

        assert call(queues) == expected
        assert next(keys, "none left") == "none left"


class Signed(dict[str, QueueClient]):
    """Makes the clients of queues, signed with this key."""

    def __init__(self, addresses: Addresses, key: str) -> None:
        super().__init__()
        right = addresses.storage_connection_string
        self._connection = right.replace("AccountKey=", f"AccountKey={key}")

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> QueueClient:
        self[name] = QueueClient.from_connection_string(self._connection, name, retry_total=0)
        return self[name]


def as_on_azure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take Azurite's word for a signature with a wrong key for Azure's own, AuthenticationFailed."""
    is_rejected = renewal.is_rejected_identity

    def is_rejected_identity(exc: BaseException) -> bool:
        return is_rejected(exc) or getattr(exc, "status_code", 0) == 403

    monkeypatch.setattr(renewal, "is_rejected_identity", is_rejected_identity)


class Refusing:
    def send(self, _: object) -> None:
        raise refusal()


def test_people_are_told_once_and_the_event_survives() -> None:
    world = World()
    world.azureml.errors["submit_job"] = [REFUSED] * 6
    for _ in range(3):
        with pytest.raises(AccessRefusedError):
            world.process(drift())
    world.sweep_after_the_lease()
    assert world.kinds.count("access-refused") == 0  # one answer may pass
    world.clock.advance(timedelta(minutes=15))
    with pytest.raises(AccessRefusedError):
        world.process(drift())
    assert world.kinds.count("access-refused") == 1
    assert world.azureml.jobs == {}

    world.azureml.errors.clear()  # the secret is right again
    world.sweep_after_the_lease()

    assert {entry.state for entry in world.entries()} == {"done"}
    assert len(world.azureml.jobs) == 1
    assert world.kinds.count("access-refused") == 1


def test_other_passing_trouble_calls_nobody() -> None:
    world = World()
    world.azureml.errors["submit_job"] = [RetryableError("workspace.retry", "later")]

    with pytest.raises(RetryableError):
        world.process(drift())

    assert world.kinds == []
