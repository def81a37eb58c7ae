"""A body taken apart into its events, so that each has an outcome of its own."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from urllib.parse import unquote

# Event Grid's own limits for a delivery: 1 MB and 5,000 events; what is more comes from somebody else.
# Source: learn.microsoft.com/azure/event-grid/delivery-and-retry, read 2026-11-20.
MOST_EVENTS = 5000
MOST_BYTES = 2 * 1024 * 1024

_ATTRIBUTE = "ce-"
_WHITESPACE = " \t\r\n"
# Numbers stay text: only where an element ends is of interest, the strict reader looks inside.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str)


def events_in(body: str) -> list[str]:
    """Return the text of each event: the elements of a JSON array, or else the body as it is.

    What an element holds is not judged here, and a body that cannot be taken apart, or holds more than MOST_EVENTS,
    comes back whole: reading it tells what is wrong.
    """
    text = body.removeprefix("\ufeff").strip(_WHITESPACE)
    if not text.startswith("["):
        return [body]
    try:
        elements = _elements(text)
    except (ValueError, RecursionError):
        return [body]
    return [body] if len(elements) > MOST_EVENTS else elements


def binary_event(headers: Mapping[str, str], body: bytes) -> str | None:
    """Return the CloudEvent of a request in binary content mode, as JSON; None for a request in another mode.

    Its attributes are headers, their values with percent signs; the body is the data alone. Data that is no JSON
    travels as `data_base64`, so that it ends in quarantine with all that was sent.
    Source: CloudEvents 1.0.2, HTTP protocol binding, sections 3.1 and 3.1.3.2, read 2026-11-30.
    """
    plain = {name.lower(): value for name, value in headers.items()}
    content_type = plain.get("content-type", "")
    attributes = {
        name.removeprefix(_ATTRIBUTE): unquote(value)
        for name, value in plain.items()
        if name.startswith(_ATTRIBUTE) and not name.startswith(f"{_ATTRIBUTE}data")
    }
    if not attributes.keys() >= {"id", "type"} or content_type.strip().lower().startswith("application/cloudevents"):
        return None
    event = {**attributes, **({"datacontenttype": content_type} if content_type else {})}
    try:
        data = body.decode()
        json.loads(data)
    except (ValueError, RecursionError):
        return json.dumps({**event, "data_base64": base64.b64encode(body).decode()}) if body else json.dumps(event)
    # As it was sent: the strict reader looks inside.
    return f'{json.dumps(event)[:-1]}, "data": {data}}}'


def oversize(body: bytes) -> str | None:
    """Return in words why nothing that Event Grid delivers is as large as this body; None when it may be its."""
    if len(body) > MOST_BYTES:
        return f"the delivery has {len(body)} bytes; Event Grid's have at most 1 MB"
    text = body.decode(errors="backslashreplace").removeprefix("\ufeff").strip(_WHITESPACE)
    # An event takes two characters and a comma at least, so that a short text needs no look.
    if not text.startswith("[") or len(text) < 3 * MOST_EVENTS:
        return None
    try:
        too_many = len(_elements(text)) > MOST_EVENTS
    except (ValueError, RecursionError):
        return None
    return (
        f"the delivery holds more than {MOST_EVENTS} events, the most that Event Grid sends at once"
        if too_many
        else None
    )


def _elements(text: str) -> list[str]:
    """Return the elements of the array that `text` is; raises ValueError when it is none.

    Raises:
        ValueError: the array does not end.
    """
    elements: list[str] = []
    at = _skip(text, 1)
    if text[at:] == "]":
        return elements
    while True:
        _, end = _DECODER.raw_decode(text, at)
        elements.append(text[at:end])
        at = _skip(text, end)
        if at == len(text) - 1 and text[at] == "]":
            return elements
        if len(elements) > MOST_EVENTS:
            return elements
        if text[at : at + 1] != ",":
            raise ValueError("the array does not end")
        at = _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    while text[at : at + 1] and text[at] in _WHITESPACE:
        at += 1
    return at
