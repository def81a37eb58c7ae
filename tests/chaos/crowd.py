"""Those whom a release has to do with: programs that send requests, and people who are asked to approve."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from contextlib import suppress

import aiohttp

from shared.bootstrap import App
from shared.errors import VigiaError

REQUESTS_PER_SECOND = 12
LOOKS_EVERY_SECONDS = 1.0
BODY = b'{"input_data": {"columns": ["x"], "index": [0], "data": [[1]]}}'
APPROVERS = ("ana@example.com", "ben@example.com")


class Crowd:
    """Sends requests to the endpoints of `keys` while a release is under way there, and approves what is asked, on a
    thread of its own, until it leaves."""

    def __init__(self, app: App, scoring_url: str, keys: Mapping[str, str]) -> None:
        self._app = app
        self._url = scoring_url
        self._keys = keys
        self._is_closed = threading.Event()
        self._busy: frozenset[str] = frozenset()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._stay()), name="crowd", daemon=True)
        self._thread.start()

    def leave(self) -> None:
        self._is_closed.set()
        self._thread.join()

    async def _stay(self) -> None:
        people = asyncio.create_task(self._decide())
        timeout = aiohttp.ClientTimeout(total=10)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            pending: set[asyncio.Task[None]] = set()
            while not self._is_closed.is_set():
                pending |= {asyncio.create_task(self._ask(session, endpoint)) for endpoint in self._busy}
                pending = {task for task in pending if not task.done()}
                await asyncio.sleep(1 / REQUESTS_PER_SECOND)
            await asyncio.gather(*pending, people)

    async def _ask(self, session: aiohttp.ClientSession, endpoint: str) -> None:
        headers = {"Authorization": f"Bearer {self._keys[endpoint]}", "Content-Type": "application/json"}
        with suppress(aiohttp.ClientError, TimeoutError):
            async with session.post(f"{self._url}/endpoints/{endpoint}/score", data=BODY, headers=headers) as answer:
                await answer.read()

    async def _decide(self) -> None:
        while not self._is_closed.is_set():
            with suppress(VigiaError):
                await asyncio.to_thread(self._look)
            await asyncio.sleep(LOOKS_EVERY_SECONDS)

    def _look(self) -> None:
        """See which endpoints are busy, and approve what is asked: whoever has approved already only says so again."""
        under_way = (
            stored.release
            for release_id in self._app.releases.open_ids()
            if (stored := self._app.releases.load(release_id))
        )
        self._busy = frozenset(release.endpoint for release in under_way) & self._keys.keys()
        for question in self._app.approvals.open_questions():
            for person in APPROVERS:
                request = question.request
                self._app.approvals.vote(request.release, request.digest, person, "approve", "")
