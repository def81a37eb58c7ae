"""Queue triggers: polling, parallel invocations, renewed leases, retries and poison queues."""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
from dataclasses import dataclass
from datetime import timedelta

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.queue import QueueMessage
from azure.storage.queue.aio import QueueClient

from local.functions_host import decode
from local.functions_host.app import HostedFunction
from local.functions_host.bindings import QueueTrigger
from local.functions_host.invoke import Invoker
from local.functions_host.outputs import QueueSender
from local.functions_host.settings import QueueSettings

log = logging.getLogger("host")
FIRST_POLLING_INTERVAL_SECONDS = 0.1
LARGEST_BATCH = 32  # Azure Storage's limit of messages per request


@dataclass(frozen=True)
class Lease:
    """How long a message stays hidden while its function runs; it is renewed at half time.

    The platform takes ten minutes, so a message whose host was killed comes back ten minutes later.
    """

    duration: timedelta = timedelta(minutes=10)


class QueueListener:
    """Feeds one function from its queue."""

    def __init__(
        self,
        function: HostedFunction,
        trigger: QueueTrigger,
        settings: QueueSettings,
        lease: Lease,
        sender: QueueSender,
    ) -> None:
        self.function = function
        self.queue = trigger.queue
        self.poison_queue = f"{trigger.queue}-poison"
        self.poisoned = 0
        self._trigger = trigger
        self._settings = settings
        self._lease_seconds = max(1, round(lease.duration.total_seconds()))
        self._sender = sender
        self._client: QueueClient = sender.service(trigger.connection_string).get_queue_client(trigger.queue)
        self._running: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Look at the queue now: this host has just put a message there."""
        self._wake.set()

    async def listen(self, invoker: Invoker) -> None:
        """Take messages and run them until cancelled; waits longer and longer while the queue stays empty."""
        interval = FIRST_POLLING_INTERVAL_SECONDS
        longest = max(interval, self._settings.max_polling_interval.total_seconds())
        while True:
            while len(self._running) > self._settings.new_batch_threshold:
                await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
            self._wake.clear()
            messages = await self._receive()
            for message in messages:
                task = asyncio.ensure_future(self._handle(message, invoker))
                self._running.add(task)
                task.add_done_callback(self._running.discard)
            if messages or await _is_set_within(self._wake, interval):
                interval = FIRST_POLLING_INTERVAL_SECONDS
            else:
                interval = min(interval * 2, longest)

    async def waiting_as_poison(self) -> int:
        """Return how many messages the poison queue holds, 0 when there is none."""
        client = self._sender.service(self._trigger.connection_string).get_queue_client(self.poison_queue)
        try:
            return (await client.get_queue_properties()).approximate_message_count or 0
        except ResourceNotFoundError:
            return 0

    async def drain(self) -> None:
        """Wait until the messages at hand are deleted, put back or poisoned."""
        if self._running:
            await asyncio.wait(self._running, timeout=5)

    async def _receive(self) -> list[QueueMessage]:
        size = min(self._settings.batch_size, LARGEST_BATCH)
        try:
            pages = self._client.receive_messages(
                messages_per_page=size, visibility_timeout=self._lease_seconds
            ).by_page()
            return [message async for message in await anext(pages)]
        except StopAsyncIteration:
            return []
        except ResourceNotFoundError:  # nobody has sent anything yet
            return []
        except AzureError as exc:
            log.warning("queue %s can't be read, trying again: %s", self.queue, str(exc).splitlines()[0])
            return []

    async def _handle(self, message: QueueMessage, invoker: Invoker) -> None:
        try:
            await self._run(message, invoker)
        except AzureError as exc:  # the lease runs out and the message comes back
            log.warning("a message of queue %s could not be settled: %s", self.queue, str(exc).splitlines()[0])

    async def _run(self, message: QueueMessage, invoker: Invoker) -> None:
        try:
            body = self._decode(message.content)
        except ValueError as exc:
            log.warning("a message of queue %s is not base64: %s", self.queue, exc)
            await self._poison(message)
            return
        if (message.dequeue_count or 0) > self._settings.max_dequeue_count:  # its last host died while it ran
            await self._poison(message)
            return
        error = await self._invoke_while_renewing(message, body, invoker)
        if error is None:
            await self._client.delete_message(message.id, message.pop_receipt)
        else:
            await self._retry_or_poison(message, error)

    async def _invoke_while_renewing(self, message: QueueMessage, body: bytes, invoker: Invoker) -> Exception | None:
        """Run the function; return what it raised, which the invoker has logged and counted."""
        is_over = asyncio.Event()
        renewal = asyncio.ensure_future(self._renew_until(is_over, message))
        try:
            await invoker.invoke(self.function, decode.queue_message(message, body))
        except Exception as exc:
            return exc
        finally:
            is_over.set()
            await renewal  # not cancelled: a renewal under way changes the receipt that settles the message
        return None

    async def _retry_or_poison(self, message: QueueMessage, error: Exception) -> None:
        if (message.dequeue_count or 0) >= self._settings.max_dequeue_count:
            log.error(
                "message %s of queue %s failed %s times: %s", message.id, self.queue, message.dequeue_count, error
            )
            await self._poison(message)
            return
        seconds = round(self._settings.visibility_timeout.total_seconds())
        await self._client.update_message(message.id, message.pop_receipt, visibility_timeout=seconds)

    async def _poison(self, message: QueueMessage) -> None:
        # Copy first: dying in between leaves the message twice, never not at all.
        await self._sender.send_text(self._trigger.connection_string, self.poison_queue, message.content)
        await self._client.delete_message(message.id, message.pop_receipt)
        self.poisoned += 1
        log.warning("a message of queue %s was moved to %s", self.queue, self.poison_queue)

    async def _renew_until(self, is_over: asyncio.Event, message: QueueMessage) -> None:
        while not await _is_set_within(is_over, self._lease_seconds / 2):
            try:
                renewed = await self._client.update_message(
                    message.id, message.pop_receipt, visibility_timeout=self._lease_seconds
                )
            except AzureError as exc:
                log.warning("the lease of a message of queue %s could not be renewed: %s", self.queue, exc)
            else:
                message.pop_receipt = renewed.pop_receipt

    def _decode(self, content: str) -> bytes:
        if not self._settings.is_base64:
            return content.encode()
        try:
            return base64.b64decode(content, validate=True)
        except binascii.Error as exc:
            raise ValueError(str(exc)) from exc


async def _is_set_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait up to `seconds` for the event; return whether it was set."""
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True
