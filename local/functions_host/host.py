"""The host as a whole: an app's functions behind one port, started and stopped."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta

from aiohttp import web

from local.addresses import HOST
from local.errors import PortInUseError
from local.functions_host.app import HostedFunction
from local.functions_host.bindings import QueueTrigger, TimerTrigger
from local.functions_host.invoke import Invoker
from local.functions_host.outputs import QueueSender
from local.functions_host.settings import HostSettings
from local.functions_host.status import StatusPages
from local.functions_host.triggers.event_grid import EventGridWebhook
from local.functions_host.triggers.http import HttpTriggers
from local.functions_host.triggers.queues import Lease, QueueListener
from local.functions_host.triggers.routes import RouteTable
from local.functions_host.triggers.sign_in import SignIn, User
from local.functions_host.triggers.timers import Timer

log = logging.getLogger("host")
LARGEST_BODY_BYTES = 100 * 1024 * 1024  # the platform's limit
GRACE = timedelta(seconds=10)


class FunctionsHost:
    """Runs functions until it is stopped."""

    def __init__(
        self,
        functions: Sequence[HostedFunction],
        settings: HostSettings,
        port: int,
        users: dict[str, User],
        lease: Lease | None = None,
        rejects_first: int = 0,
    ) -> None:
        """Prepare the host; with port 0 the system chooses one, see `port` after `start`.

        Args:
            rejects_first: deliveries of events that each function's webhook refuses after the start.

        Raises:
            LocalSystemError: two functions claim a route, or a route is malformed.
        """
        self.port = port
        self._functions = list(functions)
        self._settings = settings
        self._lease = lease or Lease()
        self._rejects_first = rejects_first
        self._sign_in = SignIn(users)
        self._routes = RouteTable(self._functions, settings.route_prefix)
        self._listeners: list[QueueListener] = []
        self._background: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Serve HTTP and start queue listeners and timers.

        Raises:
            PortInUseError: something else listens on the port.
        """
        self._sender = QueueSender(self._settings.queues.is_base64, self._wake)
        self._invoker = Invoker(self._functions, self._sender)
        self._listeners = [
            QueueListener(function, function.trigger, self._settings.queues, self._lease, self._sender)
            for function in self._functions
            if isinstance(function.trigger, QueueTrigger)
        ]
        timers = [
            Timer(function, function.trigger, self._invoker)
            for function in self._functions
            if isinstance(function.trigger, TimerTrigger)
        ]
        # HTTP first: when the port is taken, no queue message has been received yet.
        await self._listen(timers)
        loops = [listener.listen(self._invoker) for listener in self._listeners]
        loops += [timer.run_forever() for timer in timers]
        self._background = [asyncio.ensure_future(loop) for loop in loops]
        log.info("%d functions on http://%s:%d", len(self._functions), HOST, self.port)

    async def stop(self) -> None:
        """Take no more work, let running invocations finish (up to 10 s), and close everything."""
        # Triggers first, so that nothing new starts; the sender last, because a finishing invocation may have output.
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._site.stop()
        await self._invoker.drain(GRACE.total_seconds())
        await asyncio.gather(*(listener.drain() for listener in self._listeners))
        await self._runner.cleanup()
        await self._sender.close()

    async def _listen(self, timers: list[Timer]) -> None:
        app = web.Application(client_max_size=LARGEST_BODY_BYTES)
        StatusPages(self._functions, self._invoker, self._listeners, timers).add_to(app.router)
        EventGridWebhook(self._functions, self._invoker, self._rejects_first).add_to(app.router)
        self._sign_in.add_to(app.router)
        HttpTriggers(self._routes, self._invoker, self._sign_in).add_to(app.router)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=GRACE.total_seconds())
        await self._runner.setup()
        self._site = web.TCPSite(self._runner, HOST, self.port)
        try:
            await self._site.start()
        except OSError as exc:
            await self._runner.cleanup()
            await self._sender.close()
            raise PortInUseError("the Functions host", self.port) from exc
        self.port = self._runner.addresses[0][1]

    def _wake(self, queue: str) -> None:
        for listener in self._listeners:
            if listener.queue == queue:
                listener.wake()
