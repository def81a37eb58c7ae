"""Requests that are sent before a deadline or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from shared.ports.clock import Deadline

if TYPE_CHECKING:
    from azure.core.pipeline import PipelineRequest
    from azure.core.pipeline.policies import SansIOHTTPPolicy

_DEADLINE: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


@contextmanager
def sent_by(deadline: Deadline | None) -> Iterator[None]:
    """Refuse every request made within this context once the deadline has passed."""
    previous = _DEADLINE.set(deadline)
    try:
        yield
    finally:
        _DEADLINE.reset(previous)


def in_time() -> SansIOHTTPPolicy[Any, Any]:
    """Return a pipeline policy that checks the deadline right before sending: a process may be paused anywhere."""
    from azure.core.pipeline.policies import SansIOHTTPPolicy

    class InTime(SansIOHTTPPolicy[Any, Any]):
        def on_request(self, request: PipelineRequest[Any]) -> None:  # noqa: ARG002 (azure-core's)
            if deadline := _DEADLINE.get():
                deadline.require()

    return InTime()
