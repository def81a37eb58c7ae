"""The Event Grid emulator: topics, routing and its HTTP interface."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import logging
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from json import JSONDecodeError
from typing import Any

import aiohttp
from aiohttp import web

from local.eventgrid.access import is_allowed
from local.eventgrid.courier import Courier, Surroundings
from local.eventgrid.dead_letters import DeadLetterStore
from local.eventgrid.faults import Dice, Faults, FaultsError
from local.eventgrid.filters import passes
from local.eventgrid.queue_destination import StorageQueue
from local.eventgrid.records import Records
from local.eventgrid.schemas import (
    INPUT_SCHEMAS,
    MAX_BYTES,
    MAX_EVENTS,
    MalformedEventError,
    Published,
    accept,
    azure_time,
    parse_body,
)
from local.eventgrid.subscription import Subscription
from local.listener import Listener
from local.profile import Conditions

log = logging.getLogger(__name__)

# A key must be base64, because shared access signatures are made with its bytes.
LOCAL_KEY = base64.b64encode(b"a topic key for loopback only").decode()
ANSWER_TIMEOUT = timedelta(seconds=30)


class EventGrid:
    """Topics `workspace` (Event Grid schema, a system topic) and `custom` (CloudEvents 1.0).

    `time_scale` multiplies the documented delays of retries, expiry and dead-lettering (0.01 makes 10 s into 0.1 s),
    but not the 30 s that a function has to answer.
    """

    def __init__(
        self,
        port: int,
        subscriptions: list[Subscription],
        functions_url: str,
        dead_letters: DeadLetterStore,
        time_scale: float = 1.0,
        faults: Faults | None = None,
        keys: Sequence[str] = (LOCAL_KEY,),
        answer_timeout: timedelta = ANSWER_TIMEOUT,
        conditions: Conditions | None = None,
        queue: StorageQueue | None = None,
    ) -> None:
        self.records = Records()
        self._listener = Listener("Event Grid", port)
        self._subscriptions = subscriptions
        self._functions_url = functions_url.rstrip("/")
        self._dead_letters = dead_letters
        self._time_scale = time_scale
        self._dice = Dice(faults or Faults())
        self._keys = keys
        self._answer_timeout = answer_timeout
        self._conditions = conditions or Conditions()
        self._queue = queue
        self._deliveries: set[asyncio.Task[Any]] = set()
        self._couriers: list[Courier] = []
        self._http: aiohttp.ClientSession | None = None

    @property
    def port(self) -> int:
        return self._listener.port

    async def start(self) -> None:
        """Listen, and be ready to deliver.

        Raises:
            PortInUseError: something else listens on the port.
        """
        await self._listener.start(self._application())
        # No common limit of connections: each subscription has its own.
        self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        surroundings = Surroundings(
            functions_url=self._functions_url,
            http=self._http,
            dead_letters=self._dead_letters,
            records=self.records,
            time_scale=self._time_scale,
            answer_timeout=self._answer_timeout,
            dice=lambda: self._dice,
            queue_of=self._queue_of,
        )
        self._couriers = [Courier(subscription, surroundings) for subscription in self._subscriptions]

    async def stop(self) -> None:
        """Stop listening and forget what was not delivered yet."""
        await self._listener.stop()
        for task in self._deliveries:
            task.cancel()
        await asyncio.gather(*self._deliveries, return_exceptions=True)
        if self._http is not None:
            await self._http.close()
        if self._queue is not None:
            await self._queue.close()

    async def publish(self, topic: str, events: list[dict[str, Any]]) -> None:
        """Accept events (in the topic's input schema) as if they had been posted to the topic.

        Raises:
            MalformedEventError: an event is not what the topic takes; none of them was accepted.
        """
        if topic not in INPUT_SCHEMAS:
            raise MalformedEventError(f"there is no topic {topic!r}; topics: {', '.join(INPUT_SCHEMAS)}")
        now = datetime.now(UTC)
        for event in [accept(topic, event, now, position) for position, event in enumerate(events)]:
            self.records.events.append(event)
            self._route(event)

    def _route(self, event: Published) -> None:
        for courier in self._couriers:
            if courier.subscription.topic == event.topic and passes(courier.subscription, event.body):
                self._spawn(courier.deliver(event))
                if self._dice.is_duplicated():
                    self._spawn(courier.attempt(event, 1, was_duplicate=True))

    def _queue_of(self, subscription: Subscription) -> StorageQueue | None:
        by_profile = "function" if subscription.topic in self._conditions.profile.function_topics else "queue"
        return self._queue if (subscription.delivery or by_profile) == "queue" else None

    def _spawn(self, delivery: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.create_task(delivery)
        self._deliveries.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._deliveries.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("a delivery broke", exc_info=task.exception())

    def _application(self) -> web.Application:
        app = web.Application(client_max_size=MAX_BYTES)
        app.add_routes(
            [
                web.post("/topics/{topic}/api/events", self._post_events),
                web.get("/_local/events", self._get_events),
                web.get("/_local/deliveries", self._get_deliveries),
                web.get("/_local/idle", self._get_idle),
                web.get("/_local/faults", self._get_faults),
                web.post("/_local/faults", self._post_faults),
            ]
        )
        return app

    async def _post_events(self, request: web.Request) -> web.Response:
        topic = request.match_info["topic"]
        if topic not in INPUT_SCHEMAS:
            return _refusal(404, "NotFound", f"there is no topic {topic!r}; topics: {', '.join(INPUT_SCHEMAS)}")
        if not is_allowed(request.headers, request.query, self._keys):
            # The service names the topic's host here.
            text = f"The request authorization key is not authorized for {topic.upper()}. This is due to the reason: "
            return _refusal(401, "Unauthorized", text + "no valid aeg-sas-key, aeg-sas-token or Authorization header.")
        try:
            events = parse_body(topic, request.content_type, await request.read())
            if len(events) > MAX_EVENTS:
                return _refusal(
                    413, "RequestEntityTooLarge", f"{len(events)} events; at most {MAX_EVENTS} fit a request"
                )
            await self.publish(topic, events)
        except web.HTTPRequestEntityTooLarge:
            return _refusal(413, "RequestEntityTooLarge", f"The maximum size ({MAX_BYTES}) has been exceeded.")
        except MalformedEventError as exc:
            return _refusal(400, "BadRequest", str(exc))
        return web.Response()

    async def _get_events(self, _: web.Request) -> web.Response:
        return web.json_response(
            [{"topic": event.topic, "time": azure_time(event.at), "event": event.body} for event in self.records.events]
        )

    async def _get_deliveries(self, _: web.Request) -> web.Response:
        return web.json_response([dataclasses.asdict(attempt) for attempt in self.records.attempts])

    async def _get_idle(self, _: web.Request) -> web.Response:
        return web.json_response({"idle": not self._deliveries, "open_deliveries": len(self._deliveries)})

    async def _get_faults(self, _: web.Request) -> web.Response:
        return web.json_response(dataclasses.asdict(self._dice.faults))

    async def _post_faults(self, request: web.Request) -> web.Response:
        try:
            self._dice = Dice(self._dice.faults.changed(await request.json()))
        except JSONDecodeError as exc:
            return _refusal(400, "BadRequest", f"the body is not JSON: {exc}")
        except FaultsError as exc:
            return _refusal(400, "BadRequest", str(exc))
        return await self._get_faults(request)


def _refusal(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message}}, status=status)
