"""The host's own pages: /_local/host counts invocations and failures, /_local/timers/NAME runs a timer now."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict

from aiohttp import web

from local.functions_host.app import HostedFunction
from local.functions_host.bindings import HttpTrigger, QueueTrigger, TimerTrigger
from local.functions_host.invoke import Invoker
from local.functions_host.triggers.queues import QueueListener
from local.functions_host.triggers.timers import Timer


class StatusPages:
    """Answers questions about the host in JSON."""

    def __init__(
        self,
        functions: Sequence[HostedFunction],
        invoker: Invoker,
        listeners: Sequence[QueueListener],
        timers: Sequence[Timer],
    ) -> None:
        self._functions = functions
        self._invoker = invoker
        self._listeners = listeners
        self._timers = {timer.function.name: timer for timer in timers}
        self._started = time.monotonic()

    def add_to(self, router: web.UrlDispatcher) -> None:
        router.add_get("/_local/host", self._host)
        router.add_post("/_local/timers/{function}", self._run_timer)

    async def _host(self, _: web.Request) -> web.Response:
        poison = {listener.poison_queue: await listener.waiting_as_poison() for listener in self._listeners}
        counts = self._invoker.counts
        return web.json_response(
            {
                "uptime_s": round(time.monotonic() - self._started, 3),
                "functions": {
                    function.name: {**_describe(function), **asdict(counts[function.name])}
                    for function in self._functions
                },
                "invocations": sum(count.invocations for count in counts.values()),
                "failures": sum(count.failures for count in counts.values()),
                "poison": poison,
            }
        )

    async def _run_timer(self, request: web.Request) -> web.Response:
        name = request.match_info["function"]
        timer = self._timers.get(name)
        if timer is None:
            names = ", ".join(sorted(self._timers)) or "none"
            return web.Response(status=404, text=f"there is no timer function {name!r}; timers: {names}")
        try:
            await timer.run_now()
        except Exception as exc:  # the invoker logged and counted it
            return web.Response(status=500, text=str(exc))
        return web.Response(status=202)


def _describe(function: HostedFunction) -> dict[str, str]:
    match function.trigger:
        case HttpTrigger(route=route):
            detail = {"route": route}
        case QueueTrigger(queue=queue):
            detail = {"queue": queue}
        case TimerTrigger(schedule=schedule):
            detail = {"schedule": schedule}
        case _:
            detail = {}
    return {"trigger": function.trigger.kind, **detail}
