"""The load generator against a small real server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from local.flights.data import FEATURES, flights
from local.flights.replay import Load, Replay, encode


@dataclass
class RecordedRequests:
    """What the server was asked: row ids by request, and the Authorization headers."""

    url: str
    ids: list[list[str]] = field(default_factory=list)
    keys: set[str | None] = field(default_factory=set)


@asynccontextmanager
async def an_endpoint(answer: Callable[[int], web.Response | None]) -> AsyncIterator[RecordedRequests]:
    """Serve POST /score; `answer` gets the number of the request, from 1, and may return None to hang."""
    requests = RecordedRequests("")

    async def score(request: web.Request) -> web.Response:
        table = (await request.json())["input_data"]
        requests.ids.append([row[table["columns"].index("flight_id")] for row in table["data"]])
        requests.keys.add(request.headers.get("Authorization"))
        made = answer(len(requests.ids))
        if made is None:
            await asyncio.sleep(60)
            raise AssertionError("the client waited too long")
        return made

    app = web.Application()
    app.add_routes([web.post("/score", score)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    requests.url = f"http://127.0.0.1:{runner.addresses[0][1]}/score"
    try:
        yield requests
    finally:
        await runner.cleanup()


def from_deployment(name: str, status: int = 200) -> web.Response:
    return web.json_response([0.1], status=status, headers={"azureml-model-deployment": name})


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not reached():
            await asyncio.sleep(0.005)


def test_flights_arrive_in_order_and_answers_are_counted_by_deployment() -> None:
    async def story() -> tuple[Replay, RecordedRequests]:
        async with an_endpoint(
            lambda number: from_deployment("v2", 500) if number % 5 == 0 else from_deployment("v1")
        ) as requests:
            replay = Replay(requests.url, "secret", Load(requests_per_second=400, rows_per_request=4))
            await replay.play((3,))
            async with replay:
                await until(lambda: len(requests.ids) >= 20)
            return replay, requests

    replay, requests = asyncio.run(story())
    expected = flights((3,))["flight_id"].tolist()
    # Requests travel side by side, so the server may see neighbours swapped; what was sent is in order.
    assert sorted(flight for request in requests.ids for flight in request) == sorted(expected[: 4 * replay.sent])
    assert requests.keys == {"Bearer secret"}
    answers = replay.answers()
    assert set(answers) == {"v1", "v2"}
    assert answers["v2"] == {500: len(requests.ids) // 5}
    assert answers["v1"][200] + answers["v2"][500] == replay.sent == len(requests.ids)


def test_rate_is_kept() -> None:
    async def story() -> tuple[int, float]:
        async with an_endpoint(lambda _: from_deployment("v1")) as requests:
            replay = Replay(requests.url, load=Load(requests_per_second=200, rows_per_request=1))
            await replay.play((3,))
            clock = asyncio.get_running_loop().time
            began = clock()
            async with replay:
                await until(lambda: replay.sent >= 100)
                return replay.sent, clock() - began

    sent, seconds = asyncio.run(story())
    assert sent <= 200 * seconds + 3


def test_month_changes_on_the_fly() -> None:
    async def story() -> RecordedRequests:
        async with an_endpoint(lambda _: from_deployment("v1")) as requests:
            # One request at a time: side by side, the last of March may overtake the first of July.
            replay = Replay(requests.url, load=Load(requests_per_second=200, rows_per_request=1, pending_at_most=1))
            await replay.play((3,))
            async with replay:
                await until(lambda: len(requests.ids) >= 3)
                await replay.play((7,))
                await until(lambda: requests.ids[-1][0].startswith("2013-07"))
            assert replay.months == (7,)
            return requests

    months = [request[0][:7] for request in asyncio.run(story()).ids]
    assert months == sorted(months)
    assert set(months) == {"2013-03", "2013-07"}


def test_hanging_endpoint_is_counted_and_does_not_pile_up_requests() -> None:
    async def story() -> Replay:
        async with an_endpoint(lambda _: None) as requests:
            load = Load(requests_per_second=200, rows_per_request=1, pending_at_most=3, timeout_seconds=0.2)
            replay = Replay(requests.url, load=load)
            await replay.play((3,))
            async with replay:
                await until(lambda: replay.skipped >= 5)
            return replay

    replay = asyncio.run(story())
    assert replay.answers() == {"(unknown)": {0: replay.sent}}


def test_nothing_listening_is_counted_not_raised() -> None:
    async def story() -> Replay:
        async with an_endpoint(lambda _: None) as requests:
            url = requests.url
        replay = Replay(url, load=Load(requests_per_second=100))
        await replay.play((3,))
        async with replay:
            await until(lambda: replay.counts.total() >= 3)
        return replay

    assert set(asyncio.run(story()).answers()) == {"(unknown)"}


def test_misuse_is_refused() -> None:
    async def start_without_months() -> None:
        await Replay("http://127.0.0.1:1/score").start()

    with pytest.raises(RuntimeError, match="await play"):
        asyncio.run(start_without_months())
    with pytest.raises(ValueError, match="requests_per_second must be more than 0"):
        Load(requests_per_second=0)


def test_bodies_hold_the_features_and_the_key_of_every_flight() -> None:
    bodies = encode((2,), 1_000)
    tables = [json.loads(body)["input_data"] for body in bodies]
    assert {tuple(table["columns"]) for table in tables} == {(*FEATURES, "flight_id")}
    assert [len(table["data"]) for table in tables] == [1_000] * 23 + [611]
    assert tables[-1]["index"] == list(range(611))
