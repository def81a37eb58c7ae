"""Functions, operators and aggregates: which types they take and give, and what they do to values."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from local.monitor.kql.values import NUMERIC, Type

Apply = Callable[..., Any]
Types = Sequence[Type]
# Returns the result's type and the function to apply, or None when the argument types do not fit.
Overload = Callable[[Types], tuple[Type, Apply] | None]

_ORIGIN = datetime(1, 1, 1, tzinfo=UTC)  # bins of time are counted from here


def _are_numbers(types: Types) -> bool:
    return all(kind in NUMERIC for kind in types)


def _common(types: Types) -> Type | None:
    """Return the type that values of the types have together: the widest of numbers, or the same one."""
    if _are_numbers(types):
        return max(types, key=NUMERIC.index)
    return types[0] if len(set(types)) == 1 else None


def _typed(expected: Types, result: Type, apply: Apply) -> Overload:
    return lambda types: (result, apply) if list(types) == list(expected) else None


def _comparison(apply: Apply) -> Overload:
    return lambda types: ("bool", apply) if len(types) == 2 and _common(types) else None


def _arithmetic(apply: Apply) -> Overload:
    return lambda types: (max(types, key=NUMERIC.index), apply) if len(types) == 2 and _are_numbers(types) else None


def _bin(types: Types) -> tuple[Type, Apply] | None:
    # Times of one bin get the same object: grouping then hashes each bin once.
    starts: dict[int, datetime] = {}

    def start_of_bin(moment: datetime, size: timedelta) -> datetime:
        number = (moment - _ORIGIN) // size
        start = starts.get(number)
        if start is None:
            start = starts[number] = _ORIGIN + number * size
        return start

    return ("datetime", start_of_bin) if list(types) == ["datetime", "timespan"] else None


def _log(value: float) -> float:
    if value > 0:
        return math.log(value)
    return -math.inf if value == 0 else math.nan


def _iff(types: Types) -> tuple[Type, Apply] | None:
    result = _common(types[1:]) if len(types) == 3 and types[0] == "bool" else None
    return (result, lambda condition, yes, no: yes if condition else no) if result else None


def _is_in(types: Types) -> tuple[Type, Apply] | None:
    fits = all(_common((types[0], kind)) for kind in types[1:])
    return ("bool", lambda value, *others: value in others) if fits else None


def _to_real(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _to_whole(value: Any) -> int | None:
    number = _to_real(value)
    return int(number) if number is not None and math.isfinite(number) else None


def _to_text(value: Any) -> str:
    """What is missing is an empty text, and truth is written as the service writes it."""
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _quotient(value: float, by: float) -> float | None:
    return value / by if by else None


def _minus(types: Types) -> tuple[Type, Apply] | None:
    """Return the difference of numbers, or a time that is earlier by a timespan."""
    if list(types) == ["datetime", "timespan"]:
        return "datetime", operator.sub
    return _arithmetic(operator.sub)(types)


_TEXTS: Types = ("string", "string")

FUNCTIONS: dict[str, Overload] = {
    "==": _comparison(operator.eq),
    "!=": _comparison(operator.ne),
    "<": _comparison(operator.lt),
    "<=": _comparison(operator.le),
    ">": _comparison(operator.gt),
    ">=": _comparison(operator.ge),
    "=~": _typed(_TEXTS, "bool", lambda first, right: first.casefold() == right.casefold()),
    "startswith": _typed(_TEXTS, "bool", lambda text, start: text.casefold().startswith(start.casefold())),
    "in": _is_in,
    "contains": _typed(_TEXTS, "bool", lambda text, part: part.casefold() in text.casefold()),
    "and": _typed(("bool", "bool"), "bool", operator.and_),
    "or": _typed(("bool", "bool"), "bool", operator.or_),
    "not": _typed(("bool",), "bool", operator.not_),
    "+": _arithmetic(operator.add),
    "-": _minus,
    "*": _arithmetic(operator.mul),
    "/": lambda types: ("real", _quotient) if len(types) == 2 and _are_numbers(types) else None,
    "bin": _bin,
    "log": lambda types: ("real", _log) if len(types) == 1 and _are_numbers(types) else None,
    "iff": _iff,
    "isempty": _typed(("string",), "bool", lambda text: not text),
    "isnotempty": _typed(("string",), "bool", bool),
    "tostring": lambda types: ("string", _to_text) if len(types) == 1 else None,
    "tolong": lambda types: ("long", _to_whole) if len(types) == 1 else None,
    "todouble": lambda types: ("real", _to_real) if len(types) == 1 else None,
    "toint": lambda types: ("int", _to_whole) if len(types) == 1 else None,
}


def _present(values: Sequence[Any]) -> list[Any]:
    return [value for value in values if value is not None]


def _total(types: Types) -> Type | None:
    """Return the type of a sum: whole numbers add up to long."""
    return ("real" if types[0] == "real" else "long") if len(types) == 1 and _are_numbers(types) else None


def _sum_if(types: Types) -> tuple[Type, Apply] | None:
    result = _total(types[:1]) if list(types[1:]) == ["bool"] else None
    return (result, _sum_of_true) if result else None


def _sum_of_true(values: Sequence[Any], conditions: Sequence[Any]) -> Any:
    return sum(_present([value for value, is_true in zip(values, conditions, strict=True) if is_true]))


def _extreme(choose: Callable[..., Any]) -> Apply:
    return lambda values: choose(_present(values), default=None)


def _average(values: Sequence[Any]) -> float | None:
    present = _present(values)
    return math.fsum(present) / len(present) if present else None


def _percentile(values: Sequence[Any], percents: Sequence[Any]) -> Any:
    """Nearest rank: the smallest value that at least so many percent of the values do not exceed."""
    present = sorted(_present(values))
    if not present:
        return None
    rank = math.ceil(float(percents[0]) / 100 * len(present))
    return present[min(max(rank, 1), len(present)) - 1]


# `apply` gets a group's values, one list per argument; `count` has none and gets the size of the group instead.
AGGREGATES: dict[str, Overload] = {
    "count": lambda types: None if types else ("long", lambda size: size),
    "countif": _typed(("bool",), "long", lambda conditions: sum(map(bool, conditions))),
    "sumif": _sum_if,
    "sum": lambda types: (total, lambda values: sum(_present(values))) if (total := _total(types)) else None,
    "max": lambda types: (types[0], _extreme(max)) if len(types) == 1 else None,
    "min": lambda types: (types[0], _extreme(min)) if len(types) == 1 else None,
    "dcount": lambda types: ("long", lambda values: len(set(_present(values)))) if len(types) == 1 else None,
    "avg": lambda types: ("real", _average) if _total(types) else None,
    "percentile": lambda types: (types[0], _percentile) if len(types) == 2 and _are_numbers(types) else None,
}
