"""Which events a subscription lets pass.

Source: learn.microsoft.com/azure/event-grid/event-filtering (2022-09-09), read 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from local.eventgrid.subscription import AdvancedFilter, Subscription, is_number

Test = Callable[[Any, Sequence[Any]], bool]

_POSITIVE_STRING_TESTS: dict[str, Callable[[str, str], bool]] = {
    "Contains": lambda text, part: part in text,
    "BeginsWith": str.startswith,
    "EndsWith": str.endswith,
    "In": str.__eq__,
}


def passes(subscription: Subscription, event: Mapping[str, Any]) -> bool:
    """Return whether the published event (either schema) is delivered to the subscription."""
    subject = str(event.get("subject") or "").casefold()
    return (
        event.get("eventType", event.get("type")) in subscription.types
        and subject.startswith(subscription.subject_begins_with.casefold())
        and subject.endswith(subscription.subject_ends_with.casefold())
        and all(_matches(advanced_filter, event) for advanced_filter in subscription.advanced_filters)
    )


def _matches(condition: AdvancedFilter, event: Mapping[str, Any]) -> bool:
    """Values are alternatives; a negated operator requires that none of them holds.

    A missing key matches only NumberNotIn, StringNotIn and IsNullOrUndefined. A null, or a value of another type than
    the operator compares, counts as missing (assumed: the documentation speaks of missing keys only).
    """
    operator = condition.operator
    value = look_up(event, condition.key)
    if operator == "IsNullOrUndefined":
        return value is None
    if operator == "IsNotNull":
        return value is not None
    if operator == "BoolEquals":
        return isinstance(value, bool) and value in condition.values
    if operator.startswith("Number"):
        return _number_matches(operator, value, condition.values)
    return _string_matches(operator, value, condition.values)


def _number_matches(operator: str, value: Any, allowed: Sequence[Any]) -> bool:
    if not is_number(value):
        return operator == "NumberNotIn"
    tests: dict[str, Callable[[], bool]] = {
        "NumberIn": lambda: value in allowed,
        "NumberNotIn": lambda: value not in allowed,
        "NumberLessThan": lambda: value < allowed[0],
        "NumberGreaterThan": lambda: value > allowed[0],
        "NumberLessThanOrEquals": lambda: value <= allowed[0],
        "NumberGreaterThanOrEquals": lambda: value >= allowed[0],
        "NumberInRange": lambda: any(low <= value <= high for low, high in allowed),
        "NumberNotInRange": lambda: not any(low <= value <= high for low, high in allowed),
    }
    return tests[operator]()


def _string_matches(operator: str, value: Any, allowed: Sequence[str]) -> bool:
    if not isinstance(value, str):
        return operator == "StringNotIn"
    name = operator.removeprefix("String")
    is_negated = name.startswith("Not")
    test = _POSITIVE_STRING_TESTS[name.removeprefix("Not")]
    matches = any(test(value.casefold(), text.casefold()) for text in allowed)
    return matches != is_negated


def look_up(event: Mapping[str, Any], key: str) -> Any:
    """Return the value at a dotted key, or None.

    Names are compared exactly first and then without case: the documentation's own filters say `data.RunTags` while its
    payloads say `runTags`, and no source settles which is so (an assumption of this emulator). A name that itself
    contains a dot can't be addressed, as on Azure.
    """
    value: Any = event
    for name in key.split("."):
        if not isinstance(value, Mapping):
            return None
        if name in value:
            value = value[name]
        else:
            value = next((value[key] for key in value if key.casefold() == name.casefold()), None)
    return value
