"""Throttling: what Azure asks for is waited for, and nothing is sent meanwhile."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline import Pipeline
from azure.core.pipeline.transport import HttpTransport
from azure.core.rest import HttpRequest

from shared.adapters.patience import patient, requested_wait
from shared.errors import RetryableError


class Throttled(HttpTransport[Any, Any]):
    """Answers 429 with a `Retry-After`, or 200 for None; `calls` are the methods that were sent."""

    def __init__(self, *retry_after: str | None) -> None:
        self.answers = list(retry_after)
        self.calls: list[str] = []
        self.slept: list[float] = []

    def send(self, request: Any, **_: Any) -> Any:
        self.calls.append(request.method)
        answer = self.answers.pop(0)
        headers = {"Retry-After": answer} if answer else {}
        return SimpleNamespace(status_code=429 if answer else 200, headers=headers, request=request)

    def sleep(self, duration: float) -> None:
        self.slept.append(duration)

    def open(self) -> None: ...

    def close(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


class Client:
    def __init__(self, *retry_after: str | None) -> None:
        self.now = 1000.0
        self.transport = Throttled(*retry_after)
        short, patience = patient("Azure ML", lambda: self.now, retry_total=2, retry_backoff_factor=0.3)
        self._pipeline: Pipeline[Any, Any] = Pipeline(self.transport, [patience, short])

    def call(self, method: str = "GET") -> int:
        return int(self._pipeline.run(HttpRequest(method, "https://management.azure.com/x")).http_response.status_code)


def test_a_short_wait_is_slept_through() -> None:
    client = Client("2", None)

    assert client.call() == 200
    assert client.transport.slept == [2.0]


def test_a_long_wait_is_handed_on_and_nothing_is_sent_before_it_is_over() -> None:
    client = Client("120", None)
    assert (client.call(), client.transport.slept) == (429, [])

    client.now += 100
    with pytest.raises(RetryableError, match="Azure ML asks not to be called for 20 s") as raised:
        client.call()
    assert raised.value.retry_after == timedelta(seconds=20)

    client.now += 20
    assert client.call() == 200
    assert client.transport.calls == ["GET", "GET"]


def test_throttled_reads_do_not_hold_up_writes() -> None:
    client = Client("120", None)
    client.call("GET")

    assert client.call("PUT") == 200


@pytest.mark.parametrize(
    ("header", "expected"), [("17", timedelta(seconds=17)), (None, None), ("soon", None), ("1e400", None)]
)
def test_what_an_error_asks_for(header: str | None, expected: timedelta | None) -> None:
    error = HttpResponseError("no")
    error.response = SimpleNamespace(headers={} if header is None else {"Retry-After": header})

    assert requested_wait(error) == expected
    assert requested_wait(HttpResponseError("no")) is None
