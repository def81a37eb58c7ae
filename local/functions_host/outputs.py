"""What functions write: values set on func.Out or returned, sent to storage queues."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Callable, Iterable
from typing import Any

import azure.functions as func
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.queue.aio import QueueServiceClient

from local.functions_host.bindings import QueueOutput


class Out(func.Out[Any]):
    """Holds what a function sets on an output parameter."""

    def __init__(self) -> None:
        self._value: Any = None

    def set(self, val: Any) -> None:
        self._value = val

    def get(self) -> Any:
        return self._value


class QueueSender:
    """Sends messages to queues, creating those that don't exist, which it logs."""

    def __init__(self, is_base64: bool, on_sent: Callable[[str], None]) -> None:
        self._is_base64 = is_base64
        self._on_sent = on_sent
        self._services: dict[str, QueueServiceClient] = {}

    async def send(self, output: QueueOutput, value: Any) -> None:
        """Send what the function set: one message, a list of them, or nothing when None.

        Raises:
            TypeError: the value, or an item of the list, is not str, bytes or func.QueueMessage.
        """
        for message in messages_in(value):
            await self.send_text(output.connection_string, output.queue, self.encode(message))
            self._on_sent(output.queue)

    async def send_text(self, connection_string: str, queue: str, text: str) -> None:
        """Send a message whose text is encoded already. It lives seven days, as what Azure's host sends does."""
        client = self.service(connection_string).get_queue_client(queue)
        try:
            await client.send_message(text)
        except ResourceNotFoundError:
            with contextlib.suppress(ResourceExistsError):  # another invocation was faster
                await client.create_queue()
            await client.send_message(text)

    def encode(self, message: bytes) -> str:
        return base64.b64encode(message).decode() if self._is_base64 else message.decode()

    def service(self, connection_string: str) -> QueueServiceClient:
        if connection_string not in self._services:
            self._services[connection_string] = QueueServiceClient.from_connection_string(connection_string)
        return self._services[connection_string]

    async def close(self) -> None:
        for service in self._services.values():
            await service.close()
        self._services.clear()


def messages_in(value: Any) -> list[bytes]:
    """Return the messages that an output value stands for.

    Raises:
        TypeError: the value, or an item of it, is of a type that the platform can't send.
    """
    if value is None:
        return []
    if isinstance(value, str | bytes | func.QueueMessage):
        return [_message(value)]
    if isinstance(value, Iterable) and not isinstance(value, dict):
        return [_message(item) for item in value]
    return [_message(value)]


def _message(value: Any) -> bytes:
    match value:
        case str():
            return value.encode()
        case bytes():
            return value
        case func.QueueMessage():
            return value.get_body()
        case _:
            raise TypeError(f"a queue message must be str, bytes or func.QueueMessage, not {type(value).__name__}")
