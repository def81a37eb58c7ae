"""The bindings that this host runs, as plain records."""

from __future__ import annotations

from dataclasses import dataclass

ALL_METHODS = ("GET", "POST", "DELETE", "HEAD", "PATCH", "PUT", "OPTIONS")


@dataclass(frozen=True)
class HttpTrigger:
    """`route` without prefix, e.g. "approvals/{release}/{step:int?}"; methods in capitals."""

    parameter: str
    route: str
    methods: tuple[str, ...]
    kind: str = "http"


@dataclass(frozen=True)
class EventGridTrigger:
    """Fed by the Event Grid webhook."""

    parameter: str
    kind: str = "event-grid"


@dataclass(frozen=True)
class QueueTrigger:
    """`connection_string` is resolved."""

    parameter: str
    queue: str
    connection_string: str
    kind: str = "queue"


@dataclass(frozen=True)
class TimerTrigger:
    """`schedule` is a six-field NCRONTAB expression, settings expanded."""

    parameter: str
    schedule: str
    run_on_startup: bool
    kind: str = "timer"


@dataclass(frozen=True)
class QueueOutput:
    """Messages set on `parameter`, or returned when it is "$return", go to `queue`."""

    parameter: str
    queue: str
    connection_string: str


Trigger = HttpTrigger | EventGridTrigger | QueueTrigger | TimerTrigger
RETURN = "$return"
