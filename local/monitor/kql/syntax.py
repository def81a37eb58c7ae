"""The parts that a parsed query is made of."""

from __future__ import annotations

from dataclasses import dataclass

from local.monitor.kql.tokens import Constant


@dataclass(frozen=True)
class Literal:
    value: Constant


@dataclass(frozen=True)
class Name:
    """A column, or a scalar that `let` defined."""

    text: str


@dataclass(frozen=True)
class Call:
    """A function, or an operator written as one: `a + b` is Call("+", (a, b))."""

    function: str
    arguments: tuple[Expression, ...]


Expression = Literal | Name | Call


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
class SortKey:
    expression: Expression
    is_descending: bool


@dataclass(frozen=True)
class Order:
    keys: tuple[SortKey, ...]


@dataclass(frozen=True)
class Take:
    count: int


Stage = Where | Extend | Project | Summarize | Order | Take


@dataclass(frozen=True)
class Query:
    lets: tuple[Named, ...]
    table: str
    stages: tuple[Stage, ...]
