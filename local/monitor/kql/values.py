"""Types, columns and tables, as evaluation passes them on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from local.monitor.kql.syntax import Constant

Type = Literal["string", "int", "long", "real", "bool", "datetime", "timespan", "dynamic"]

NUMERIC: tuple[Type, ...] = ("int", "long", "real")  # from narrow to wide
_LITERALS: dict[type, Type] = {
    str: "string",
    bool: "bool",
    int: "long",
    float: "real",
    datetime: "datetime",
    timedelta: "timespan",
}


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


def scalar(constant: Constant) -> Scalar:
    return Scalar(_LITERALS[type(constant)], constant)


def as_column(value: Value, length: int) -> Column:
    """Return a column of `length` rows."""
    return value if isinstance(value, Column) else Column(value.type, [value.value] * length)
