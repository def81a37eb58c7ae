"""Dataclasses to JSON and back, for everything that is stored."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from shared.errors import PermanentError

T = TypeVar("T")
UNREADABLE_RECORD = "store.unreadable"
_ADAPTERS: dict[object, TypeAdapter[Any]] = {}


def _adapter(kind: Any) -> TypeAdapter[Any]:
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


def encode(value: object) -> bytes:
    """Return the value as indented JSON: stored records are read by people too."""
    return _adapter(type(value)).dump_json(value, indent=1)


def decode(kind: type[T], body: bytes) -> T:
    """Return the stored value. Unknown keys are dropped and missing ones take their defaults, so that
    records of earlier versions keep loading.

    Raises:
        PermanentError: the record is not what it should be; it was written by something else or is damaged.
    """
    try:
        value: T = _adapter(kind).validate_json(body)
    except ValidationError as exc:
        raise PermanentError(
            code=UNREADABLE_RECORD,
            message=f"a stored {kind.__name__} cannot be read: {exc.error_count()} fields are wrong",
            hint=f"first: {exc.errors()[0]['loc']}: {exc.errors()[0]['msg']}",
        ) from exc
    return value
