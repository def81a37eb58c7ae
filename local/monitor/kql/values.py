"""Types, columns and tables, as evaluation passes them on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from local.monitor.kql.errors import KqlSemanticError

Type = Literal["string", "int", "long", "real", "bool", "datetime", "timespan"]

NUMERIC: tuple[Type, ...] = ("int", "long", "real")  # from narrow to wide


@dataclass(frozen=True)
class Column:
    """One value per row; None is null."""

    type: Type
    values: list[Any]


@dataclass(frozen=True)
class Scalar:
    """One value for all rows."""

    type: Type
    value: Any


Value = Column | Scalar


@dataclass(frozen=True)
class Table:
    """Columns of equal length, in order."""

    columns: dict[str, Column]
    length: int


def type_of(constant: object) -> Type:
    """Return the type of a literal. A bare null is taken as a real."""
    kinds: list[tuple[type, Type]] = [
        (bool, "bool"),  # before int, of which Python's bool is a kind
        (int, "long"),
        (str, "string"),
        (datetime, "datetime"),
        (timedelta, "timespan"),
    ]
    return next((name for kind, name in kinds if isinstance(constant, kind)), "real")


def as_column(value: Value, length: int) -> Column:
    """Return a column of `length` rows."""
    return value if isinstance(value, Column) else Column(value.type, [value.value] * length)


def require(condition: bool, message: str) -> None:
    """Raise KqlSemanticError with `message` unless `condition` holds."""
    if not condition:
        raise KqlSemanticError(message)
