"""Filters: the documented meaning of types, subjects and all 19 advanced operators."""

from __future__ import annotations

from typing import Any

import pytest

from local.eventgrid.filters import look_up, passes
from local.eventgrid.subscription import OPERATORS, AdvancedFilter, Subscription

EVENT: dict[str, Any] = {
    "id": "1",
    "eventType": "T",
    "subject": "models/Churn:7",
    "data": {"n": 5, "text": "Hello World", "flag": True, "nothing": None, "list": [1], "runTags": {"Stage": "prod"}},
}


def matches(operator: str, key: str, *values: Any) -> bool:
    condition = AdvancedFilter(operator, key, values)
    return passes(Subscription("s", "workspace", "f", "event-grid", ("T",), advanced_filters=(condition,)), EVENT)


TABLE: list[tuple[str, str, tuple[Any, ...], bool]] = [
    ("NumberIn", "data.n", (4, 5), True),
    ("NumberIn", "data.n", (4,), False),
    ("NumberNotIn", "data.n", (4,), True),
    ("NumberNotIn", "data.n", (4, 5), False),
    ("NumberLessThan", "data.n", (5,), False),
    ("NumberLessThan", "data.n", (5.5,), True),
    ("NumberLessThanOrEquals", "data.n", (5,), True),
    ("NumberGreaterThan", "data.n", (5,), False),
    ("NumberGreaterThanOrEquals", "data.n", (5,), True),
    ("NumberInRange", "data.n", ((1, 2), (5, 6)), True),
    ("NumberInRange", "data.n", ((1, 2),), False),
    ("NumberNotInRange", "data.n", ((1, 2),), True),
    ("NumberNotInRange", "data.n", ((1, 2), (5, 6)), False),
    ("NumberIn", "data.flag", (1,), False),
    ("BoolEquals", "data.flag", (True,), True),
    ("BoolEquals", "data.flag", (False,), False),
    ("BoolEquals", "data.n", (True,), False),
    ("StringContains", "data.text", ("x", "LO WO"), True),
    ("StringContains", "data.text", ("x",), False),
    ("StringNotContains", "data.text", ("x",), True),
    ("StringNotContains", "data.text", ("x", "hello"), False),
    ("StringBeginsWith", "data.text", ("HELLO",), True),
    ("StringNotBeginsWith", "data.text", ("hello",), False),
    ("StringEndsWith", "data.text", ("world",), True),
    ("StringNotEndsWith", "data.text", ("hello",), True),
    ("StringIn", "data.text", ("hello world",), True),
    ("StringIn", "data.text", ("hello",), False),
    ("StringNotIn", "data.text", ("hello",), True),
    ("StringNotIn", "data.text", ("HELLO WORLD",), False),
    ("IsNullOrUndefined", "data.nothing", (), True),
    ("IsNullOrUndefined", "data.missing", (), True),
    ("IsNullOrUndefined", "data.n", (), False),
    ("IsNotNull", "data.n", (), True),
    ("IsNotNull", "data.nothing", (), False),
    ("StringContains", "Subject", ("churn",), True),
]


@pytest.mark.parametrize(("operator", "key", "values", "expected"), TABLE)
def test_operator(operator: str, key: str, values: tuple[Any, ...], expected: bool) -> None:
    assert matches(operator, key, *values) is expected


def test_table_above_has_all_nineteen_operators() -> None:
    assert {row[0] for row in TABLE} == OPERATORS
    assert len(OPERATORS) == 19


@pytest.mark.parametrize("operator", sorted(OPERATORS - {"IsNullOrUndefined"}))
def test_missing_key_matches_only_the_not_in_operators(operator: str) -> None:
    value: Any = (1, 2) if "Range" in operator else 1 if operator.startswith("Number") else "x"
    assert matches(operator, "data.missing", value) is (operator in {"NumberNotIn", "StringNotIn"})


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("data.RunTags.stage", "prod"),
        ("data.runTags.Stage", "prod"),
        ("DATA.runtags.STAGE", "prod"),
        ("data.n.deeper", None),
        ("data.list.0", None),
        ("EventType", "T"),
    ],
)
def test_key_lookup_ignores_case_and_stops_at_scalars(key: str, expected: Any) -> None:
    assert look_up(EVENT, key) == expected


def test_exact_key_wins_over_one_that_differs_in_case() -> None:
    assert look_up({"data": {"a": 1, "A": 2}}, "data.A") == 2


def test_values_are_alternatives_and_filters_must_all_hold() -> None:
    conditions = (AdvancedFilter("NumberIn", "data.n", (1, 5)), AdvancedFilter("StringContains", "data.text", ("no",)))
    both = Subscription("s", "workspace", "f", "event-grid", ("T",), advanced_filters=conditions)
    first = Subscription("s", "workspace", "f", "event-grid", ("T",), advanced_filters=conditions[:1])
    assert not passes(both, EVENT)
    assert passes(first, EVENT)


@pytest.mark.parametrize(
    ("types", "begins", "ends", "expected"),
    [
        (("T",), "MODELS/", ":7", True),
        (("T",), "endpoints/", "", False),
        (("T",), "", ":8", False),
        (("Other",), "", "", False),
    ],
)
def test_type_and_subject(types: tuple[str, ...], begins: str, ends: str, expected: bool) -> None:
    subscription = Subscription(
        "s", "workspace", "f", "event-grid", types, subject_begins_with=begins, subject_ends_with=ends
    )
    assert passes(subscription, EVENT) is expected
