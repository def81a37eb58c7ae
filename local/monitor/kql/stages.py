"""The operators between the pipes: each takes a table and gives a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import compress
from typing import Any, assert_never

from local.monitor.kql.aggregates import AGGREGATES
from local.monitor.kql.errors import KqlSemanticError
from local.monitor.kql.expressions import Scope, evaluate
from local.monitor.kql.syntax import (
    Call,
    Expression,
    Extend,
    Literal,
    Name,
    Named,
    Order,
    Project,
    SortKey,
    Stage,
    Summarize,
    Take,
    Where,
)
from local.monitor.kql.values import Column, Scalar, Table, as_column, require


def run_stage(stage: Stage, table: Table, scope: Scope) -> Table:
    """Return the table after one operator.

    Raises:
        KqlSemanticError: an unknown name, or types that do not fit.
    """
    match stage:
        case Where(condition):
            return _where(condition, table, scope)
        case Extend(columns):
            return _with_columns(table, columns, dict(table.columns), scope)
        case Project(columns):
            return _with_columns(table, columns, {}, scope)
        case Summarize():
            return _summarize(stage, table, scope)
        case Order(keys):
            return _order(keys, table, scope)
        case Take(count):
            return _pick(table, range(min(count, table.length)))
        case _:
            assert_never(stage)


def _where(condition: Expression, table: Table, scope: Scope) -> Table:
    mask = evaluate(condition, table, scope)
    require(mask.type == "bool", f"'where' operator: expected a condition, found a value of type {mask.type}")
    kept = as_column(mask, table.length).values
    if all(kept):
        return table
    columns = {name: Column(each.type, list(compress(each.values, kept))) for name, each in table.columns.items()}
    return Table(columns, sum(map(bool, kept)))


def _with_columns(table: Table, columns: Sequence[Named], start: dict[str, Column], scope: Scope) -> Table:
    for index, each in enumerate(columns):
        name = each.name or _default_name(each.expression, index)
        start[name] = as_column(evaluate(each.expression, table, scope), table.length)
    return Table(start, table.length)


def _default_name(expression: Expression, index: int) -> str:
    match expression:
        case Name(text) | Call("bin", (Name(text), _)):
            return text
        case Call("percentile", (Name(text), Literal(percent))):
            return f"percentile_{text}_{percent}"
        case Call(function, (Name(text), *_)) if function in AGGREGATES and function != "countif":
            return f"{function}_{text}"
        case Call(function) if function in AGGREGATES:
            return f"{function}_"
    return f"Column{index + 1}"


def _pick(table: Table, rows: Sequence[int]) -> Table:
    columns = {name: Column(each.type, [each.values[row] for row in rows]) for name, each in table.columns.items()}
    return Table(columns, len(rows))


def _order(keys: Sequence[SortKey], table: Table, scope: Scope) -> Table:
    """Sort stably, last key first. Nulls come first in ascending and last in descending order."""
    rows = list(range(table.length))
    for key in reversed(keys):
        values = as_column(evaluate(key.expression, table, scope), table.length).values
        ranks = [(value is not None, value) for value in values]
        if None in values:
            ranks = [(present, value if present else 0) for present, value in ranks]
        rows.sort(key=ranks.__getitem__, reverse=key.is_descending)
    return _pick(table, rows)


def _summarize(stage: Summarize, table: Table, scope: Scope) -> Table:
    keys = _with_columns(table, stage.keys, {}, scope)
    groups, membership = _group(keys, table.length, is_whole=not stage.keys)
    columns = {
        name: Column(each.type, [group[position] for group in groups])
        for position, (name, each) in enumerate(keys.columns.items())
    }
    grouped = Table(columns, len(groups))
    aggregator = _Aggregator(table, scope, membership, len(groups))
    result = dict(columns)
    for index, each in enumerate(stage.aggregates):
        rewritten = aggregator.replace(each.expression)
        values = evaluate(rewritten, Table({**grouped.columns, **aggregator.results}, len(groups)), scope)
        result[each.name or _default_name(each.expression, index)] = as_column(values, len(groups))
    return Table(result, len(groups))


def _group(keys: Table, length: int, *, is_whole: bool) -> tuple[list[tuple[Any, ...]], list[int]]:
    """Return the distinct keys in order of appearance, and each row's group. Without keys all rows are one group."""
    if is_whole:
        return [()], [0] * length
    numbers: dict[tuple[Any, ...], int] = {}
    rows = zip(*(each.values for each in keys.columns.values()), strict=True)
    membership = [numbers.setdefault(row, len(numbers)) for row in rows]
    return list(numbers), membership


class _Aggregator:
    """Computes the aggregate calls inside expressions, so that `100.0 * countif(x) / count()` works."""

    def __init__(self, table: Table, scope: Scope, membership: list[int], groups: int) -> None:
        self.results: dict[str, Column] = {}
        self._table = table
        self._scope = scope
        self._membership = membership
        self._groups = groups

    def replace(self, expression: Expression) -> Expression:
        """Return the expression with each aggregate call replaced by the name of its result in `results`."""
        if not isinstance(expression, Call):
            return expression
        if expression.function not in AGGREGATES:
            return Call(expression.function, tuple(self.replace(each) for each in expression.arguments))
        name = f"$aggregate{len(self.results)}"
        self.results[name] = self._compute(expression)
        return Name(name)

    def _compute(self, call: Call) -> Column:
        aggregate = AGGREGATES[call.function]
        arguments = [evaluate(each, self._table, self._scope) for each in call.arguments]
        types = [each.type for each in arguments]
        result = aggregate.takes(types)
        if result is None:
            raise KqlSemanticError(f"{call.function}(): can't be applied to ({', '.join(types)})")
        if not arguments:
            sizes = Counter(self._membership)
            return Column(result, [aggregate.apply(sizes[group]) for group in range(self._groups)])
        parts = [list(self._split(each)) for each in arguments]
        return Column(result, [aggregate.apply(*lists) for lists in zip(*parts, strict=True)])

    def _split(self, value: Column | Scalar) -> Iterator[Sequence[Any]]:
        """Yield the values of each group, in order of rows."""
        parts: list[list[Any]] = [[] for _ in range(self._groups)]
        values = as_column(value, self._table.length).values
        for group, each in zip(self._membership, values, strict=True):
            parts[group].append(each)
        return iter(parts)
