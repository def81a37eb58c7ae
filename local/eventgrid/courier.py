"""Takes events of one subscription to its function or the queue, again and again, until they are taken or given up."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import aiohttp

from local.eventgrid import retry
from local.eventgrid.dead_letters import DeadLetterStore, DeadLetterUnavailableError, blob_content, blob_name
from local.eventgrid.faults import Dice
from local.eventgrid.queue_destination import StorageQueue
from local.eventgrid.records import Attempt, Records
from local.eventgrid.schemas import Published, azure_time, delivery, in_schema
from local.eventgrid.subscription import Subscription

log = logging.getLogger(__name__)

MAX_IN_FLIGHT = 64
DEAD_LETTER_RETRY = timedelta(minutes=1)


@dataclass(frozen=True)
class Surroundings:
    """What all couriers of one Event Grid share. `dice` is called each time, because faults change at run time."""

    functions_url: str
    http: aiohttp.ClientSession
    dead_letters: DeadLetterStore
    records: Records
    time_scale: float
    answer_timeout: timedelta
    dice: Callable[[], Dice]
    # Where a subscription's events go; None for its function.
    queue_of: Callable[[Subscription], StorageQueue | None]


class Courier:
    """Deliveries of one subscription. Each has its own limit of open requests: a slow function delays only itself."""

    def __init__(self, subscription: Subscription, surroundings: Surroundings) -> None:
        self.subscription = subscription
        self._around = surroundings
        self._slots = asyncio.Semaphore(MAX_IN_FLIGHT)
        self._url = f"{surroundings.functions_url}/runtime/webhooks/eventgrid?functionName={subscription.function}"

    async def deliver(self, event: Published) -> None:
        """Deliver with retries; returns when the event was taken, dead-lettered or dropped."""
        published = time.monotonic()
        attempts = 0
        while True:
            attempts += 1
            last_at = datetime.now(UTC)
            answer = await self.attempt(event, attempts)
            if answer.is_success:
                return
            reason = retry.reason_to_give_up(answer, attempts, self.subscription.retry)
            if reason is None:
                await self._wait(retry.delay_before_next(answer, attempts) * self._around.dice().stretch())
                # The age is looked at only now, when the next attempt is due: so does the service.
                age = timedelta(seconds=(time.monotonic() - published) / self._around.time_scale)
                if age <= timedelta(minutes=self.subscription.retry.ttl_minutes):
                    continue
                reason = "TimeToLiveExceeded"
            await self._give_up(event, reason, attempts, answer, last_at)
            return

    async def attempt(self, event: Published, number: int, *, was_duplicate: bool = False) -> retry.Answer:
        """Make one attempt, with the faults of the hour, and record it."""
        dice = self._around.dice()
        await asyncio.sleep(dice.hold_seconds())
        async with self._slots:
            at, started = datetime.now(UTC), time.perf_counter()
            answer = retry.NO_CONNECTION if dice.is_dropped() else await self._post(event, number - 1)
            latency_ms = (time.perf_counter() - started) * 1000
        self._around.records.attempts.append(
            Attempt(
                event_id=event.id,
                type=event.type,
                subscription=self.subscription.name,
                attempt=number,
                was_duplicate=was_duplicate,
                status=answer.status,
                outcome=answer.outcome,
                time=azure_time(at),
                latency_ms=round(latency_ms, 1),
            )
        )
        return answer

    async def _post(self, event: Published, attempts_before: int) -> retry.Answer:
        if queue := self._around.queue_of(self.subscription):
            return await queue.put(in_schema(event, self.subscription.schema))
        body, headers = delivery(event, self.subscription, attempts_before)
        timeout = aiohttp.ClientTimeout(total=self._around.answer_timeout.total_seconds())
        try:
            async with self._around.http.post(self._url, data=body, headers=headers, timeout=timeout) as response:
                await response.read()
                return retry.answer_of(response.status)
        except TimeoutError:
            return retry.NO_ANSWER_IN_TIME
        except aiohttp.ClientError:
            return retry.NO_CONNECTION

    async def _give_up(
        self, event: Published, reason: str, attempts: int, last: retry.Answer, last_at: datetime
    ) -> None:
        await self._wait(retry.DEAD_LETTER_DELAY)
        content = blob_content(event, self.subscription, reason, attempts, last, last_at)
        name = blob_name(self.subscription, datetime.now(UTC))
        tries = int(retry.DEAD_LETTER_PATIENCE / DEAD_LETTER_RETRY)
        for _ in range(tries):
            try:
                await self._around.dead_letters.write(name, content)
            except DeadLetterUnavailableError as exc:
                problem = exc
                await self._wait(DEAD_LETTER_RETRY)
            else:
                return
        log.error("event %s for %s is lost: no dead-letter store: %s", event.id, self.subscription.name, problem)

    async def _wait(self, duration: timedelta) -> None:
        await asyncio.sleep(duration.total_seconds() * self._around.time_scale)
