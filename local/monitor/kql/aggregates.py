"""Aggregate functions: what they make of the values of one group."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from local.monitor.kql.values import NUMERIC, Type

Values = Sequence[Any]


@dataclass(frozen=True)
class Aggregate:
    """`takes` says, for the argument types, what comes out (None: they do not fit); `apply` gets one list per argument.

    `count` has no argument and gets the size of the group instead.
    """

    takes: Callable[[Sequence[Type]], Type | None]
    apply: Callable[..., Any]


def _number(result: Type | None = None) -> Callable[[Sequence[Type]], Type | None]:
    """Take one number; give `result`, or the sum's own type (whole numbers add up to long)."""

    def takes(types: Sequence[Type]) -> Type | None:
        if len(types) != 1 or types[0] not in NUMERIC:
            return None
        return result or ("real" if types[0] == "real" else "long")

    return takes


def _any(types: Sequence[Type]) -> Type | None:
    return types[0] if len(types) == 1 else None


def _with_condition(
    takes: Callable[[Sequence[Type]], Type | None],
) -> Callable[[Sequence[Type]], Type | None]:
    return lambda types: takes(types[:1]) if len(types) == 2 and types[1] == "bool" else None


def _where(apply: Callable[[Values], Any]) -> Callable[[Values, Values], Any]:
    return lambda values, conditions: apply([value for value, kept in zip(values, conditions, strict=True) if kept])


def _present(apply: Callable[[list[Any]], Any]) -> Callable[[Values], Any]:
    """Leave nulls out, and give null for a group without values."""

    def over_present(values: Values) -> Any:
        present = [value for value in values if value is not None]
        return apply(present) if present else None

    return over_present


def _sum(values: Values) -> Any:
    return sum(value for value in values if value is not None)


def _deviation(values: list[Any]) -> float:
    return statistics.stdev(map(float, values)) if len(values) > 1 else 0.0


def _percentile(values: Values, percents: Values) -> Any:
    """Nearest rank: the smallest value that at least so many percent of the values do not exceed."""
    present = sorted(value for value in values if value is not None)
    if not present:
        return None
    rank = math.ceil(float(percents[0]) / 100 * len(present))
    return present[min(max(rank, 1), len(present)) - 1]


_average = _present(lambda values: math.fsum(values) / len(values))

AGGREGATES: dict[str, Aggregate] = {
    "count": Aggregate(lambda types: None if types else "long", lambda size: size),
    "countif": Aggregate(
        lambda types: "long" if list(types) == ["bool"] else None, lambda truths: sum(map(bool, truths))
    ),
    "sum": Aggregate(_number(), _sum),
    "sumif": Aggregate(_with_condition(_number()), _where(_sum)),
    "avg": Aggregate(_number("real"), _average),
    "avgif": Aggregate(_with_condition(_number("real")), _where(_average)),
    "min": Aggregate(_any, _present(min)),
    "max": Aggregate(_any, _present(max)),
    "stdev": Aggregate(_number("real"), _present(_deviation)),
    "dcount": Aggregate(lambda types: "long" if types else None, lambda values, *_: len(set(values) - {None})),
    "percentile": Aggregate(
        lambda types: types[0] if len(types) == 2 and {*types} <= {*NUMERIC} else None, _percentile
    ),
}
