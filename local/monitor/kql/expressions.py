"""Evaluates an expression over a whole table at once: one pass per operator, not one walk per row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import repeat
from typing import Any

from local.monitor.kql.functions import AGGREGATES, FUNCTIONS, Apply, Overload
from local.monitor.kql.syntax import Call, Expression, KqlSemanticError, Literal, Name, Property
from local.monitor.kql.values import Column, Scalar, Table, Type, Value, as_column, scalar


@dataclass(frozen=True)
class Scope:
    """What an expression is evaluated over: a table's rows at a time, or the groups of a `summarize`.

    groups: then `table` has one row per group (its keys), and aggregates are computed over the groups' rows.
    """

    table: Table
    now: datetime
    groups: Groups | None = None


@dataclass(frozen=True)
class Groups:
    """The rows that are grouped, and the number of each row's group."""

    rows: Scope
    membership: Sequence[int]
    count: int

    def aggregate(self, call: Call) -> Column:
        """Return one value per group.

        Raises:
            KqlSemanticError: argument types that do not fit, or an unknown name in an argument.
        """
        arguments = [evaluate(argument, self.rows) for argument in call.arguments]
        result, apply = _overload(call.function, AGGREGATES[call.function], arguments)
        if not arguments:
            sizes = Counter(self.membership)
            return Column(result, [apply(sizes[group]) for group in range(self.count)])
        parts = [self._split(argument) for argument in arguments]
        return Column(result, [apply(*lists) for lists in zip(*parts, strict=True)])

    def _split(self, value: Value) -> list[list[Any]]:
        """Return the values of each group, in order of rows."""
        parts: list[list[Any]] = [[] for _ in range(self.count)]
        values = as_column(value, self.rows.table.length).values
        for group, cell in zip(self.membership, values, strict=True):
            parts[group].append(cell)
        return parts


def evaluate(expression: Expression, scope: Scope) -> Value:
    """Return the expression's value: a column where it depends on rows, else a scalar.

    Raises:
        KqlSemanticError: an unknown name or function, or argument types that do not fit.
    """
    match expression:
        case Literal(value):
            return scalar(value)
        case Name(text):
            if text in scope.table.columns:
                return scope.table.columns[text]
            columns = ", ".join(scope.table.columns)
            raise KqlSemanticError(f"Failed to resolve column expression named '{text}'; columns: {columns}")
        case Property(parent, name):
            return _property(evaluate(parent, scope), name)
        case Call("now", ()):
            return Scalar("datetime", scope.now)
        case Call("ago", (Literal(timedelta() as span),)):
            return Scalar("datetime", scope.now - span)
        case Call(function) if function in AGGREGATES:
            if scope.groups is None:
                raise KqlSemanticError(f"{function}(): aggregates are allowed in 'summarize' only")
            return scope.groups.aggregate(expression)
        case Call(function, arguments):
            return _call(function, [evaluate(argument, scope) for argument in arguments])


def _property(value: Value, name: str) -> Value:
    if value.type != "dynamic" or not isinstance(value, Column):
        raise KqlSemanticError(f"'.{name}': a value of type {value.type} has no properties")
    return Column("dynamic", [cell.get(name) if isinstance(cell, Mapping) else None for cell in value.values])


def _call(name: str, arguments: Sequence[Value]) -> Value:
    if name not in FUNCTIONS:
        raise KqlSemanticError(f"Unknown function: '{name}'")
    result, apply = _overload(name, FUNCTIONS[name], arguments)
    if not any(isinstance(argument, Column) for argument in arguments):
        return Scalar(
            result, _null_safe(apply)(*(argument.value for argument in arguments if isinstance(argument, Scalar)))
        )
    return Column(result, _map(apply, arguments))


def _overload(name: str, overload: Overload, arguments: Sequence[Value]) -> tuple[Type, Apply]:
    types = [argument.type for argument in arguments]
    chosen = overload(types)
    if chosen is None:
        raise KqlSemanticError(f"{name}(): can't be applied to ({', '.join(types)})")
    return chosen


def _map(apply: Apply, arguments: Sequence[Value]) -> list[Any]:
    sources = [argument.values if isinstance(argument, Column) else repeat(argument.value) for argument in arguments]
    try:
        return list(map(apply, *sources))
    except (TypeError, AttributeError):
        # The types were checked: only a null can be in the way. Nulls are rare, so look for them only now.
        return list(map(_null_safe(apply), *sources))


def _null_safe(apply: Apply) -> Callable[..., Any]:
    """Return a function that gives null where an argument is null and `apply` cannot take it."""

    def with_nulls(*arguments: Any) -> Any:
        try:
            return apply(*arguments)
        except (TypeError, AttributeError):
            if None in arguments:
                return None
            raise

    return with_nulls
