"""Route templates of HTTP functions: matching paths, precedence, and two functions that claim one route."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from local.errors import LocalSystemError
from local.functions_host.app import HostedFunction
from local.functions_host.bindings import HttpTrigger

_PARAMETER = re.compile(r"\{(\*{0,2})(\w+)(?::(\w+))?(\?)?\}")
_CONSTRAINTS: dict[str, str] = {
    "int": r"-?\d+",
    "long": r"-?\d+",
    "alpha": r"[A-Za-z]+",
    "bool": r"(?i:true|false)",
    "guid": r"[0-9A-Fa-f]{8}(?:-?[0-9A-Fa-f]{4}){3}-?[0-9A-Fa-f]{12}",
}


@dataclass(frozen=True)
class Route:
    """One function's route; `shape` is equal for routes that match the same paths."""

    function: HostedFunction
    methods: tuple[str, ...]
    pattern: re.Pattern[str]
    shape: str
    precedence: tuple[int, ...]  # per segment: literal before constrained before free before catch-all


class RouteTable:
    """The routes of an app, the most literal first."""

    def __init__(self, functions: Sequence[HostedFunction], prefix: str) -> None:
        routes = [
            _route(function, function.trigger, prefix)
            for function in functions
            if isinstance(function.trigger, HttpTrigger)
        ]
        _require_distinct(routes)
        self._routes = sorted(routes, key=lambda route: route.precedence)

    def find(self, method: str, path: str) -> tuple[HostedFunction, dict[str, str]] | None:
        """Return the function for an undecoded path and its route parameters, decoded; optional ones may be absent."""
        for route in self._routes:
            match = route.pattern.fullmatch(path.strip("/"))
            if match and method in route.methods:
                parameters = {name: unquote(value) for name, value in match.groupdict().items() if value is not None}
                return route.function, parameters
        return None


def _route(function: HostedFunction, trigger: HttpTrigger, prefix: str) -> Route:
    pattern, shape, precedence = "", [], []
    for segment in f"{prefix}/{trigger.route}".strip("/").split("/"):
        text, kind, order = _segment(function.name, segment)
        is_optional = segment.endswith("?}") or segment.startswith("{*")
        separator = "/" if pattern else ""
        pattern += f"(?:{separator}{text})?" if is_optional else f"{separator}{text}"
        shape.append(kind)
        precedence.append(order)
    return Route(function, trigger.methods, re.compile(pattern, re.IGNORECASE), "/".join(shape), tuple(precedence))


def _segment(function: str, segment: str) -> tuple[str, str, int]:
    """Return a segment's regular expression, its kind for comparison, and its precedence.

    Raises:
        LocalSystemError: a segment of a form that this host does not know.
    """
    if "{" not in segment:
        return re.escape(segment), segment.lower(), 0
    match = _PARAMETER.fullmatch(segment)
    if not match or (match[3] and match[3] not in _CONSTRAINTS):
        raise LocalSystemError(
            f"function {function}: its route has a segment {segment!r} that this host can't read",
            f"write {{name}}, {{name?}}, {{*name}} or {{name:kind}} with one of {', '.join(sorted(_CONSTRAINTS))}",
        )
    stars, name, constraint, _ = match.groups()
    if stars:
        return f"(?P<{name}>.*)", "{*}", 3
    if constraint:
        return f"(?P<{name}>{_CONSTRAINTS[constraint]})", f"{{:{constraint}}}", 1
    return f"(?P<{name}>[^/]+)", "{}", 2


def _require_distinct(routes: Sequence[Route]) -> None:
    by_address: dict[tuple[str, str], Route] = {}
    for route in routes:
        for method in route.methods:
            other = by_address.setdefault((route.shape, method), route)
            if other is not route:
                raise LocalSystemError(
                    f"functions {other.function.name} and {route.function.name} both claim {method} /{route.shape}",
                    "give them different routes or methods",
                )
