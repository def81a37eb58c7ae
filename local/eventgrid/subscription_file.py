"""The strict reading of infra/subscriptions.yaml."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any, cast

import yaml

from local.eventgrid.subscription import (
    NULL_OPERATORS,
    NUMBER_OPERATORS,
    OPERATORS,
    RANGE_OPERATORS,
    SINGLE_VALUE_OPERATORS,
    AdvancedFilter,
    Retry,
    Schema,
    Subscription,
    SubscriptionError,
    Topic,
    is_number,
)

# Source: learn.microsoft.com/azure/event-grid/event-filtering (2022-09-09), read 2026-11-20.
MAX_FILTERS = 25
MAX_FILTER_VALUES = 25
MAX_STRING_LENGTH = 512

# Sources of events that there are on Azure only: their subscriptions are read, and left out here.
NOT_HERE = ("storage", "registry", "policy")


class _StrictLoader(yaml.SafeLoader):
    """YAML without silently overwritten keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = {str(key) for key in keys if keys.count(key) > 1}
        if twice:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {sorted(twice)[0]!r} is given twice", node.start_mark
            )
        return super().construct_mapping(node, deep)


def load_subscriptions(path: Path) -> list[Subscription]:
    """Return the subscriptions over topics that there are here, of all that a YAML file lists, in its order.

    Raises:
        SubscriptionError: the file is missing or broken; the message names the file, the entry and the remedy.
    """
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), _StrictLoader)  # a SafeLoader
    except OSError as exc:
        raise SubscriptionError(f"{path}: can't be read: {exc.strerror}") from exc
    except yaml.YAMLError as exc:
        raise SubscriptionError(f"{path}: not readable as YAML: {exc}") from exc
    if not isinstance(document, dict) or set(document) != {"subscriptions"}:
        raise SubscriptionError(f"{path}: expected one key `subscriptions` with a list of entries")
    entries = document["subscriptions"]
    if not isinstance(entries, list) or not entries:
        raise SubscriptionError(f"{path}: `subscriptions` must be a list with at least one entry")
    loaded = [
        _subscription(_Entry(entry, f"{path}: subscription {_label(entry, i)}")) for i, entry in enumerate(entries)
    ]
    _refuse_double_names(loaded, path)
    return [subscription for subscription in loaded if subscription.topic not in NOT_HERE]


def _label(entry: object, index: int) -> str:
    name = entry.get("name") if isinstance(entry, dict) else None
    return repr(name) if isinstance(name, str) else f"number {index + 1}"


def _refuse_double_names(subscriptions: list[Subscription], path: Path) -> None:
    names: set[tuple[str, str]] = set()
    for subscription in subscriptions:
        identity = (subscription.topic, subscription.name.casefold())
        if identity in names:
            raise SubscriptionError(
                f"{path}: the name {subscription.name!r} is used twice on topic {subscription.topic!r}"
            )
        names.add(identity)


class _Entry:
    """A mapping read key by key. Each reader raises SubscriptionError, which starts with `where`, for a bad value."""

    def __init__(self, mapping: object, where: str) -> None:
        if not isinstance(mapping, dict):
            raise SubscriptionError(f"{where}: expected a mapping, found {mapping!r}")
        self.mapping: dict[str, Any] = mapping
        self.where = where

    def fail(self, message: str, hint: str = "") -> SubscriptionError:
        return SubscriptionError(f"{self.where}: {message}", hint)

    def allow(self, allowed: set[str]) -> None:
        unknown = [str(key) for key in self.mapping if key not in allowed]
        if unknown:
            raise self.fail(f"unknown key {unknown[0]!r}", f"known keys: {', '.join(sorted(allowed))}")

    def text(self, key: str, default: str | None = None) -> str:
        value = self.mapping.get(key, default)
        if not isinstance(value, str) or (not value and default is None):
            raise self.fail(f"`{key}` must be a text, found {value!r}")
        return value

    def choice(self, key: str, allowed: tuple[str, ...]) -> str:
        value = self.mapping.get(key)
        if value not in allowed:
            raise self.fail(f"`{key}` must be {' or '.join(allowed)}, found {value!r}")
        return str(value)

    def whole_number(self, key: str, default: int, most: int) -> int:
        value = self.mapping.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
            raise self.fail(f"`{key}` must be a whole number from 1 to {most}, found {value!r}")
        return value

    def items(self, key: str) -> list[Any]:
        value = self.mapping.get(key, [])
        if not isinstance(value, list):
            raise self.fail(f"`{key}` must be a list, found {value!r}")
        return value


