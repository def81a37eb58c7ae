"""Cuts a query into tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from local.monitor.kql.errors import KqlSyntaxError

_PATTERN = re.compile(
    r"""
    (?P<space>\s+|//[^\n]*)
  | (?P<datetime>datetime\s*\((?P<datetime_text>[^()]*)\))
  | (?P<timespan_call>(?:timespan|time)\s*\((?P<timespan_text>[^()]*)\))
  | (?P<timespan>\d+(?:\.\d+)?(?:days?|d|hours?|hr|h|minutes?|min|m|seconds?|sec|s|milliseconds?|ms)\b)
  | (?P<real>\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+)
  | (?P<long>\d+)
  | (?P<string>@"[^"]*"|@'[^']*'|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
  | (?P<name>[A-Za-z_$][A-Za-z0-9_]*|\['[^']+'\]|\["[^"]+"\])
  | (?P<symbol>==|!=|=~|!~|<=|>=|<>|\.\.|[-+*/%<>=(),|;!])
    """,
    re.VERBOSE,
)
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds", "ms": "milliseconds"}
_CLOCK = re.compile(r"(?:(\d+)\.)?(\d+):(\d+)(?::(\d+(?:\.\d+)?))?")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}

Constant = str | int | float | bool | datetime | timedelta | None


@dataclass(frozen=True)
class Token:
    """kind: name, symbol, end, or constant (then `value` holds it). `position` counts characters from 0."""

    kind: str
    text: str
    position: int
    value: Constant = None


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
        if match.lastgroup != "space":
            tokens.append(_token(query, match))
        position = match.end()
    return [*tokens, Token("end", "end of query", position)]


def syntax_error(query: str, position: int, found: str, expected: str = "") -> KqlSyntaxError:
    """Return an error that points at a place, in the service's words."""
    line = query.count("\n", 0, position) + 1
    column = position - (query.rfind("\n", 0, position) + 1)
    hint = f": expected {expected}" if expected else ""
    return KqlSyntaxError(f"Query could not be parsed at {found!r} on line [{line},{column}]{hint}")


def _token(query: str, match: re.Match[str]) -> Token:
    kind = str(match.lastgroup)
    text, start = match.group(), match.start()
    try:
        if match.group("datetime") is not None:
            return Token("constant", text, start, parse_datetime(match.group("datetime_text")))
        if match.group("timespan_call") is not None:
            return Token("constant", text, start, parse_timespan(match.group("timespan_text")))
        if kind == "timespan":
            return Token("constant", text, start, parse_timespan(text))
        if kind in ("real", "long"):
            return Token("constant", text, start, float(text) if kind == "real" else int(text))
    except (ValueError, OverflowError) as exc:
        raise syntax_error(query, start, text, str(exc)) from exc
    if kind == "string":
        return Token("constant", text, start, _unquote(text))
    if kind == "name" and text.startswith("["):
        return Token("name", text[2:-2], start)
    return Token(kind, text, start)


def _unquote(text: str) -> str:
    if text.startswith("@"):
        return text[2:-1]
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), text[1:-1])


def parse_datetime(text: str) -> datetime:
    """Return the UTC time that ISO 8601 text names; without a zone it is UTC.

    Raises:
        ValueError: not such a time.
    """
    try:
        moment = datetime.fromisoformat(text.strip().strip("\"'"))
    except ValueError as exc:
        raise ValueError("a time such as datetime(2026-11-20T09:00:00Z)") from exc
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def parse_timespan(text: str) -> timedelta:
    """Return the duration that `5m`, `1.5h` or `1.02:03:04.5` (days.hours:minutes:seconds) names.

    Raises:
        ValueError: not such a duration.
    """
    text = text.strip().strip("\"'")
    clock = _CLOCK.fullmatch(text)
    if clock is not None:
        days, hours, minutes, seconds = (float(part or 0) for part in clock.groups())
        return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([a-z]+)", text)
    if match is None:
        raise ValueError("a duration such as 30s, 5m or 1h")
    unit = match[2]
    short = "ms" if unit.startswith(("ms", "milli")) else unit[0]
    return timedelta(**{_UNITS[short]: float(match[1])})
