"""Evaluates an expression over a whole table at once: one pass per operator, not one walk per row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import repeat
from typing import Any

from local.monitor.kql.aggregates import AGGREGATES
from local.monitor.kql.errors import KqlSemanticError
from local.monitor.kql.functions import FUNCTIONS
from local.monitor.kql.syntax import Call, Expression, Literal, Name
from local.monitor.kql.values import Column, Scalar, Table, Value, type_of


@dataclass(frozen=True)
class Scope:
    """What an expression may refer to beside columns: the scalars of `let`, and the present."""

    now: datetime
    scalars: Mapping[str, Scalar]


EMPTY = Table({}, 0)


def evaluate(expression: Expression, table: Table, scope: Scope) -> Value:
    """Return the expression's value: a column where it depends on rows, else a scalar.

    Raises:
        KqlSemanticError: an unknown name or function, or argument types that do not fit.
    """
    match expression:
        case Literal(value):
            return Scalar(type_of(value), value)
        case Name(text):
            return _resolve(text, table, scope)
        case Call("now", ()):
            return Scalar("datetime", scope.now)
        case Call("ago", (span,)):
            length = evaluate(span, EMPTY, scope)
            if not isinstance(length, Scalar) or length.type != "timespan":
                raise KqlSemanticError("ago(): expected a timespan such as 5m")
            return _call("-", [Scalar("datetime", scope.now), length])
        case Call(function, arguments):
            return _call(function, [evaluate(each, table, scope) for each in arguments])


def _resolve(name: str, table: Table, scope: Scope) -> Value:
    if name in table.columns:
        return table.columns[name]
    if name in scope.scalars:
        return scope.scalars[name]
    known = f"; columns: {', '.join(table.columns)}" if table.columns else ""
    raise KqlSemanticError(f"Failed to resolve column or scalar expression named '{name}'{known}")


def _call(name: str, arguments: Sequence[Value]) -> Value:
    if name in AGGREGATES:
        raise KqlSemanticError(f"{name}(): aggregates are allowed in 'summarize' only")
    if name not in FUNCTIONS:
        raise KqlSemanticError(f"Unknown function: '{name}'")
    types = [each.type for each in arguments]
    overload = FUNCTIONS[name](types) if types else None
    if overload is None:
        raise KqlSemanticError(f"{name}: can't be applied to ({', '.join(types)})")
    result, apply = overload
    if all(isinstance(each, Scalar) for each in arguments):
        return Scalar(result, _null_safe(apply)(*(each.value for each in arguments if isinstance(each, Scalar))))
    return Column(result, _map(apply, arguments))


def _map(apply: Callable[..., Any], arguments: Sequence[Value]) -> list[Any]:
    sources = [each.values if isinstance(each, Column) else repeat(each.value) for each in arguments]
    try:
        return list(map(apply, *sources))
    except (TypeError, AttributeError, ArithmeticError):
        # The types were checked: only a null, a zero or an overflow can be in the way. They are rare, so look only now.
        return list(map(_null_safe(apply), *sources))


def _null_safe(apply: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that gives null where an argument is null or the arithmetic has no result."""

    def with_nulls(*arguments: Any) -> Any:
        try:
            return apply(*arguments)
        except ArithmeticError:
            return None
        except (TypeError, AttributeError):
            if None in arguments:
                return None
            raise

    return with_nulls
