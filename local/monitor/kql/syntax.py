"""The parts that a parsed query is made of, and what can be wrong with one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

Constant = str | bool | int | float | datetime | timedelta


class KqlError(Exception):
    """A query that can't be answered; the message is meant for its author."""


class KqlSyntaxError(KqlError):
    """The text is not a query of the part of the language that is read here."""


class KqlSemanticError(KqlError):
    """A query that reads well but names something unknown or mixes types."""


@dataclass(frozen=True)
class Literal:
    value: Constant


@dataclass(frozen=True)
class Name:
    """A column."""

    text: str


@dataclass(frozen=True)
class Call:
    """A function, or an operator written as one: `a + b` is Call("+", (a, b))."""

    function: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True)
class Property:
    """A value in a dynamic one: `Properties.model`."""

    parent: Expression
    name: str


Expression = Literal | Name | Call | Property


@dataclass(frozen=True)
class Named:
    """An expression and the name that the query gave it, if any."""

    name: str | None
    expression: Expression


@dataclass(frozen=True)
class Where:
    condition: Expression


@dataclass(frozen=True)
class Extend:
    columns: tuple[Named, ...]


@dataclass(frozen=True)
class Project:
    columns: tuple[Named, ...]


@dataclass(frozen=True)
class Summarize:
    aggregates: tuple[Named, ...]
    keys: tuple[Named, ...]


@dataclass(frozen=True)
class Order:
    key: Expression
    is_descending: bool


@dataclass(frozen=True)
class Take:
    count: int


Stage = Where | Extend | Project | Summarize | Order | Take


@dataclass(frozen=True)
class Query:
    table: str
    stages: tuple[Stage, ...]
