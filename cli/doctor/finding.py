"""What a check of the doctor finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from azure.core.exceptions import AzureError, ResourceNotFoundError

from shared.errors import VigiaError

T = TypeVar("T")


class Status(StrEnum):
    """How grave a finding is: only `fail` keeps the policy from working."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """`subject` is what was looked at; `remedy` is what to do, "" where all is well."""

    status: Status
    subject: str
    detail: str
    remedy: str = ""


def ok(subject: str, detail: str) -> Finding:
    return Finding(Status.OK, subject, detail)


def warn(subject: str, detail: str, remedy: str) -> Finding:
    return Finding(Status.WARN, subject, detail, remedy)


def fail(subject: str, detail: str, remedy: str) -> Finding:
    return Finding(Status.FAIL, subject, detail, remedy)


def read(subject: str, action: Callable[[], T], missing: Finding) -> tuple[T | None, Finding | None]:
    """Return what was read; or None, and `missing` or why it cannot be read."""
    from azure.ai.ml.exceptions import MlException

    try:
        return action(), None
    except ResourceNotFoundError:
        return None, missing
    except MlException as exc:
        # So the SDK says of data assets that there are none.
        return None, missing if "does not exist" in str(exc) else _unreadable(subject, exc)
    except (AzureError, VigiaError) as exc:
        return None, _unreadable(subject, exc)


def _unreadable(subject: str, exc: Exception) -> Finding:
    text = exc.message if isinstance(exc, VigiaError) else str(exc)
    remedy = exc.hint if isinstance(exc, VigiaError) else ""
    first = text.strip().splitlines()[0] if text.strip() else type(exc).__name__
    return fail(subject, f"cannot be read: {first}", remedy or "look at the roles of whoever asks: infra/README.md")
