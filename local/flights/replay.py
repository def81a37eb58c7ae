"""Sends real flights to a scoring endpoint, at a steady rate, and counts answers by deployment and status."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType

import aiohttp

from local.flights.data import FEATURES, ROW_ID, flights

# The endpoint names the deployment that answered in this header.
# Source: https://learn.microsoft.com/azure/machine-learning/how-to-safely-rollout-online-endpoints, read 2026-11-20.
DEPLOYMENT_HEADER = "azureml-model-deployment"
UNKNOWN_DEPLOYMENT = "(unknown)"
NO_ANSWER = 0
# Requests are sent in small groups: one timer per request would cost more than the request.
_TICK_SECONDS = 0.01
# After a stall the missed requests are dropped, not fired in one burst that no real client would send.
_LONGEST_BACKLOG_SECONDS = 1.0


@dataclass(frozen=True)
class Load:
    """How hard to press: requests per second, rows in each, and how many may wait for their answer at once."""

    requests_per_second: float = 20.0
    rows_per_request: int = 10
    pending_at_most: int = 100
    timeout_seconds: float = 10.0

    def __post_init__(self) -> None:
        for name in ("requests_per_second", "rows_per_request", "pending_at_most", "timeout_seconds"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be more than 0, got {getattr(self, name)}")


class Replay:
    """A load generator. `async with` it, or start and stop it; `play` chooses the months, also while it runs.

    Args:
        scoring_url: the endpoint's scoring URI, e.g. http://127.0.0.1:10011/flight-delay/score.
        key: the endpoint's key; None sends no Authorization header.
    """

    def __init__(self, scoring_url: str, key: str | None = None, load: Load | None = None) -> None:
        self._url = scoring_url
        self._headers = {"Content-Type": "application/json"}
        if key is not None:
            self._headers["Authorization"] = f"Bearer {key}"
        self._load = load or Load()
        self._bodies: list[bytes] = []
        self._next = 0
        self._session: aiohttp.ClientSession | None = None
        self._pump: asyncio.Task[None] | None = None
        self._pending: set[asyncio.Task[None]] = set()
        self.months: tuple[int, ...] = ()
        self.counts: Counter[tuple[str, int]] = Counter()
        self.sent = 0
        self.skipped = 0
        self.laps = 0

    async def play(self, months: Iterable[int]) -> None:
        """Go on with the first flight of these months. After the last one it starts over and `laps` grows."""
        chosen = tuple(sorted(set(months)))
        bodies = await asyncio.to_thread(encode, chosen, self._load.rows_per_request)
        self._bodies, self._next, self.laps, self.months = bodies, 0, 0, chosen

    async def start(self) -> None:
        """Begin to send.

        Raises:
            RuntimeError: no months were chosen, or it runs already.
        """
        if not self._bodies:
            raise RuntimeError("nothing to replay: await play((3,)) first")
        if self._pump is not None:
            raise RuntimeError("this replay is already running")
        self._session = aiohttp.ClientSession(
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=self._load.timeout_seconds),
            connector=aiohttp.TCPConnector(limit=0),
            skip_auto_headers=("User-Agent", "Accept-Encoding"),
        )
        self._pump = asyncio.create_task(self._send_steadily())

    async def stop(self) -> None:
        """Send no more, and wait for the answers that are still due."""
        if self._pump is not None:
            self._pump.cancel()
            with suppress(asyncio.CancelledError):
                await self._pump
            self._pump = None
        await asyncio.gather(*self._pending)
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def __aenter__(self) -> Replay:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.stop()

    def answers(self) -> dict[str, dict[int, int]]:
        """Return how many answers each deployment gave, by HTTP status; status 0 is no answer in time."""
        counts: dict[str, dict[int, int]] = {}
        for (deployment, status), count in sorted(self.counts.items()):
            counts.setdefault(deployment, {})[status] = count
        return counts

    async def _send_steadily(self) -> None:
        now = asyncio.get_running_loop().time
        interval = 1 / self._load.requests_per_second
        due_at = now()
        while True:
            behind = now() - due_at
            if behind > _LONGEST_BACKLOG_SECONDS:
                dropped = int(behind / interval)
                self.skipped += dropped
                due_at += dropped * interval
            while due_at <= now():
                self._send_one()
                due_at += interval
            await asyncio.sleep(max(_TICK_SECONDS, due_at - now()))

    def _send_one(self) -> None:
        if len(self._pending) >= self._load.pending_at_most:
            self.skipped += 1
            return
        if self._next == len(self._bodies):
            self._next = 0
            self.laps += 1
        task = asyncio.create_task(self._ask(self._bodies[self._next]))
        self._next += 1
        self.sent += 1
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)

    async def _ask(self, body: bytes) -> None:
        assert self._session is not None  # set before the pump starts, cleared after the last answer
        try:
            async with self._session.post(self._url, data=body) as answer:
                await answer.read()
                self.counts[answer.headers.get(DEPLOYMENT_HEADER, UNKNOWN_DEPLOYMENT), answer.status] += 1
        except (aiohttp.ClientError, TimeoutError):
            self.counts[UNKNOWN_DEPLOYMENT, NO_ANSWER] += 1


def encode(months: tuple[int, ...], rows_per_request: int) -> list[bytes]:
    """Return the request bodies of these months in time order, in Azure ML's format for MLflow models.

    Each row has the features and `flight_id`; the last body may be shorter.
    Source: https://learn.microsoft.com/azure/machine-learning/how-to-deploy-mlflow-models, read 2026-11-20.
    """
    columns = [*FEATURES, ROW_ID]
    rows = flights(months)[columns].to_numpy(dtype=object).tolist()
    bodies = []
    for start in range(0, len(rows), rows_per_request):
        chunk = rows[start : start + rows_per_request]
        table = {"columns": columns, "index": list(range(len(chunk))), "data": chunk}
        bodies.append(json.dumps({"input_data": table}, separators=(",", ":")).encode())
    return bodies
