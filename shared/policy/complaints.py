"""Pydantic's errors, said in the words of a policy's author."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from shared.policy.document import Document
from shared.policy.problems import Loc, Problem, did_you_mean

_WANTED = {
    "string": "a text; write it in quotes",
    "bool": "true or false; write one of them without quotes",
    "int": "a whole number; write e.g. 3",
    "float": "a number; write e.g. 0.5",
    "tuple": "a list; write [a, b] or one item per line after a hyphen",
    "list": "a list; write [a, b] or one item per line after a hyphen",
    "dict": "a mapping; write key: value lines",
    "model": "a mapping; write key: value lines",
}


_Found = tuple[Loc, ErrorDetails]


def problems_of(errors: Iterable[ErrorDetails], document: Document, schema: type[BaseModel]) -> Iterator[Problem]:
    """Yield one problem per mistake. Of a union's members only the one that fits best is heard, and places
    that were refused when reading are not complained about again."""
    properties = _Properties(schema)
    for loc, error in _best_members(errors, document):
        if any(loc[: len(refused)] == refused for refused in document.refused):
            continue
        yield document.problem(loc, _message(error, loc, properties))


def _best_members(errors: Iterable[ErrorDetails], document: Document) -> list[_Found]:
    # A union reports the errors of each member, with a tag (the member's name) in the location. Tags are
    # not in the document: the first one splits a location into the union's place and its member.
    heard: list[_Found] = []
    unions: dict[Loc, dict[str, list[_Found]]] = {}
    for error in errors:
        place, tag = _union(error, document)
        found = (_location(error, document), error)
        if tag is None:
            heard.append(found)
        else:
            unions.setdefault(place, {}).setdefault(tag, []).append(found)
    for place, members in unions.items():
        ranked = sorted(members.values(), key=partial(_misfit, place))
        heard += ranked[0]
    return heard


def _misfit(place: Loc, errors: Sequence[_Found]) -> tuple[bool, int, int]:
    # Another kind of value altogether is the worst fit, then keys that are missing or too many.
    is_other_kind = any(loc == place and _is_other_kind(error) for loc, error in errors)
    misplaced = sum(error["type"] in {"missing", "extra_forbidden"} for _, error in errors)
    return is_other_kind, misplaced, len(errors)


def _is_other_kind(error: ErrorDetails) -> bool:
    is_nested = isinstance(error["input"], dict | list)
    return error["type"].endswith("_type") or (is_nested and error["type"] in {"literal_error", "policy_value"})


def _union(error: ErrorDetails, document: Document) -> tuple[Loc, str | None]:
    place: Loc = ()
    parts = error["loc"][:-1] if error["type"] == "missing" else error["loc"]
    for part in parts:
        if (*place, part) not in document.lines:
            return place, str(part)
        place = (*place, part)
    return place, None


def _location(error: ErrorDetails, document: Document) -> Loc:
    """Return the error's location without the tags of unions; a missing key is part of it."""
    loc: Loc = ()
    for part in error["loc"]:
        if (*loc, part) in document.lines:
            loc = (*loc, part)
    return (*loc, error["loc"][-1]) if error["type"] == "missing" else loc


def _message(error: ErrorDetails, loc: Loc, properties: _Properties) -> str:
    kind = error["type"]
    context: Mapping[str, Any] = error.get("ctx", {})
    if kind == "policy_value":
        return str(context["text"])
    if kind == "missing":
        return f"is missing; add {loc[-1]}: …"
    if kind == "extra_forbidden":
        return f"is not a key here; {did_you_mean(str(loc[-1]), properties.at(loc[:-1]))}"
    if kind == "literal_error":
        known = [word.strip("'") for word in str(context["expected"]).replace(" or ", ", ").split(", ")]
        return f"{error['input']!r:.80} is not known here; {did_you_mean(str(error['input']), known)}"
    if kind.endswith("_type") and error["input"] is None:
        return "is empty; write its value or remove it"
    wanted = _WANTED.get(kind.removesuffix("_type"))
    if kind.endswith("_type") and wanted:
        return f"{error['input']!r:.60} is not {wanted}"
    if kind in {"value_error", "assertion_error"}:
        return str(context["error"])
    return f"{error['input']!r:.60} cannot stand here: {error['msg'].replace('Input should', 'it should')}"


class _Properties:
    """Which keys may stand where, read from the schema."""

    def __init__(self, model: type[BaseModel]) -> None:
        self._schema: dict[str, Any] = model.model_json_schema()

    def at(self, loc: Loc) -> list[str]:
        nodes = [self._schema]
        for part in loc:
            nodes = [child for node in nodes for child in self._children(node, part)]
        return sorted({key for node in nodes for plain in self._plain(node) for key in plain.get("properties", {})})

    def _children(self, node: Mapping[str, Any], part: str | int) -> Iterator[dict[str, Any]]:
        for plain in self._plain(node):
            child = plain.get("items") if isinstance(part, int) else plain.get("properties", {}).get(part)
            if isinstance(child, dict):
                yield child
            elif isinstance(part, str):
                # A mapping with free keys says what its values are in one of these two ways.
                others = [plain.get("additionalProperties"), *plain.get("patternProperties", {}).values()]
                yield from (other for other in others if isinstance(other, dict))

    def _plain(self, node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """Yield the node itself, or what it refers to and each of its alternatives."""
        if "$ref" in node:
            name = node["$ref"].rpartition("/")[2]
            yield from self._plain(self._schema["$defs"][name])
            return
        for key in ("anyOf", "oneOf", "allOf"):
            for alternative in node.get(key, ()):
                yield from self._plain(alternative)
        yield node
