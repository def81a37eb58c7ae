"""A traffic log with known content."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.traffic_log import Request, TrafficLog

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def a_request(seconds: float = 0.0, **changes: Any) -> Request:
    """A request `seconds` after 9:00 UTC."""
    values: dict[str, Any] = {
        "time_generated": START + timedelta(seconds=seconds),
        "endpoint_name": "flights",
        "deployment_name": "blue",
        "response_code": 200,
        "model_status_code": 200,
        "total_duration_ms": 10,
        "request_duration_ms": 9,
        "response_duration_ms": 1,
        "request_payload_size": 100,
        "response_payload_size": 20,
        "request_id": f"r{seconds}",
    }
    return Request(**(values | changes))


@pytest.fixture
def traffic() -> TrafficLog:
    """Six requests in three seconds: blue answers 10, 20, 30 and 40 ms; green fails once in 100 and 200 ms."""
    log = TrafficLog()
    for seconds, deployment, milliseconds, code in [
        (0.1, "blue", 10, 200),
        (0.2, "green", 100, 200),
        (1.1, "blue", 20, 200),
        (1.2, "green", 200, 503),
        (2.1, "blue", 30, 200),
        (2.2, "blue", 40, 200),
    ]:
        log.append(a_request(seconds, deployment_name=deployment, total_duration_ms=milliseconds, response_code=code))
    log.append(a_request(1.5, endpoint_name="other"))
    return log
