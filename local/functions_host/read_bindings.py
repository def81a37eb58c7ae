"""Turns the binding dictionaries of azure-functions into the host's records."""

from __future__ import annotations

from typing import Any

from local.errors import LocalSystemError
from local.functions_host.bindings import (
    ALL_METHODS,
    EventGridTrigger,
    HttpTrigger,
    QueueOutput,
    QueueTrigger,
    TimerTrigger,
    Trigger,
)
from local.functions_host.schedule import require_schedule
from local.functions_host.settings import connection_string, expand


def read_trigger(function: str, binding: dict[str, Any]) -> Trigger:
    """Return the trigger of a function.

    Raises:
        LocalSystemError: the kind of trigger is unknown here, a setting is missing, or a schedule is malformed.
    """
    parameter = binding["name"]
    match binding["type"]:
        case "httpTrigger":
            methods = tuple(str(method).upper() for method in binding.get("methods") or ALL_METHODS)
            return HttpTrigger(parameter, (binding.get("route") or function).strip("/"), methods)
        case "eventGridTrigger":
            return EventGridTrigger(parameter)
        case "queueTrigger":
            queue = expand(binding["queueName"], function)
            return QueueTrigger(parameter, queue, connection_string(binding["connection"], function))
        case "timerTrigger":
            schedule = expand(binding["schedule"], function)
            require_schedule(function, schedule)
            return TimerTrigger(parameter, schedule, bool(binding.get("runOnStartup")))
        case unknown:
            raise LocalSystemError(
                f"function {function}: this host can't run a {unknown}",
                "it runs httpTrigger, eventGridTrigger, queueTrigger and timerTrigger",
            )


def read_output(function: str, binding: dict[str, Any]) -> QueueOutput | None:
    """Return a queue output, or None for the HTTP answer, which needs no record.

    Raises:
        LocalSystemError: the kind of binding is unknown here, or a setting is missing.
    """
    match binding["type"]:
        case "http":
            return None
        case "queue":
            queue = expand(binding["queueName"], function)
            return QueueOutput(binding["name"], queue, connection_string(binding["connection"], function))
        case unknown:
            raise LocalSystemError(
                f"function {function}: this host can't run a binding of type {unknown}", "it runs queue outputs"
            )
