"""LogsTelemetry through the real client, against the emulated query service."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from local.listener import Listener
from local.monitor import Monitor
from local.traffic_log import Request, TrafficLog
from shared.adapters.telemetry import LogsTelemetry
from shared.domain.ids import EndpointName
from shared.errors import RetryableError
from tests.local.running import running
from tests.settings import settings_for

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ENDPOINT = EndpointName("churn")
SECOND = timedelta(seconds=1)


def telemetry_at(port: int) -> LogsTelemetry:
    return LogsTelemetry(settings_for(VIGIA_MONITOR_ENDPOINT=f"http://127.0.0.1:{port}"))


@pytest.fixture
def log() -> TrafficLog:
    return TrafficLog()


@pytest.fixture
def telemetry(log: TrafficLog) -> Iterator[LogsTelemetry]:
    monitor = Monitor(0, log)
    with running(monitor):
        yield telemetry_at(monitor.port)


def scored(log: TrafficLog, seconds: float, milliseconds: int, code: int = 200, **changes: Any) -> None:
    values: dict[str, Any] = {
        "time_generated": START + timedelta(seconds=seconds),
        "endpoint_name": ENDPOINT,
        "deployment_name": "v-1",
        "response_code": code,
        "model_status_code": code,
        "total_duration_ms": milliseconds,
        "request_duration_ms": milliseconds,
        "response_duration_ms": 1,
        "request_payload_size": 1,
        "response_payload_size": 1,
        "request_id": f"r-{len(log)}",
    }
    log.append(Request(**(values | changes)))


def test_requests_are_summed_per_deployment_and_interval(log: TrafficLog, telemetry: LogsTelemetry) -> None:
    scored(log, 0.1, 10)
    scored(log, 0.9, 30)
    scored(log, 0.5, 100, deployment_name="v-2")
    scored(log, 2.5, 20)

    intervals = telemetry.intervals(ENDPOINT, START, START + 10 * SECOND, SECOND)

    assert {(i.deployment, i.start, i.requests, i.errors) for i in intervals} == {
        ("v-1", START, 2, 0),
        ("v-2", START, 1, 0),
        ("v-1", START + 2 * SECOND, 1, 0),
    }
    first = next(i for i in intervals if i.deployment == "v-1")
    assert first.mean_log_latency == pytest.approx((math.log(11) + math.log(31)) / 2)
    assert [i.start for i in intervals] == sorted(i.start for i in intervals)


def test_probes_are_counted_among_the_requests_and_told_apart(log: TrafficLog, telemetry: LogsTelemetry) -> None:
    for mark in ("vigia-probe-1", "vigia-probe-2", "", "a-caller's own vigia-probe-3"):
        scored(log, 0.1, 10, client_request_id=mark)
    (interval,) = telemetry.intervals(ENDPOINT, START, START + SECOND, SECOND)
    assert (interval.requests, interval.probes) == (4, 2)


def test_seconds_without_requests_are_absent(telemetry: LogsTelemetry) -> None:
    assert telemetry.intervals(ENDPOINT, START, START + 10 * SECOND, SECOND) == ()


@pytest.mark.parametrize(
    ("code", "errors"),
    [(200, 0), (302, 0), (400, 0), (401, 0), (404, 0), (408, 1), (424, 1), (429, 1), (500, 1), (502, 1), (503, 1)],
)
def test_only_the_versions_own_failures_are_errors(
    log: TrafficLog, telemetry: LogsTelemetry, code: int, errors: int
) -> None:
    scored(log, 0, 10, code)
    (interval,) = telemetry.intervals(ENDPOINT, START, START + SECOND, SECOND)
    assert (interval.requests, interval.errors) == (1, errors)


def test_the_end_and_other_endpoints_are_left_out(log: TrafficLog, telemetry: LogsTelemetry) -> None:
    scored(log, 0, 10)
    scored(log, 1, 10)
    scored(log, 0, 10, endpoint_name="other")
    scored(log, -0.001, 10)
    (interval,) = telemetry.intervals(ENDPOINT, START, START + SECOND, SECOND)
    assert interval.requests == 1


def test_wide_intervals_start_where_the_service_cuts_them(log: TrafficLog, telemetry: LogsTelemetry) -> None:
    scored(log, 59, 10)
    scored(log, 61, 10)
    intervals = telemetry.intervals(ENDPOINT, START, START + timedelta(minutes=5), timedelta(minutes=1))
    assert [i.start for i in intervals] == [START, START + timedelta(minutes=1)]


class BrokenService:
    """Answers every query with the same status and body."""

    def __init__(self, status: int, body: object) -> None:
        self._answer = (status, body)
        self._listener = Listener("a broken query service", 0)

    @property
    def port(self) -> int:
        return self._listener.port

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._refuse)
        await self._listener.start(app)

    async def stop(self) -> None:
        await self._listener.stop()

    async def _refuse(self, _: web.Request) -> web.Response:
        status, body = self._answer
        return web.json_response(body, status=status)


PARTIAL = {
    "tables": [{"name": "PrimaryResult", "columns": [{"name": "Requests", "type": "long"}], "rows": [[1]]}],
    "error": {"code": "PartialError", "message": "some shards did not answer"},
}


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        pytest.param(429, {"error": {"code": "Throttled", "message": "slow"}}, "cannot be read", id="throttled"),
        pytest.param(500, {"error": {"code": "Internal", "message": "oh"}}, "cannot be read", id="broken"),
        pytest.param(403, {"error": {"code": "Forbidden", "message": "no"}}, "cannot be read", id="forbidden"),
        pytest.param(200, PARTIAL, "answered only in part", id="partial"),
    ],
)
def test_no_answer_is_never_taken_for_no_traffic(status: int, body: object, message: str) -> None:
    service = BrokenService(status, body)
    with running(service):
        started = time.monotonic()
        with pytest.raises(RetryableError, match=message):
            telemetry_at(service.port).intervals(ENDPOINT, START, START + SECOND, SECOND)
        assert time.monotonic() - started < 15


def test_a_service_that_cannot_be_reached_is_worth_another_try() -> None:
    with pytest.raises(RetryableError, match="the traffic log of churn cannot be read"):
        telemetry_at(1).intervals(ENDPOINT, START, START + SECOND, SECOND)


def test_a_quantile_is_measured_when_it_is_asked_for(log: TrafficLog, telemetry: LogsTelemetry) -> None:
    for milliseconds in range(1, 101):
        scored(log, 0.5, milliseconds)

    (plain,) = telemetry.intervals(ENDPOINT, START, START + SECOND, SECOND)
    (interval,) = telemetry.intervals(ENDPOINT, START, START + SECOND, SECOND, quantile=0.95)

    assert plain.quantile_log_latency is None
    assert interval.quantile_log_latency == pytest.approx(math.log(96))
    assert interval.mean_log_latency == plain.mean_log_latency
