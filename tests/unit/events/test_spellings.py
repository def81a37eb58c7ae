"""One event in every spelling that Azure is known to use is one fact, to the last value."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared.domain.fact import Fact
from shared.events.registry import parse_fact
from shared.events.wire.envelope import read_events

FOLDER = Path(__file__).parents[2] / "golden" / "events"
GRID_TO_CLOUD = {"topic": "source", "eventType": "type", "eventTime": "time"}
DEAD_LETTER = {
    "deadLetterReason": "MaxDeliveryAttemptsExceeded",
    "deliveryAttempts": 30,
    "lastDeliveryOutcome": "Probation",
    "lastHttpStatusCode": 503,
    "publishTime": "2026-11-20T06:10:01.0000000Z",
    "lastDeliveryAttemptTime": "2026-11-20T06:26:41.0000000Z",
}

Event = dict[str, Any]


def _event(file: Path) -> Event:
    body = json.loads(file.read_text(encoding="utf-8"))["body"]
    event: Event = body[0] if isinstance(body, list) else body
    return event


def _reported(event: object) -> object:
    [envelope] = read_events(json.dumps(event))
    return parse_fact(envelope)


EVENTS = {
    file.stem: _event(file)
    for file in sorted(FOLDER.glob("*.json"))
    if not file.stem.startswith("alert-") and isinstance(_reported(_event(file)), Fact)
}


def _everywhere(value: Any, key: Callable[[str], str], scalar: Callable[[Any], Any]) -> Any:
    """Return the value with every key and every scalar in it changed."""
    if isinstance(value, dict):
        return {key(name): _everywhere(inner, key, scalar) for name, inner in value.items()}
    if isinstance(value, list):
        return [_everywhere(inner, key, scalar) for inner in value]
    return scalar(value)


def _same(value: Any) -> Any:
    return value


def _as_text(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _as_number(value: Any) -> Any:
    is_number = isinstance(value, str) and value.isdecimal() and str(int(value)) == value
    return int(value) if is_number else value


def _in_data(key: Callable[[str], str] = _same, scalar: Callable[[Any], Any] = _same) -> Callable[[Event], object]:
    return lambda event: {**event, "data": _everywhere(event["data"], key, scalar)} if "data" in event else event


def _other_schema(event: Event) -> Event:
    if "eventType" in event:
        renamed = {GRID_TO_CLOUD.get(name, name): value for name, value in event.items()}
        return {"specversion": "1.0", **renamed}
    back = {new: old for old, new in GRID_TO_CLOUD.items()}
    return {back.get(name, name): value for name, value in event.items() if name != "specversion"}


def _dead_lettered(event: Event) -> Event:
    if "eventType" in event:
        return {**event, **DEAD_LETTER}
    return {name: value for name, value in event.items() if name != "specversion"} | {
        name.lower(): value for name, value in DEAD_LETTER.items()
    }


def _with_offset(event: Event) -> Event:
    key = "eventTime" if "eventType" in event else "time"
    return {**event, key: event[key].replace("Z", "+00:00")}


def _arm_in_capitals(event: Event) -> Event:
    key = "topic" if "eventType" in event else "source"
    return {**event, key: f"{event[key].upper()}/"}


SPELLINGS: dict[str, Callable[[Event], object]] = {
    "keys_in_lower_case": _in_data(key=str.lower),
    "keys_in_upper_case": _in_data(key=str.upper),
    "keys_in_pascal_case": _in_data(key=lambda name: name[:1].upper() + name[1:]),
    "keys_in_camel_case": _in_data(key=lambda name: name[:1].lower() + name[1:]),
    "numbers_as_texts": _in_data(scalar=_as_text),
    "texts_as_numbers": _in_data(scalar=_as_number),
    "the_other_schema": _other_schema,
    "an_array_of_one": lambda event: [event],
    "out_of_a_dead_letter": _dead_lettered,
    "the_type_in_lower_case": lambda event: {
        name: value.lower() if name in {"type", "eventType"} else value for name, value in event.items()
    },
    "envelope_in_another_casing": lambda event: {name.capitalize(): value for name, value in event.items()},
    "the_offset_written_out": _with_offset,
    "the_source_in_capitals": _arm_in_capitals,
    "further_fields": lambda event: {**event, "somethingNew": {"a": [1, None]}},
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("name", EVENTS)
def test_a_spelling_changes_nothing(name: str, spelling: str) -> None:
    fact, other = _reported(EVENTS[name]), _reported(SPELLINGS[spelling](EVENTS[name]))
    assert isinstance(fact, Fact)
    assert isinstance(other, Fact), other
    assert (other.key, other.payload_digest) == (fact.key, fact.payload_digest)
    assert (other.occurred_at, other.event_id) == (fact.occurred_at, fact.event_id)
    assert repr(other.body).lower() == repr(fact.body).lower()


RUNS = {name: event for name, event in EVENTS.items() if name.startswith("run-") and "data" in event}


@pytest.mark.parametrize("missing", ["null", "absent"])
@pytest.mark.parametrize("name", RUNS)
def test_a_run_without_tags_and_properties_is_the_same_fact(name: str, missing: str) -> None:
    event = RUNS[name]
    given = {key: value for key, value in event["data"].items() if key.lower() not in {"runtags", "runproperties"}}
    data = given if missing == "absent" else {**given, "runTags": None, "runProperties": None}
    fact, other = _reported(event), _reported({**event, "data": {**data, "createdBy": "someone-else"}})
    assert isinstance(fact, Fact)
    assert isinstance(other, Fact)
    assert (other.key, other.payload_digest) == (fact.key, fact.payload_digest)
