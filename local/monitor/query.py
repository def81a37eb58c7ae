"""Answers a query: reads it, narrows the log to its time range, and runs its stages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from local.monitor import traffic_table
from local.monitor.ingestion import Arrived
from local.monitor.kql.errors import KqlSemanticError
from local.monitor.kql.expressions import EMPTY, Scope, evaluate
from local.monitor.kql.parser import parse
from local.monitor.kql.stages import run_stage
from local.monitor.kql.syntax import Call, Expression, Literal, Name, Project, Query, Summarize, Where
from local.monitor.kql.values import Scalar, Table

_TICK = timedelta(microseconds=1)
_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC) - _TICK


@dataclass(frozen=True)
class Range:
    """A time range, both ends included."""

    start: datetime = _FIRST
    end: datetime = _LAST

    def narrowed(self, operator: str, moment: datetime) -> Range:
        """Return the part that may satisfy `TimeGenerated <operator> moment`."""
        if operator in (">", ">=", "=="):
            return Range(max(self.start, moment), min(self.end, moment) if operator == "==" else self.end)
        return Range(self.start, min(self.end, moment)) if operator in ("<", "<=") else self


def run_query(text: str, traffic: Arrived, timespan: Range) -> Table:
    """Return the table that a query asks for, over the requests in `timespan`.

    Raises:
        KqlError: the query is malformed, names something unknown or mixes types.
    """
    query = parse(text)
    scope = _scope(query, traffic.now)
    if query.table != traffic_table.NAME:
        raise KqlSemanticError(f"'{query.table}': failed to resolve table; the only table here is {traffic_table.NAME}")
    bounds = _bounds(query, scope, timespan)
    requests = list(traffic.between(bounds.start, bounds.end + _TICK))
    table = traffic_table.build_table(requests, _needed_columns(query), traffic.profile.response_code_is_text)
    for stage in query.stages:
        table = run_stage(stage, table, scope)
    return table


def _scope(query: Query, now: datetime) -> Scope:
    scalars: dict[str, Scalar] = {}
    for each in query.lets:
        value = evaluate(each.expression, EMPTY, Scope(now, scalars))
        if isinstance(value, Scalar) and each.name is not None:
            scalars[each.name] = value
    return Scope(now, scalars)


def _bounds(query: Query, scope: Scope, timespan: Range) -> Range:
    """Return `timespan`, narrowed by what the first `where`s demand of TimeGenerated.

    Only a short cut: the conditions are evaluated all the same.
    """
    bounds = timespan
    for stage in query.stages:
        if not isinstance(stage, Where):
            break
        for condition in _conjuncts(stage.condition):
            match condition:
                case Call(operator, (Name(traffic_table.TIME), other)):
                    moment = _constant_time(other, scope)
                    bounds = bounds.narrowed(operator, moment) if moment is not None else bounds
    return bounds


def _conjuncts(condition: Expression) -> Iterator[Expression]:
    if isinstance(condition, Call) and condition.function == "and":
        for each in condition.arguments:
            yield from _conjuncts(each)
    else:
        yield condition


def _constant_time(expression: Expression, scope: Scope) -> datetime | None:
    try:
        value = evaluate(expression, EMPTY, scope)
    except KqlSemanticError:
        return None  # it depends on rows, or is wrong: its own stage will say so
    return value.value if isinstance(value, Scalar) and value.type == "datetime" else None


def _needed_columns(query: Query) -> set[str] | None:
    """Return the names that the query uses, or None when it gives whole rows back."""
    if not any(isinstance(stage, Project | Summarize) for stage in query.stages):
        return None
    return set(_names(query.stages))


def _names(node: Any) -> Iterator[str]:
    """Yield every name in a piece of syntax: its parts are dataclasses and tuples all the way down."""
    if isinstance(node, Name):
        yield node.text
    elif isinstance(node, tuple):
        for each in node:
            yield from _names(each)
    elif hasattr(node, "__dataclass_fields__") and not isinstance(node, Literal):
        for name in node.__dataclass_fields__:
            yield from _names(getattr(node, name))
