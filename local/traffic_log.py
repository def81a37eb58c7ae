"""The request log of the online endpoints, as table AmlOnlineEndpointTrafficLog records it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Request:
    """One scored request. Durations are milliseconds, sizes bytes, `time_generated` is UTC and aware."""

    time_generated: datetime
    endpoint_name: str
    deployment_name: str
    response_code: int
    model_status_code: int
    total_duration_ms: int
    request_duration_ms: int
    response_duration_ms: int
    request_payload_size: int
    response_payload_size: int
    request_id: str
    client_request_id: str = ""
    method: str = "POST"
    path: str = "/score"
    is_mirrored: bool = False


class TrafficLog:
    """The newest requests, oldest first; older ones fall out once `capacity` is reached."""

    def __init__(self, capacity: int = 500_000) -> None:
        self._requests: deque[Request] = deque(maxlen=capacity)

    def append(self, request: Request) -> None:
        self._requests.append(request)

    def between(self, start: datetime, end: datetime) -> Iterator[Request]:
        """Yield requests with start <= time_generated < end, in order of completion."""
        return (request for request in list(self._requests) if start <= request.time_generated < end)

    def __len__(self) -> int:
        return len(self._requests)
