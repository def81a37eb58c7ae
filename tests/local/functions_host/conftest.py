"""Runs small apps, written by the tests, in the host and in the test's own event loop."""

from __future__ import annotations

import asyncio
import json
import sys
import textwrap
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from azure.storage.queue import QueueClient, TextBase64DecodePolicy, TextBase64EncodePolicy

from local.addresses import Addresses
from local.functions_host.app import MODULE, load_functions
from local.functions_host.host import FunctionsHost
from local.functions_host.settings import read_host_settings
from local.functions_host.triggers.queues import Lease
from local.functions_host.triggers.sign_in import parse_users

HOST_JSON: dict[str, Any] = {
    "version": "2.0",
    "extensions": {"queues": {"maxDequeueCount": 2, "maxPollingInterval": "00:00:00.2", "batchSize": 4}},
}
HEADER = "import azure.functions as func\nimport asyncio\napp = func.FunctionApp()\ncalls = []\n"


@dataclass
class ToyApp:
    """A running host with a client for it; `calls` is the list that the app's functions append to."""

    host: FunctionsHost
    client: aiohttp.ClientSession
    calls: list[Any]

    async def wait_for(self, is_true: Callable[[], bool | Awaitable[bool]]) -> None:
        """Return as soon as the condition holds; fail after 10 s."""
        async with asyncio.timeout(10):
            while True:
                answer = is_true()
                if answer if isinstance(answer, bool) else await answer:
                    return
                await asyncio.sleep(0.02)

    async def status(self) -> dict[str, Any]:
        async with self.client.get("/_local/host") as answer:
            status: dict[str, Any] = await answer.json()
            return status


class ToyFolder:
    """A folder with a function_app.py."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, source: str, host_json: dict[str, Any] | None = None) -> None:
        (self.path / "function_app.py").write_text(HEADER + textwrap.dedent(source))
        (self.path / "host.json").write_text(json.dumps(host_json or HOST_JSON))

    @asynccontextmanager
    async def running(
        self, source: str, users: str = "", lease: Lease | None = None, rejects_first: int = 0
    ) -> AsyncIterator[ToyApp]:
        """Write the app, run it in a host on a free port, and stop it in the end."""
        self.write(source)
        functions = load_functions(self.path)
        calls = sys.modules[MODULE].calls
        settings = read_host_settings(self.path / "host.json")
        host = FunctionsHost(functions, settings, 0, parse_users(users), lease, rejects_first)
        await host.start()
        try:
            async with aiohttp.ClientSession(f"http://127.0.0.1:{host.port}") as client:
                yield ToyApp(host, client, calls)
        finally:
            await host.stop()


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ToyFolder]:
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    sys.modules.pop(MODULE, None)
    yield ToyFolder(tmp_path)
    sys.modules.pop(MODULE, None)


@pytest.fixture
def make_queue(azurite: Addresses, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], QueueClient]]:
    """A function that creates a queue with base64 texts; the app's AzureWebJobsStorage points to the same storage."""
    monkeypatch.setenv("AzureWebJobsStorage", azurite.storage_connection_string)
    clients: list[QueueClient] = []

    def make(name: str) -> QueueClient:
        client = QueueClient.from_connection_string(
            azurite.storage_connection_string,
            name,
            message_encode_policy=TextBase64EncodePolicy(),
            message_decode_policy=TextBase64DecodePolicy(),
        )
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def queue_name() -> str:
    """A queue name that no other test uses."""
    return f"q-{uuid.uuid4().hex[:12]}"
