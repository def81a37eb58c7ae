"""Cuts a query into tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from local.monitor.kql.syntax import Constant, KqlSyntaxError
from local.monitor.timespan import TimespanError, parse_time

_PATTERN = re.compile(
    r"""
    (?P<space>\s+)
  | datetime\s*\((?P<datetime>[^()]*)\)
  | (?P<timespan>\d+(?:\.\d+)?)(?P<unit>ms|[dhms])\b
  | (?P<real>\d+\.\d+)
  | (?P<long>\d+)
  | (?P<string>"[^"\n]*"|'[^'\n]*')
  | (?P<name>[A-Za-z_$][A-Za-z0-9_]*)
  | (?P<symbol>==|!=|=~|<=|>=|[-+*/.<>=(),|])
    """,
    re.VERBOSE,
)
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds", "ms": "milliseconds"}


@dataclass(frozen=True)
class Token:
    """kind: name, symbol, end, or constant (then `value` holds it). `position` counts characters from 0."""

    kind: str
    text: str
    position: int
    value: Constant | None = None


def tokenize(query: str) -> list[Token]:
    """Return the tokens of a query, with an `end` token last.

    Raises:
        KqlSyntaxError: a character that starts no token, or a malformed literal.
    """
    tokens: list[Token] = []
    position = 0
    while position < len(query):
        match = _PATTERN.match(query, position)
        if match is None:
            raise syntax_error(query, position, query[position])
        if match["space"] is None:
            tokens.append(_token(query, match))
        position = match.end()
    return [*tokens, Token("end", "end of query", position)]


def syntax_error(query: str, position: int, text: str, expected: str = "") -> KqlSyntaxError:
    """Return an error that points at a place, in the service's words."""
    line = query.count("\n", 0, position) + 1
    column = position - (query.rfind("\n", 0, position) + 1)
    hint = f": expected {expected}" if expected else ""
    return KqlSyntaxError(f"Query could not be parsed at {text!r} on line [{line},{column}]{hint}")


def _token(query: str, match: re.Match[str]) -> Token:
    text, start = match[0], match.start()
    if match["name"] or match["symbol"]:
        return Token("name" if match["name"] else "symbol", text, start)
    try:
        return Token("constant", text, start, _constant(match))
    except (TimespanError, OverflowError) as exc:
        is_time = isinstance(exc, TimespanError)
        expected = "a time such as datetime(2026-11-20T09:00:00Z)" if is_time else "a shorter duration"
        raise syntax_error(query, start, text, expected) from exc


def _constant(match: re.Match[str]) -> Constant:
    if match["datetime"] is not None:
        return parse_time(match["datetime"].strip())
    if match["timespan"]:
        return timedelta(**{_UNITS[match["unit"]]: float(match["timespan"])})
    if match["string"]:
        return match["string"][1:-1]
    return float(match["real"]) if match["real"] else int(match["long"])
