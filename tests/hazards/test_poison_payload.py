"""Poison payload: quarantine, never loop. It is kept whole, people hear of it once, and the queue is free.

The way is the real one: the trigger function that takes the queue's message, as often as the queue gives it.
"""

from __future__ import annotations

import json
from typing import Any

import azure.functions as func
import pytest

import shared.bootstrap
from functions.process import process
from shared.events.wire.strict_json import MOST_BYTES
from tests.unit.cli.world import FakeApp
from tests.unit.events.wire import grid

POISON: dict[str, bytes] = {
    "nothing": b"",
    "no_json": b"{broken",
    "half_an_array": b'[{"id": "1"}, ',
    "no_utf8": b"\xff\xfe\x00{",
    "a_number": b"7",
    "nan": b'{"id": "1", "eventType": "x", "data": NaN}',
    "number_of_5000_digits": b'{"id": "1", "n": ' + b"9" * 5000 + b"}",
    "duplicate_key": b'{"id": "1", "id": "2"}',
    "deep": b"[" * 100_000,
    "deep_object": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "half_a_character": b'{"id": "\\ud800"}',
    "more_than_a_megabyte": b'{"id": "' + b"x" * MOST_BYTES + b'"}',
    "no_envelope": b'{"hello": "world"}',
    "no_data": json.dumps(grid("ModelRegistered", None)).encode(),
    "wrong_data": json.dumps(grid("ModelRegistered", {"ModelName": {"a": 1}, "ModelVersion": []})).encode(),
    "wrong_time": json.dumps(grid("RunCompleted", {"runId": "r"}, eventTime="soon")).encode(),
    "a_pointer_that_is_none": b'{"vigia-large-event": 7, "id": "1"}',
}


class Message(func.QueueMessage):
    def __init__(self, body: bytes, dequeue_count: int) -> None:
        super().__init__(id="m-1", body=body)
        self._count = dequeue_count

    @property
    def dequeue_count(self) -> int:
        return self._count


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> FakeApp:
    made = FakeApp()
    monkeypatch.setattr(shared.bootstrap, "get_app", lambda: made)
    return made


def _run(body: bytes, dequeue_count: int = 1) -> None:
    trigger: Any = process
    trigger._function.get_user_function()(Message(body, dequeue_count))


@pytest.mark.parametrize("body", [pytest.param(body, id=name) for name, body in POISON.items()])
def test_poison_is_set_aside_at_once_and_never_comes_again(app: FakeApp, body: bytes) -> None:
    for delivery in range(1, 4):  # Event Grid may deliver it again, under another message
        _run(body, delivery)  # what raises would come back, and end in the poison queue
    ((_, item),) = app.quarantine.items()
    assert item.body == body.decode(errors="backslashreplace")
    assert item.code.startswith("event.")
    assert [record.notice.kind.value for record in app.outbox_store.records()] == ["event-quarantined"]
    assert not list(app.ledger.keys())


def test_poison_keeps_nobody_waiting(app: FakeApp) -> None:
    for body in POISON.values():
        _run(body)
    _run(json.dumps(grid("ModelRegistered", {"ModelName": "nobody-knows", "ModelVersion": "1"})).encode())
    assert len(list(app.quarantine.items())) == len(POISON)
    assert len(list(app.ledger.keys())) == 1
