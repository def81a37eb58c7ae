"""Event subscriptions: what is delivered to which function."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from local.errors import LocalSystemError

Topic = Literal["workspace", "custom", "storage", "registry", "policy"]
Schema = Literal["event-grid", "cloud-events"]
Scalar = str | int | float | bool

NUMBER_OPERATORS = frozenset(
    {
        "NumberIn",
        "NumberNotIn",
        "NumberLessThan",
        "NumberGreaterThan",
        "NumberLessThanOrEquals",
        "NumberGreaterThanOrEquals",
    }
)
RANGE_OPERATORS = frozenset({"NumberInRange", "NumberNotInRange"})
STRING_OPERATORS = frozenset(
    {
        "StringContains",
        "StringNotContains",
        "StringBeginsWith",
        "StringNotBeginsWith",
        "StringEndsWith",
        "StringNotEndsWith",
        "StringIn",
        "StringNotIn",
    }
)
NULL_OPERATORS = frozenset({"IsNullOrUndefined", "IsNotNull"})
OPERATORS = NUMBER_OPERATORS | RANGE_OPERATORS | STRING_OPERATORS | NULL_OPERATORS | {"BoolEquals"}
# These compare with exactly one value (ARM calls it `value`, not `values`).
SINGLE_VALUE_OPERATORS = frozenset({"BoolEquals"} | {name for name in NUMBER_OPERATORS if "Than" in name})


@dataclass(frozen=True)
class AdvancedFilter:
    """One condition on one key. `values` are alternatives; the range operators hold pairs (low, high)."""

    operator: str
    key: str
    values: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Retry:
    """When to give up on an event: the first limit that is reached counts.

    Source of limits and defaults: learn.microsoft.com/azure/event-grid/delivery-and-retry, read 2026-11-20.
    """

    max_attempts: int = 30
    ttl_minutes: int = 1440


@dataclass(frozen=True)
class Subscription:
    """What is delivered to which function, and in which schema."""

    name: str
    topic: Topic
    function: str
    schema: Schema
    types: tuple[str, ...]
    delivery: str = ""  # "queue" or "function"; "" as the profile says for its topic
    subject_begins_with: str = ""
    subject_ends_with: str = ""
    advanced_filters: tuple[AdvancedFilter, ...] = ()
    retry: Retry = field(default_factory=Retry)


class SubscriptionError(LocalSystemError):
    """A subscription list that Event Grid would refuse, or that is not readable."""


def is_number(value: object) -> bool:
    """Return whether a JSON or YAML value is a number; true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)
