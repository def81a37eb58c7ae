"""JSON without surprises: what other readers would take differently, or choke on, is refused."""

from __future__ import annotations

import json
import math
import re
from typing import NoReturn

from shared.errors import EventError

# Event Grid delivers at most 1 MB. Source: learn.microsoft.com/azure/event-grid/quotas-limits.
MOST_BYTES = 1024 * 1024
DEEPEST = 64
MOST_DIGITS = 40

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

_SURROGATE = re.compile("[\ud800-\udfff]")


def read_json(body: str | bytes, *, nan_is_null: bool = False) -> Json:
    """Return the value that `body` holds (bytes are UTF-8).

    Args:
        nan_is_null: take NaN, which Python's tools write, for null.

    Raises:
        EventError: not JSON, too large or deep, a duplicate key, or a number no one else can read.
    """
    text = _text(body)
    try:
        value: Json = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_null_for_nan if nan_is_null else _constant,
            parse_int=_integer,
            parse_float=_decimal,
        )
    except json.JSONDecodeError as exc:
        place = f"line {exc.lineno}, column {exc.colno}"
        raise EventError("event.not_json", f"the event is not JSON: {exc.msg} at {place}", "send a JSON body") from exc
    except RecursionError as exc:
        raise _too_deep() from exc
    _check(value)
    return value


def _text(body: str | bytes) -> str:
    size = len(body) if isinstance(body, bytes) else len(body.encode(errors="surrogatepass"))
    if size > MOST_BYTES:
        raise EventError("event.too_large", f"the event has {size} bytes", f"send at most {MOST_BYTES}")
    if isinstance(body, str):
        return body.removeprefix("\ufeff")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise EventError("event.not_utf8", f"the event is not UTF-8: byte {exc.start}", "send UTF-8") from exc


def _check(value: Json) -> None:
    """Refuse depth and lone surrogates, which could not be stored again.

    Raises:
        EventError: it is nested too deep, or holds half a character.
    """
    level: list[Json] = [value]
    for _ in range(DEEPEST + 1):
        inner: list[Json] = []
        for element in level:
            if isinstance(element, dict):
                inner += element.keys()
                inner += element.values()
            elif isinstance(element, list):
                inner += element
            elif isinstance(element, str) and _SURROGATE.search(element):
                raise EventError("event.not_unicode", "the event holds half a character (a lone surrogate)")
        if not inner:
            return
        level = inner
    raise _too_deep()


def _too_deep() -> EventError:
    return EventError("event.too_deep", f"the event is nested deeper than {DEEPEST} levels", "send it flatter")


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise EventError("event.duplicate_key", f"the event has the key {twice!r:.80} twice in one object", "keep one")
    return members


def _null_for_nan(name: str) -> None:
    return None if name == "NaN" else _constant(name)


def _constant(text: str) -> NoReturn:
    raise EventError("event.not_a_number", f"the event holds {text}, which is not JSON", "send a finite number or null")


def _integer(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise EventError("event.number", f"the event holds a number of {len(text)} digits", "send it as a text")
    return int(text)


def _decimal(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise EventError("event.number", f"the event holds {text:.40}, which no double can hold", "send it as a text")
    return number
