"""A body taken apart into its events, so that each has an outcome of its own."""

from __future__ import annotations

import json

_WHITESPACE = " \t\r\n"
# Numbers stay text: only where an element ends is of interest, the strict reader looks inside.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str)


def events_in(body: str) -> list[str]:
    """Return the text of each event: the elements of a JSON array, or else the body as it is.

    What an element holds is not judged here, and a body that cannot be taken apart comes back whole: reading it
    tells what is wrong.
    """
    text = body.removeprefix("\ufeff").strip(_WHITESPACE)
    if not text.startswith("["):
        return [body]
    try:
        return _elements(text)
    except (ValueError, RecursionError):
        return [body]


def _elements(text: str) -> list[str]:
    """Return the elements of the array that `text` is; raises ValueError when it is none."""
    found: list[str] = []
    at = _skip(text, 1)
    if text[at:] == "]":
        return found
    while True:
        _, end = _DECODER.raw_decode(text, at)
        found.append(text[at:end])
        at = _skip(text, end)
        if text[at:] == "]":
            return found
        if text[at : at + 1] != ",":
            raise ValueError("the array does not end")
        at = _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    while text[at : at + 1] and text[at] in _WHITESPACE:
        at += 1
    return at
