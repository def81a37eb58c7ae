"""The Event Grid webhook of the host: /runtime/webhooks/eventgrid?functionName=NAME.

The answers are those of the Functions Event Grid extension: one call per element of the array, all at once; 202 when
every call succeeded, 500 with the first error's message otherwise, 404 for an unknown function, 400 without a known
event type.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

from aiohttp import web

from local.functions_host import decode
from local.functions_host.app import HostedFunction
from local.functions_host.bindings import EventGridTrigger
from local.functions_host.invoke import Invoker

PATH = "/runtime/webhooks/eventgrid"


class EventGridWebhook:
    """Hands delivered events to the Event Grid functions of the app.

    `rejects_first`: so many deliveries to each function are answered 401, as while the platform has not loaded the
    system key after a cold start. Source: azure-functions-host #11834, read 2026-11-30.
    """

    def __init__(self, functions: list[HostedFunction], invoker: Invoker, rejects_first: int = 0) -> None:
        self._functions = {
            function.name: function for function in functions if isinstance(function.trigger, EventGridTrigger)
        }
        self._invoker = invoker
        self._rejections = Counter(dict.fromkeys(self._functions, rejects_first))

    def add_to(self, router: web.UrlDispatcher) -> None:
        router.add_post(PATH, self._receive)
        router.add_options(PATH, self._consent)

    async def _consent(self, request: web.Request) -> web.Response:
        """Answer the CloudEvents abuse-protection handshake."""
        origin = request.headers.get("WebHook-Request-Origin")
        if origin is None:
            return web.Response(status=400, text="WebHook-Request-Origin is missing")
        return web.Response(
            headers={"WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": "*", "Allow": "POST, OPTIONS"}
        )

    async def _receive(self, request: web.Request) -> web.Response:
        name = request.query.get("functionName", "")
        function = self._functions.get(name)
        if function is None:
            return web.Response(status=404, text=f"cannot find function: '{name}'")
        match request.headers.get("aeg-event-type", "").lower():
            case "subscriptionvalidation":
                return _validate(await request.read())
            case "notification" if self._rejections[name] > 0:
                self._rejections[name] -= 1
                return web.Response(status=401)
            case "notification":
                return await self._notify(function, await request.read())
            case "unsubscribe":
                return web.Response(status=202)
            case unknown:
                return web.Response(status=400, text=f"aeg-event-type is {unknown!r}: expected Notification")

    async def _notify(self, function: HostedFunction, body: bytes) -> web.Response:
        try:
            events = _events_in(body)
        except ValueError as exc:
            self._invoker.fail(function, exc)
            return web.Response(status=500, text=str(exc))
        results = await asyncio.gather(*(self._deliver(function, event) for event in events), return_exceptions=True)
        for error in results:
            if isinstance(error, BaseException):
                return web.Response(status=500, text=str(error))
        return web.Response(status=202)

    async def _deliver(self, function: HostedFunction, event: dict[str, Any]) -> None:
        try:
            argument = decode.event_grid_event(event)
        except Exception as exc:  # whatever the converter raises on a malformed event fails this delivery
            self._invoker.fail(function, exc)
            raise
        await self._invoker.invoke(function, argument)


def _events_in(body: bytes) -> list[dict[str, Any]]:
    content = json.loads(body)
    events = content if isinstance(content, list) else [content]
    if not all(isinstance(event, dict) for event in events):
        raise ValueError("an event is not a JSON object")
    return events


def _validate(body: bytes) -> web.Response:
    """Answer the handshake: an array with an Event Grid event, or one CloudEvent whose data is JSON in a string."""
    try:
        content = json.loads(body)
        data = (content[0] if isinstance(content, list) else content)["data"]
        code = (json.loads(data) if isinstance(data, str) else data)["validationCode"]
    except (ValueError, LookupError, TypeError):
        return web.Response(status=500, text="the validation event has no data.validationCode")
    return web.json_response({"validationResponse": code})
