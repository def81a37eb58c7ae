"""Logs and spans: an event's name is constant text, its facts are separate, and secrets are removed from both.

Every line within a span carries the span's facts, and the correlation id of what it belongs to (`correlation_of` in
domain/ids.py): of a fact's key, which its decision, its release, its jobs and its notices keep. Nothing has to be
carried on a queue for it to survive a crash, a replay or a second delivery.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from shared.redaction import redacted

# Of their lines only warnings are of use to somebody; at INFO one idle sweep writes twenty.
NOISY = ("azure.ai", "azure.core", "azure.eventgrid", "azure.identity", "azure.monitor", "msal", "msrest", "urllib3")


def fields(**values: Any) -> dict[str, Any]:
    """Return `extra` for a log call; each value becomes a dimension of the line."""
    return {"vigia": _safe(values)}


@dataclass(frozen=True, slots=True)
class Scope:
    """What a line is written in: a trace (32 hex digits), a span of it (16), and the facts of all lines there."""

    trace: str = ""
    span: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Span:
    """Something that was done, from begin to end, in nanoseconds since 1970.

    Args:
        outer: what it was done in; of another trace when something belongs to a fact of its own.
    """

    name: str
    scope: Scope
    outer: Scope
    begun_at: int
    ended_at: int
    is_failed: bool

    @property
    def facts(self) -> Mapping[str, Any]:
        return {**self.scope.facts, "seconds": (self.ended_at - self.begun_at) / 1e9}


_NOWHERE = Scope()
_TRACE_PARENT = re.compile("[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_SCOPE: ContextVar[Scope] = ContextVar("scope", default=_NOWHERE)
# Who takes ended spans; nobody, until telemetry is sent somewhere.
span_receivers: list[Callable[[Span], None]] = []


@contextmanager
def span(name: str, correlation: str = "", **facts: Any) -> Iterator[None]:
    """Have everything within belong to one span, and every log line there carry the facts.

    Args:
        correlation: id of what it belongs to; by default what the span around it belongs to.
    """
    outer = _SCOPE.get()
    trace = correlation or outer.trace or secrets.token_hex(16)
    scope = Scope(trace, secrets.token_hex(8), {**outer.facts, **_safe(facts)})
    token, begun_at, is_failed = _SCOPE.set(scope), time.time_ns(), True
    try:
        yield
        is_failed = False
    finally:
        _SCOPE.reset(token)
        ended = Span(name, scope, outer, begun_at, time.time_ns(), is_failed)
        for receive in span_receivers:
            receive(ended)


@contextmanager
def within(trace_parent: str) -> Iterator[None]:
    """Have spans within belong to somebody else's, given as W3C writes it; to nobody's where it cannot be read."""
    outer, parent = _SCOPE.get(), _TRACE_PARENT.fullmatch(trace_parent)
    token = _SCOPE.set(Scope(parent[1], parent[2], outer.facts) if parent else outer)
    try:
        yield
    finally:
        _SCOPE.reset(token)


@contextmanager
def with_facts(**facts: Any) -> Iterator[None]:
    """Have every log line within carry these facts, such as the `workspace` that it is about."""
    outer = _SCOPE.get()
    token = _SCOPE.set(Scope(outer.trace, outer.span, {**outer.facts, **_safe(facts)}))
    try:
        yield
    finally:
        _SCOPE.reset(token)


def current_correlation() -> str:
    """Return the correlation id of what is being done; empty outside of any span."""
    return _SCOPE.get().trace


class RedactedRecord(logging.LogRecord):
    """A record whose message and traceback hold no secret, whichever library logs it and whatever handler writes it.

    It remembers the scope that it was written in: handlers may look at it in another thread.
    """

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.scope = _SCOPE.get()
        if self.exc_info and self.exc_info[0] is not None:
            # Formatters take this text instead of writing the traceback themselves.
            self.exc_text = redacted(logging.Formatter().formatException(self.exc_info))

    def getMessage(self) -> str:  # noqa: N802 (the name is logging's)
        return redacted(super().getMessage())


def set_up_logging() -> None:
    """Redact every log record of this process, and quiet the libraries. The Functions worker has its own handlers and
    formatters, so the record factory is the one place that all records pass."""
    logging.setLogRecordFactory(RedactedRecord)
    logging.getLogger("vigia").setLevel(logging.INFO)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


def dimensions(record: logging.LogRecord) -> dict[str, Any]:
    """Return the facts of a line: those of its scope, its own, and its correlation id."""
    scope: Scope = getattr(record, "scope", _NOWHERE)
    own: Mapping[str, Any] = getattr(record, "vigia", {})
    return {**scope.facts, **own, **({"correlation_id": scope.trace} if scope.trace else {})}


def _safe(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: redacted(value) if isinstance(value, str) else value for name, value in values.items()}
