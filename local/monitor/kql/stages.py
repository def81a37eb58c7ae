"""The operators between the pipes: each takes a table and gives a table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import compress
from typing import Any, assert_never

from local.monitor.kql.expressions import Groups, Scope, evaluate
from local.monitor.kql.functions import AGGREGATES
from local.monitor.kql.syntax import (
    Call,
    Expression,
    Extend,
    KqlSemanticError,
    Name,
    Named,
    Order,
    Project,
    Stage,
    Summarize,
    Take,
    Where,
)
from local.monitor.kql.values import Column, Table, as_column


def run_stage(stage: Stage, table: Table, now: datetime) -> Table:
    """Return the table after one operator.

    Raises:
        KqlSemanticError: an unknown name, or types that do not fit.
    """
    scope = Scope(table, now)
    match stage:
        case Where(condition):
            return _where(condition, scope)
        case Extend(columns):
            return Table({**table.columns, **_columns(columns, scope)}, table.length)
        case Project(columns):
            return Table(_columns(columns, scope), table.length)
        case Summarize():
            return _summarize(stage, scope)
        case Order():
            return _order(stage, scope)
        case Take(count):
            return _pick(table, range(min(count, table.length)))
        case _:
            assert_never(stage)


def _where(condition: Expression, scope: Scope) -> Table:
    mask = evaluate(condition, scope)
    if mask.type != "bool":
        raise KqlSemanticError(f"'where' operator: expected a condition, not a value of type {mask.type}")
    is_true = as_column(mask, scope.table.length).values
    columns = {
        name: Column(column.type, list(compress(column.values, is_true)))
        for name, column in scope.table.columns.items()
    }
    return Table(columns, sum(map(bool, is_true)))


def _columns(columns: Sequence[Named], scope: Scope) -> dict[str, Column]:
    result = {}
    for index, column in enumerate(columns):
        value = evaluate(column.expression, scope)
        if value.type == "timespan":
            raise KqlSemanticError("columns of timespans are not imitated here")
        result[column.name or _default_name(column.expression, index)] = as_column(value, scope.table.length)
    return result


def _default_name(expression: Expression, index: int) -> str:
    match expression:
        case Name(text) | Call("bin", (Name(text), _)):
            return text
        case Call(function, arguments) if function in AGGREGATES:
            return f"{function}_{arguments[0].text if arguments and isinstance(arguments[0], Name) else ''}"
    return f"Column{index + 1}"


def _order(stage: Order, scope: Scope) -> Table:
    """Sort stably. Nulls come first in ascending and last in descending order."""
    values = as_column(evaluate(stage.key, scope), scope.table.length).values
    ranks = [(value is not None, value) for value in values]
    return _pick(scope.table, sorted(range(len(ranks)), key=ranks.__getitem__, reverse=stage.is_descending))


def _pick(table: Table, rows: Sequence[int]) -> Table:
    columns = {
        name: Column(column.type, [column.values[row] for row in rows]) for name, column in table.columns.items()
    }
    return Table(columns, len(rows))


def _summarize(stage: Summarize, scope: Scope) -> Table:
    rows = _columns(stage.keys, scope)
    groups, membership = _group(rows, scope.table.length)
    keys = {
        name: Column(column.type, [group[position] for group in groups])
        for position, (name, column) in enumerate(rows.items())
    }
    # Outside of aggregates only keys have one value per group, as in the service.
    grouped = Scope(Table(keys, len(groups)), scope.now, Groups(scope, membership, len(groups)))
    return Table({**keys, **_columns(stage.aggregates, grouped)}, len(groups))


def _group(keys: dict[str, Column], length: int) -> tuple[list[tuple[Any, ...]], list[int]]:
    """Return the distinct keys in order of appearance, and each row's group. Without keys all rows are one group."""
    if not keys:
        return [()], [0] * length
    numbers: dict[tuple[Any, ...], int] = {}
    rows = zip(*(column.values for column in keys.values()), strict=True)
    membership = [numbers.setdefault(row, len(numbers)) for row in rows]
    return list(numbers), membership
