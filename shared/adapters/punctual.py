"""Requests that are sent in time or not at all."""

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
    """Have every request that is made meanwhile refused once the deadline has passed."""
    before = _DEADLINE.set(deadline)
    try:
        yield
    finally:
        _DEADLINE.reset(before)


def in_time() -> SansIOHTTPPolicy[Any, Any]:
    """Return a pipeline policy that looks at the deadline as late as possible: a process may be stopped anywhere."""
    from azure.core.pipeline.policies import SansIOHTTPPolicy

    class InTime(SansIOHTTPPolicy[Any, Any]):
        def on_request(self, request: PipelineRequest[Any]) -> None:  # noqa: ARG002 (azure-core's)
            if deadline := _DEADLINE.get():
                deadline.require()

    return InTime()
