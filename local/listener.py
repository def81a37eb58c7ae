"""Serves one aiohttp application on loopback: the start and stop that all emulators share."""

from __future__ import annotations

import errno

from aiohttp import web

from local.addresses import HOST
from local.errors import PortInUseError


class Listener:
    """An HTTP server on 127.0.0.1. With port 0 the system chooses; `port` is the real one once started."""

    def __init__(self, part: str, port: int) -> None:
        self.port = port
        self._part = part
        self._runner: web.AppRunner | None = None

    async def start(self, app: web.Application) -> None:
        """Serve `app`.

        Raises:
            PortInUseError: something else listens on the port.
        """
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, HOST, self.port).start()
        except OSError as exc:
            await self.stop()
            if exc.errno == errno.EADDRINUSE:
                raise PortInUseError(self._part, self.port) from exc
            raise
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
