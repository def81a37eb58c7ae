"""Long-running operations that are begun and left alone: whoever needs to know reads the resource, look by look.

The SDK starts a thread for each, which asks Azure every few seconds until the operation has ended: twenty minutes for a
deployment, longer than a function may run, and one more reader of the subscription's budget of reads.
"""

from __future__ import annotations

from typing import Any

# Where the SDK keeps the calls that begin one. Source: azure-ai-ml 1.35.2, read 2026-11-30.
_CALLS = {
    "online_endpoints": "_online_operation",
    "online_deployments": "_online_deployment",
    "batch_endpoints": "_batch_operation",
    "batch_deployments": "_batch_deployment",
    "compute": "_operation",
    "jobs": "_operation_2023_02_preview",
}


class _Unwatched:
    """Stands for a group of calls, and asks for no polling of what they begin."""

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
