"""Strict YAML: values with their lines; everything that YAML versions read differently is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from shared.policy.reading.problems import Loc, PolicyProblemsError, Problem, key_text

MOST_CHARACTERS = 256 * 1024
DEEPEST = 32

Value = str | int | float | bool | None | list["Value"] | dict[str, "Value"]

_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,18}")
_CONSTANTS: dict[str, bool | None] = {"": None, "~": None, "null": None, "true": True, "false": False}
# Plain words and numbers that YAML 1.1 and 1.2 (or two libraries) read as different things.
# Source: yaml.org/type/{bool,int,float,timestamp}.html for 1.1, YAML 1.2.2 chapter 10.3 for 1.2.
_AMBIGUOUS = re.compile(
    r"y|yes|n|no|on|off|true|false|null"
    r"|[-+]?0b[01_]+|[-+]?0x[0-9a-f_]+|[-+]?0o?[0-9_]+|\+[0-9].*"
    r"|[-+]?[0-9][0-9_]*(?:\.[0-9_]*)?(?:e[-+]?[0-9]+)?|[-+]?\.[0-9_]+(?:e[-+]?[0-9]+)?"
    r"|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"
    r"|[-+]?\.inf|\.nan|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[t ].*)?|=|<<",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Document:
    """A parsed file. `lines` knows every location; `refused` holds the locations that have a problem already."""

    file: str
    value: Value
    lines: dict[Loc, int]
    problems: tuple[Problem, ...]
    refused: frozenset[Loc]

    def problem(self, loc: Loc, message: str) -> Problem:
        """Return a problem at `loc`, or at the nearest place above it that the file has."""
        standing = loc
        while standing and standing not in self.lines:
            standing = standing[:-1]
        return Problem(self.file, self.lines.get(standing, 1), key_text(loc), message)


def read_document(text: str, file: str) -> Document:
    """Return the one document in `text`. Never raises: what is wrong is in `problems`."""
    if len(text) > MOST_CHARACTERS:
        message = f"the file has {len(text)} characters; a policy has at most {MOST_CHARACTERS}"
        return Document(file, None, {}, (Problem(file, 1, "", message),), frozenset({()}))
    reader = _Reader(file)
    try:
        value = reader.document(yaml.parse(text, Loader=yaml.CSafeLoader))
    except _GivenUpError:
        value = None
    except (yaml.YAMLError, ValueError) as exc:  # ValueError: half a character, which cannot be handed to libyaml
        reader.note_line(_line_of(exc, text), (), f"is not YAML: {_reason(exc)}; correct the syntax")
        value = None
    return Document(file, value, reader.lines, tuple(reader.problems), frozenset(reader.refused))


class _GivenUpError(Exception):
    """The rest of the file cannot be parsed."""


@dataclass
class _Reader:
    file: str
    lines: dict[Loc, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    refused: set[Loc] = field(default_factory=set)

    def document(self, events: Iterator[yaml.Event]) -> Value:
        value: Value = None
        documents = 0
        for event in events:
            if not isinstance(event, yaml.DocumentStartEvent):
                continue
            documents += 1
            if documents > 1:
                self.note(event, (), "is a second document; write one policy per file, without ---")
                raise _GivenUpError
            value = self.node(next(events), events, ())
        if value is None and not self.problems:
            self.note_line(1, (), "the file is empty; write its keys")
        return value

    def node(self, event: yaml.Event, events: Iterator[yaml.Event], loc: Loc) -> Value:
        self.lines.setdefault(loc, _line(event))
        if len(loc) > DEEPEST:
            self.note(event, loc[:3], f"is nested deeper than {DEEPEST} levels; write it flatter")
            raise _GivenUpError
        if isinstance(event, yaml.AliasEvent):
            self.note(event, loc, f"is an alias (*{event.anchor}); write the value out")
            return None
        assert isinstance(event, yaml.NodeEvent)
        if event.anchor is not None:
            self.note(
                event, loc, f"has an anchor (&{event.anchor}); remove it and write values out where they are used"
            )
        if getattr(event, "tag", None) is not None:
            self.note(event, loc, f"has a tag ({event.tag}); remove it, quotes make a text")  # type: ignore[attr-defined]
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(events, loc)
        if isinstance(event, yaml.MappingStartEvent):
            return self.mapping(events, loc)
        assert isinstance(event, yaml.ScalarEvent)
        return self.scalar(event, loc)

    def sequence(self, events: Iterator[yaml.Event], loc: Loc) -> Value:
        items: list[Value] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(self.node(event, events, (*loc, len(items))))
        return items

    def mapping(self, events: Iterator[yaml.Event], loc: Loc) -> Value:
        entries: dict[str, Value] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            key = self.key(event, loc)
            at = (*loc, key)
            if key in entries:
                self.note(event, at, f"stands twice, first in line {self.lines[at]}; keep one")
            else:
                self.lines[at] = _line(event)
            entries[key] = self.node(next(events), events, at)
        return entries

    def key(self, event: yaml.Event, loc: Loc) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            self.note(event, loc, "has a key that is not a plain word; write key: value")
            raise _GivenUpError
        if _UNPRINTABLE.search(event.value):
            self.note(event, loc, "has a key with characters that cannot be printed; remove them")
            raise _GivenUpError
        if event.anchor is not None or event.tag is not None:
            self.note(event, (*loc, event.value), "has an anchor or a tag on its key; remove it")
        return event.value

    def scalar(self, event: yaml.ScalarEvent, loc: Loc) -> Value:
        text: str = event.value
        if _UNPRINTABLE.search(text):
            self.note(event, loc, "holds characters that cannot be printed; remove them")
            return None
        if event.style:  # plain ones have "" of libyaml
            return text
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if _INTEGER.fullmatch(text):
            return int(text)
        if _DECIMAL.fullmatch(text):
            return float(text)
        if _AMBIGUOUS.fullmatch(text):
            self.note(event, loc, f"{text[:40]} is read differently by different tools; {_remedy(text)}")
        return text

    def note(self, event: yaml.Event, loc: Loc, message: str) -> None:
        self.note_line(_line(event), loc, message)

    def note_line(self, line: int, loc: Loc, message: str) -> None:
        self.problems.append(Problem(self.file, line, key_text(loc), message))
        self.refused.add(loc)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _remedy(text: str) -> str:
    quoted = f'write "{text[:40]}" in quotes if it is a text'
    if re.fullmatch(r"y|yes|n|no|on|off|true|false", text, re.IGNORECASE):
        return f"{quoted}, or true or false"
    return f"{quoted}, or a plain number such as 1000 or 0.5"


def _reason(exc: Exception) -> str:
    if isinstance(exc, yaml.MarkedYAMLError):
        return " ".join(part for part in (exc.context, exc.problem) if part)
    if isinstance(exc, yaml.reader.ReaderError):
        return "it holds a character that YAML does not allow"
    return str(exc)


def _line_of(exc: Exception, text: str) -> int:
    if isinstance(exc, yaml.MarkedYAMLError):
        mark = exc.problem_mark or exc.context_mark
        return mark.line + 1 if mark else 1
    if isinstance(exc, yaml.reader.ReaderError):
        return text.count("\n", 0, exc.position) + 1
    return 1


def read_text(file: Path) -> str:
    """Return the file's text, exactly as it is on disk.

    Raises:
        PolicyProblemsError: it cannot be read, or is not UTF-8.
    """
    try:
        return file.read_bytes().decode()
    except UnicodeDecodeError as exc:
        line = exc.object.count(b"\n", 0, exc.start) + 1
        raise PolicyProblemsError([Problem(str(file), line, "", "is not UTF-8; save the file as UTF-8")]) from exc
    except OSError as exc:
        message = f"cannot be read: {exc.strerror}; check its permissions"
        raise PolicyProblemsError([Problem(str(file), 1, "", message)]) from exc