def _subscription(entry: _Entry) -> Subscription:
    entry.allow(set(Subscription.__dataclass_fields__))
    types = entry.items("types")
    if not types or not all(isinstance(name, str) and name for name in types):
        raise entry.fail("`types` must list at least one event type")
    subscription = Subscription(
        name=entry.text("name"),
        topic=cast(Topic, entry.choice("topic", ("workspace", "custom", *NOT_HERE))),
        function=entry.text("function"),
        schema=cast(Schema, entry.choice("schema", ("event-grid", "cloud-events"))),
        types=tuple(types),
        delivery=entry.choice("delivery", ("queue", "function")) if "delivery" in entry.mapping else "",
        subject_begins_with=entry.text("subject_begins_with", ""),
        subject_ends_with=entry.text("subject_ends_with", ""),
        advanced_filters=_filters(entry),
        retry=_retry(_Entry(entry.mapping.get("retry", {}), f"{entry.where}: retry")),
    )
    if subscription.topic == "custom" and subscription.schema != "cloud-events":
        raise entry.fail(
            "a topic that takes CloudEvents can't deliver the Event Grid schema", "write `schema: cloud-events`"
        )
    return subscription


def _retry(entry: _Entry) -> Retry:
    entry.allow({"max_attempts", "ttl_minutes"})
    return Retry(entry.whole_number("max_attempts", 30, 30), entry.whole_number("ttl_minutes", 1440, 1440))


def _filters(entry: _Entry) -> tuple[AdvancedFilter, ...]:
    filters = tuple(
        _filter(_Entry(filter_entry, f"{entry.where}: advanced filter {index + 1}"))
        for index, filter_entry in enumerate(entry.items("advanced_filters"))
    )
    if len(filters) > MAX_FILTERS:
        raise entry.fail(f"{len(filters)} advanced filters; Event Grid allows {MAX_FILTERS}")
    count = sum(len(advanced_filter.values) for advanced_filter in filters)
    if count > MAX_FILTER_VALUES:
        raise entry.fail(f"{count} values in its advanced filters; Event Grid allows {MAX_FILTER_VALUES} in all")
    return filters


def _filter(entry: _Entry) -> AdvancedFilter:
    entry.allow({"operator", "key", "values"})
    operator = entry.choice("operator", tuple(sorted(OPERATORS)))
    values = entry.items("values")
    if operator in NULL_OPERATORS:
        if values:
            raise entry.fail(f"{operator} takes no values")
    elif not values:
        raise entry.fail(f"{operator} needs at least one value in `values`")
    elif operator in SINGLE_VALUE_OPERATORS and len(values) > 1:
        raise entry.fail(f"{operator} takes one value, found {len(values)}")
    for value in values:
        _check_value(entry, operator, value)
    frozen = tuple(tuple(value) for value in values) if operator in RANGE_OPERATORS else tuple(values)
    return AdvancedFilter(operator, entry.text("key"), frozen)


def _check_value(entry: _Entry, operator: str, value: object) -> None:
    if operator in RANGE_OPERATORS:
        if not (isinstance(value, list) and len(value) == 2 and all(map(is_number, value)) and value[0] <= value[1]):
            raise entry.fail(f"{operator} needs pairs [low, high], found {value!r}")
    elif operator in NUMBER_OPERATORS:
        if not is_number(value):
            raise entry.fail(f"{operator} needs numbers, found {value!r}")
    elif operator == "BoolEquals":
        if not isinstance(value, bool):
            raise entry.fail(f"BoolEquals needs true or false, found {value!r}")
    elif not isinstance(value, str) or len(value) > MAX_STRING_LENGTH:
        raise entry.fail(f"{operator} needs texts of at most {MAX_STRING_LENGTH} characters, found {value!r}")
