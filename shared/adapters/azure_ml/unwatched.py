"""Long-running operations are begun and not polled: the controller reads the resource each time it reconciles.

The SDK starts a thread for each that polls every few seconds until the operation has ended: twenty minutes for a
deployment, which is longer than a function may run and uses up the subscription's limit of reads.
"""

from __future__ import annotations

from typing import Any

# The attributes of the SDK that hold the calls that begin one. Source: azure-ai-ml 1.35.2, read 2026-11-30.
_CALLS = {
    "online_endpoints": "_online_operation",
    "online_deployments": "_online_deployment",
    "batch_endpoints": "_batch_operation",
    "batch_deployments": "_batch_deployment",
    "compute": "_operation",
    "jobs": "_operation_2023_02_preview",
}


class _Unwatched:
    """A group of calls whose `begin_…` are made without polling."""

    def __init__(self, calls: Any) -> None:
        self._calls = calls

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._calls, name)
        if not name.startswith("begin_"):
            return call
        return lambda *args, **options: call(*args, **{**options, "polling": False})


def unwatched(ml: Any) -> Any:
    """Return the MLClient, whose `begin_…` from now on return as soon as Azure has accepted the work."""
    for group, calls in _CALLS.items():
        operations = getattr(ml, group)
        setattr(operations, calls, _Unwatched(getattr(operations, calls)))
    return ml
