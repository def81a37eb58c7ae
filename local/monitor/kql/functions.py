"""Scalar functions and operators: which types they take and give, and what they do to one row."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from local.monitor.kql.values import NUMERIC, Type

Apply = Callable[..., Any]
Types = Sequence[Type]
# Returns the result's type and the function to apply, or None when the argument types do not fit.
Overload = Callable[[Types], tuple[Type, Apply] | None]

_ORIGIN = datetime(1, 1, 1, tzinfo=UTC)  # bins of time are counted from here


def _widest(types: Types) -> Type | None:
    if all(each in NUMERIC for each in types):
        return max(types, key=NUMERIC.index)
    return types[0] if len(set(types)) == 1 else None


def _fixed(wanted: Types, result: Type, apply: Apply) -> Overload:
    return lambda types: (result, apply) if list(types) == list(wanted) else None


def _comparison(apply: Apply) -> Overload:
    return lambda types: ("bool", apply) if len(types) == 2 and _widest(types) else None


def _arithmetic(apply: Apply, others: dict[tuple[Type, Type], Type]) -> Overload:
    """Numbers give the wider type; `others` are the further pairs of types that fit."""

    def overload(types: Types) -> tuple[Type, Apply] | None:
        if len(types) != 2:
            return None
        if types[0] in NUMERIC and types[1] in NUMERIC:
            return max(types, key=NUMERIC.index), apply
        result = others.get((types[0], types[1]))
        return (result, apply) if result else None

    return overload


def _division(types: Types) -> tuple[Type, Apply] | None:
    if len(types) != 2:
        return None
    if all(each in ("int", "long") for each in types):
        return max(types, key=NUMERIC.index), _divide_whole
    if all(each in NUMERIC for each in types) or list(types) == ["timespan", "timespan"]:
        return "real", _divide
    return ("timespan", operator.truediv) if types[0] == "timespan" and types[1] in NUMERIC else None


def _divide_whole(left: int, right: int) -> int | None:
    """Whole numbers divide to a whole number, rounded towards zero; by zero to null."""
    return int(left / right) if right else None


def _divide(left: Any, right: Any) -> float:
    try:
        return float(left / right)
    except ZeroDivisionError:
        return math.nan if not left or math.isnan(left) else math.copysign(math.inf, left)


def _remainder(left: float, right: float) -> float | None:
    return math.fmod(left, right) if isinstance(left + right, float) and right else (left % right if right else None)


def _time_bin() -> Apply:
    """Return a function that gives the same object for times in the same bin: grouping then hashes each bin once."""
    starts: dict[int, datetime] = {}

    def start_of_bin(moment: datetime, size: timedelta) -> datetime:
        number = (moment - _ORIGIN) // size
        start = starts.get(number)
        if start is None:
            start = starts[number] = _ORIGIN + number * size
        return start

    return start_of_bin


def _bin(types: Types) -> tuple[Type, Apply] | None:
    if len(types) != 2:
        return None
    if list(types) == ["datetime", "timespan"]:
        return "datetime", _time_bin()
    if list(types) == ["timespan", "timespan"] or (types[0] in NUMERIC and types[1] in NUMERIC):
        return _widest(types) or "real", lambda value, size: value // size * size
    return None


def _log(value: float) -> float:
    if value > 0:
        return math.log(value)
    return -math.inf if value == 0 else math.nan


def _exp(value: float) -> float:
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf


def _of_number(apply: Apply) -> Overload:
    return lambda types: ("real", apply) if len(types) == 1 and types[0] in NUMERIC else None


def _conversion(result: Type, apply: Apply) -> Overload:
    return lambda types: (result, apply) if len(types) == 1 else None


def _to_real(value: Any) -> float | None:
    try:
        return value / timedelta(days=1) if isinstance(value, timedelta) else float(value)
    except (TypeError, ValueError):
        return None


def _to_whole(value: Any) -> int | None:
    number = _to_real(value)
    return int(number) if number is not None and math.isfinite(number) else None


def to_text(value: Any) -> str:
    """Return a value as the service writes it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"
    if isinstance(value, timedelta):
        return _timespan_text(value)
    return str(value)


def _timespan_text(span: timedelta) -> str:
    rest = abs(span)
    minutes, seconds = divmod(rest.seconds, 60)
    days = f"{rest.days}." if rest.days else ""
    fraction = f".{rest.microseconds:06d}0" if rest.microseconds else ""
    return f"{'-' if span < timedelta() else ''}{days}{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}{fraction}"


@lru_cache(maxsize=64)
def _term(text: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![0-9A-Za-z]){re.escape(text)}(?![0-9A-Za-z])", re.IGNORECASE)


def _iff(types: Types) -> tuple[Type, Apply] | None:
    result = _widest(types[1:]) if len(types) == 3 and types[0] == "bool" else None
    return (result, lambda condition, yes, no: yes if condition else no) if result else None


def _is_in(types: Types) -> tuple[Type, Apply] | None:
    fits = all(_widest((types[0], each)) for each in types[1:])
    return ("bool", lambda value, *others: value in others) if fits else None


_TEXTS: Types = ("string", "string")
_TRUTHS: Types = ("bool", "bool")

FUNCTIONS: dict[str, Overload] = {
    "==": _comparison(operator.eq),
    "!=": _comparison(operator.ne),
    "<": _comparison(operator.lt),
    "<=": _comparison(operator.le),
    ">": _comparison(operator.gt),
    ">=": _comparison(operator.ge),
    "=~": _fixed(_TEXTS, "bool", lambda a, b: a.casefold() == b.casefold()),
    "!~": _fixed(_TEXTS, "bool", lambda a, b: a.casefold() != b.casefold()),
    "contains": _fixed(_TEXTS, "bool", lambda text, part: part.casefold() in text.casefold()),
    "startswith": _fixed(_TEXTS, "bool", lambda text, start: text.casefold().startswith(start.casefold())),
    "has": _fixed(_TEXTS, "bool", lambda text, term: _term(term).search(text) is not None),
    "in": _is_in,
    "and": _fixed(_TRUTHS, "bool", operator.and_),
    "or": _fixed(_TRUTHS, "bool", operator.or_),
    "not": _fixed(["bool"], "bool", operator.not_),
    "+": _arithmetic(
        operator.add,
        {
            ("datetime", "timespan"): "datetime",
            ("timespan", "datetime"): "datetime",
            ("timespan", "timespan"): "timespan",
        },
    ),
    "-": _arithmetic(
        operator.sub,
        {
            ("datetime", "timespan"): "datetime",
            ("datetime", "datetime"): "timespan",
            ("timespan", "timespan"): "timespan",
        },
    ),
    "*": _arithmetic(
        operator.mul,
        {(a, b): "timespan" for each in NUMERIC for a, b in (("timespan", each), (each, "timespan"))},  # type: ignore[misc]
    ),
    "/": _division,
    "%": _arithmetic(_remainder, {}),
    "negate": lambda types: (types[0], operator.neg) if types[0] in (*NUMERIC, "timespan") else None,
    "bin": _bin,
    "log": _of_number(_log),
    "exp": _of_number(_exp),
    "iff": _iff,
    "iif": _iff,
    "todouble": _conversion("real", _to_real),
    "toreal": _conversion("real", _to_real),
    "toint": _conversion("int", _to_whole),
    "tolong": _conversion("long", _to_whole),
    "tostring": _conversion("string", to_text),
}
