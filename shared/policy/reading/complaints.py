"""Pydantic's errors, in the words of a policy's author."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from shared.policy.reading.document import Document
from shared.policy.reading.problems import Loc, Problem, did_you_mean

_EXPECTED = {
    "string": "a text; write it in quotes",
    "bool": "true or false; write one of them without quotes",
    "int": "a whole number; write e.g. 3",
    "float": "a number; write e.g. 0.5",
    "tuple": "a list; write [a, b] or one item per line after a hyphen",
    "list": "a list; write [a, b] or one item per line after a hyphen",
    "dict": "a mapping; write key: value lines",
    "model": "a mapping; write key: value lines",
}


@dataclass(frozen=True, slots=True)
class _Mistake:
    """One of pydantic's errors, at a location that is freed from the tags of unions step by step."""

    loc: Loc
    error: ErrorDetails

    @property
    def kind(self) -> str:
        return self.error["type"]

    @property
    def place(self) -> Loc:
        """Return its location in the document; of a missing key, the location of the mapping that lacks it."""
        return self.loc[:-1] if self.kind == "missing" else self.loc


def problems_of(errors: Iterable[ErrorDetails], document: Document, schema: type[BaseModel]) -> Iterator[Problem]:
    """Yield one problem per mistake.

    Left out are: the members of a union that fit worse than another, mistakes that follow from another one, and places
    that were refused when the file was read.
    """
    properties = _Properties(schema)
    # "[key]" says that the key itself is wrong, not a value under it.
    mistakes = [_Mistake(tuple(part for part in error["loc"] if part != "[key]"), error) for error in errors]
    distinct = _without_unions(mistakes, document)
    for mistake in distinct:
        is_refused = any(mistake.loc[: len(refused)] == refused for refused in document.refused)
        if not is_refused and not _follows(mistake, distinct):
            yield document.problem(mistake.loc, _message(mistake.error, mistake.loc, properties))


def _follows(mistake: _Mistake, others: Sequence[_Mistake]) -> bool:
    """Return whether the mistake only follows from another: a misspelt key is missing, a list that lost its
    wrong items is too short."""
    if mistake.kind == "missing":
        misspelt = [str(o.loc[-1]) for o in others if o.kind == "extra_forbidden" and o.loc[:-1] == mistake.loc[:-1]]
        return bool(difflib.get_close_matches(str(mistake.loc[-1]), misspelt))
    size = len(mistake.loc)
    return mistake.kind == "too_short" and any(o.loc[:size] == mistake.loc and len(o.loc) > size for o in others)


def _without_unions(mistakes: Sequence[_Mistake], document: Document) -> list[_Mistake]:
    # A union reports the errors of each of its members, with a tag (the member's name) in the location. Tags
    # are not in the document, so the shortest part of a location that is not there tells where a union is.
    places = [place for mistake in mistakes if (place := _union_place(mistake, document)) is not None]
    if not places:
        return list(mistakes)
    union = min(places, key=len)
    size = len(union)
    members: dict[str | int, list[_Mistake]] = {}
    others: list[_Mistake] = []
    for mistake in mistakes:
        if mistake.loc[:size] == union and len(mistake.loc) > size:
            untagged = _Mistake(union + mistake.loc[size + 1 :], mistake.error)
            members.setdefault(mistake.loc[size], []).append(untagged)
        else:
            others.append(mistake)
    return _without_unions(others + _best_member(list(members.values()), union), document)


def _union_place(mistake: _Mistake, document: Document) -> Loc | None:
    place = mistake.place
    return next((place[:size] for size in range(len(place)) if place[: size + 1] not in document.lines), None)


def _best_member(members: Sequence[list[_Mistake]], union: Loc) -> list[_Mistake]:
    best = min(members, key=partial(_misfit, union))
    at_top = {mistake.kind for mistake in best if mistake.loc[:-1] == union}
    if "extra_forbidden" not in at_top:
        return best
    # None fits: which keys are missing depends on the member that the author meant, which is unknown.
    return [mistake for mistake in best if not (mistake.kind == "missing" and mistake.loc[:-1] == union)]


def _misfit(union: Loc, member: Sequence[_Mistake]) -> tuple[bool, int, int]:
    # Another kind of value altogether is the worst fit, then keys that are missing or too many.
    is_other_kind = any(mistake.loc == union and _is_other_kind(mistake.error) for mistake in member)
    misplaced = sum(m.kind in {"missing", "extra_forbidden"} and m.loc[:-1] == union for m in member)
    return is_other_kind, misplaced, len(member)


def _is_other_kind(error: ErrorDetails) -> bool:
    is_nested = isinstance(error["input"], dict | list)
    return error["type"].endswith("_type") or (is_nested and error["type"] in {"literal_error", "policy_value"})


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
        words = [word.strip("'") for word in str(context["expected"]).replace(" or ", ", ").split(", ")]
        return f"{error['input']!r:.80} is not known here; {did_you_mean(str(error['input']), words)}"
    if kind.endswith("_type") and error["input"] is None:
        return "is empty; write its value or remove it"
    expected = _EXPECTED.get(kind.removesuffix("_type"))
    if kind.endswith("_type") and expected:
        return f"{error['input']!r:.60} is not {expected}"
    if kind in {"value_error", "assertion_error"}:
        return str(context["error"])
    if kind == "too_short":
        return f"has too few items; write {context['min_length']} or more"
    if kind == "too_long":
        return f"has too many items; write at most {context['max_length']}"
    return f"{error['input']!r:.60} is not allowed; {error['msg'].replace('Input should', 'it should')}"


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
