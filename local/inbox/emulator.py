"""The inbox: a Teams webhook, an SMTP server, the e-mail service of Azure, and a page over all of them."""

from __future__ import annotations

import asyncio
import errno
from datetime import UTC, datetime

from aiohttp import web
from aiosmtpd.smtp import SMTP

from local.addresses import HOST
from local.errors import PortInUseError
from local.inbox import acs
from local.inbox.mail import MailSink
from local.inbox.messages import Mailbox
from local.inbox.page import render
from local.inbox.teams import MAX_BYTES, CardError, parse_card
from local.listener import Listener


class Inbox:
    """Takes cards at `/teams/...` and mails at `/acs/...` over HTTP, mails over SMTP too, and shows all at `/`."""

    def __init__(self, http_port: int, smtp_port: int) -> None:
        self.mailbox = Mailbox()
        self.smtp_port = smtp_port
        self._acs = acs.AcsMail(self.mailbox.add)
        self._listener = Listener("the inbox page", http_port)
        self._smtp: asyncio.Server | None = None

    @property
    def port(self) -> int:
        return self._listener.port

    async def start(self) -> None:
        """Listen on both ports.

        Raises:
            PortInUseError: something else listens on one of them.
        """
        app = web.Application(client_max_size=acs.MAX_BYTES)
        app.add_routes(
            [
                web.post("/teams/{flow:.+}", self._post_card),
                *self._acs.routes(),
                web.get("/", self._get_page),
                web.get("/_local/messages", self._get_messages),
                web.get("/_local/count", self._get_count),
            ]
        )
        await self._listener.start(app)
        loop = asyncio.get_running_loop()
        sink = MailSink(self.mailbox.add)
        try:
            self._smtp = await loop.create_server(
                lambda: SMTP(sink, hostname="localhost", enable_SMTPUTF8=True, loop=loop), HOST, self.smtp_port
            )
        except OSError as exc:
            await self._listener.stop()
            if exc.errno == errno.EADDRINUSE:
                raise PortInUseError("the inbox's SMTP server", self.smtp_port) from exc
            raise
        self.smtp_port = self._smtp.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        await self._listener.stop()
        if self._smtp is not None:
            self._smtp.close()
            self._smtp = None

    async def _post_card(self, request: web.Request) -> web.Response:
        if not request.query.get("sig"):
            return _refusal(
                401, "Unauthorized", "the address has no `sig`: a Workflows URL is its own secret, copy it whole"
            )
        try:
            raw = await request.read()
        except web.HTTPRequestEntityTooLarge:
            raw = bytes(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            return _refusal(413, "RequestEntityTooLarge", f"the body is larger than {MAX_BYTES} bytes (28 KB)")
        try:
            self.mailbox.add(parse_card(raw, request.match_info["flow"], datetime.now(UTC)))
        except CardError as exc:
            return _refusal(400, "InvalidRequest", str(exc))
        return web.Response(status=202)

    async def _get_page(self, _: web.Request) -> web.Response:
        page, policy = render(self.mailbox.all(), self.mailbox.total)
        headers = {
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
        }
        return web.Response(text=page, content_type="text/html", headers=headers)

    async def _get_messages(self, _: web.Request) -> web.Response:
        return web.json_response([message.as_json() for message in self.mailbox.all()])

    async def _get_count(self, _: web.Request) -> web.Response:
        return web.json_response({"total": self.mailbox.total})


def _refusal(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message}}, status=status)
