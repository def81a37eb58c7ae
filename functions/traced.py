"""One span per call of a function: what it logs names the function, and a failure is logged with its code."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any, TypeVar

import azure.functions as func

from shared.errors import VigiaError
from shared.logs import fields, span, within

log = logging.getLogger("vigia.functions")

Function = TypeVar("Function", bound=Callable[..., Any])


def traced(function: Function, name: str = "") -> Function:
    """Return the function with a span around each call; the host's own records of calls have no facts.

    It asks the worker for the context, too, of which it takes the host's trace: the worker attaches that one to
    OpenTelemetry's context for asynchronous functions only.
    """

    @wraps(function)
    def call(*arguments: Any, context: func.Context | None = None, **named: Any) -> Any:
        facts = _queue_facts([*arguments, *named.values()])
        with within(_host_trace(context)), span("function", function=name or function.__name__, **facts):
            try:
                return function(*arguments, **named)
            except VigiaError as exc:
                log.warning("function.refused", extra=fields(code=exc.code, reason=exc.message))
                raise
            except Exception:
                log.exception("function.failed")
                raise

    own = inspect.signature(function)
    context = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=func.Context)
    call.__signature__ = own.replace(parameters=[*own.parameters.values(), context])  # type: ignore[attr-defined]
    return call  # type: ignore[return-value]


def _host_trace(context: func.Context | None) -> str:
    trace = context.trace_context if context else None
    return (trace.trace_parent if trace else "") or ""


def _queue_facts(arguments: list[Any]) -> dict[str, Any]:
    message = next((argument for argument in arguments if isinstance(argument, func.QueueMessage)), None)
    if message is None or message.insertion_time is None:
        return {}
    inserted = message.insertion_time
    # The worker gives times without a zone, in UTC.
    age = datetime.now(UTC) - (inserted if inserted.tzinfo else inserted.replace(tzinfo=UTC))
    return {"tries": message.dequeue_count, "queue_age_seconds": round(age.total_seconds(), 3)}
