"""Runs an emulator in a thread of its own, because the real SDK clients block theirs; and talks plain HTTP to it."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Emulator(Protocol):
    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class LoopThread:
    """An event loop in a background thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@contextmanager
def running(*emulators: Emulator) -> Iterator[LoopThread]:
    """Start the emulators in order, and stop them in reverse order in the end."""
    thread = LoopThread()
    started: list[Emulator] = []
    try:
        for emulator in emulators:
            thread.run(emulator.start())
            started.append(emulator)
        yield thread
    finally:
        for emulator in reversed(started):
            thread.run(emulator.stop())
        thread.close()


def call(
    method: str, url: str, body: object = None, headers: dict[str, str] | None = None
) -> tuple[int, Any, dict[str, str]]:
    """Return status, body (parsed where it is JSON) and headers. A `body` that is not bytes is sent as JSON."""
    payload = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, payload, {"content-type": "application/json", **(headers or {})})
    request.method = method
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, _content(answer.read()), dict(answer.headers)
    except urllib.error.HTTPError as exc:
        with exc:
            return exc.code, _content(exc.read()), dict(exc.headers)


def _content(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode()


def wait_for(is_true: Callable[[], object], seconds: float = 10) -> None:
    """Return as soon as the condition holds; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > deadline:
            raise AssertionError("the condition did not come true in time")
        time.sleep(0.005)
