"""Reading an event's data: keys without regard to case, values in either spelling, errors that say where."""

from __future__ import annotations

import math
import re
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import NoReturn

from shared.errors import EventError
from shared.events.wire.strict_json import Json

LONGEST_NAME = 255
LONGEST_TEXT = 512 * 1024

_NUMBER = re.compile(r"[-+]?(?:[0-9]{1,30}(?:\.[0-9]{1,30})?|\.[0-9]{1,30})(?:[eE][-+]?[0-9]{1,3})?")
# Azure sends seven fractional digits; Python keeps six of them.
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?([Zz]|[-+][0-9]{2}:[0-9]{2})?"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Fields:
    """An object of an event. Azure ML spells one key as runTags and RunTags, one version as 7 and "7".

    Args:
        owner: the event, for messages: "event ID of type TYPE".
        path: where the object stands in the event: "data.runTags".
    """

    def __init__(self, value: Json, owner: str, path: str) -> None:
        self.owner = owner
        self._path = path
        self._kind = None if isinstance(value, dict) else _kind(value)
        self._values: dict[str, list[Json]] = {}
        for key, item in value.items() if isinstance(value, dict) else ():
            self._values.setdefault(key.lower(), []).append(item)

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the keys in lower case."""
        return tuple(self._values)

    def flag(self, key: str) -> bool:
        """Return whether the value is true; absent and null are false."""
        value = self._value(key)
        if value is not None and not isinstance(value, bool):
            self._refuse(key, f"is {_kind(value)}, not true or false")
        return bool(value)

    def has(self, key: str) -> bool:
        """Return whether the key is there with a value that is not null."""
        return self._value(key) is not None

    def is_number(self, key: str) -> bool:
        """Return whether the value is a JSON number."""
        value = self._value(key)
        return isinstance(value, int | float) and not isinstance(value, bool)

    def is_text(self, key: str) -> bool:
        """Return whether the value is a JSON text."""
        return isinstance(self._value(key), str)

    def is_mapping(self, key: str) -> bool:
        """Return whether the value is an object."""
        return isinstance(self._value(key), dict)

    def text(self, key: str) -> str:
        """Return a text that is not blank; a number is taken as the text of it."""
        value = self.optional_text(key)
        if value is None:
            self._missing(key)
        return value

    def optional_text(self, key: str) -> str | None:
        """Return a text, or None when it is absent, null or blank."""
        value = self._value(key)
        if isinstance(value, bool | dict | list):
            self._refuse(key, f"is {_kind(value)}, not a text")
        if isinstance(value, float) and not value.is_integer():
            self._refuse(key, "is a number with decimals, not a text; send it in quotes")
        if value is None:
            return None
        text = str(int(value)) if isinstance(value, float) else str(value)
        if len(text) > LONGEST_TEXT:
            self._refuse(key, f"has {len(text)} characters; at most {LONGEST_TEXT} are read")
        return text if text.strip() else None

    def name(self, key: str) -> str:
        """Return the name of a thing: a text in one line of at most 255 characters, without blanks around it."""
        value = self.optional_name(key)
        if value is None:
            self._missing(key)
        return value

    def optional_name(self, key: str) -> str | None:
        """Return such a name, or None when it is absent, null or blank."""
        value = self.optional_text(key)
        if value is None:
            return None
        if len(value) > LONGEST_NAME or _CONTROL.search(value):
            self._refuse(key, f"is not a name: {value!r:.60}; a name is one line of at most {LONGEST_NAME} characters")
        return value.strip()

    def names(self) -> dict[str, str]:
        """Return every value that is such a name, by its key in lower case; other values are left out."""
        names: dict[str, str] = {}
        for key in self._values:
            with suppress(EventError):
                if name := self.optional_name(key):
                    names[key] = name
        return names

    def one_of(self, key: str, *words: str) -> str:
        """Return the word, in our own casing."""
        value = self.text(key)
        spellings = {word.lower(): word for word in words}
        if value.strip().lower() not in spellings:
            self._refuse(key, f"is {value!r:.60}; it is one of {', '.join(words)}")
        return spellings[value.strip().lower()]

    def number(self, key: str) -> float:
        """Return a finite number; a text that spells one is taken too."""
        value = self._value(key)
        if value is None:
            self._missing(key)
        if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._refuse(key, f"is {_kind(value)}, not a number")
        if not math.isfinite(value):
            self._refuse(key, "is too large for a number")
        return float(value)

    def time(self, key: str) -> datetime:
        """Return a moment in UTC; ISO 8601, and UTC where no offset is given."""
        text = self.text(key)
        moment = parse_time(text)
        if moment is None:
            self._refuse(key, f"is {text!r:.60}; write a time as 2026-11-20T07:00:00Z")
        return moment

    def optional_date(self, key: str) -> date | None:
        """Return a day written as 2026-11-20, with or without a time after it; None when it is absent."""
        text = self.optional_text(key)
        if text is None:
            return None
        try:
            return date.fromisoformat(text[:10])
        except ValueError:
            self._refuse(key, f"is {text!r:.60}; write a day as 2026-11-20")

    def mapping(self, key: str) -> Fields:
        """Return the object under the key; an empty one when it is absent or null."""
        value = self._value(key)
        if value is not None and not isinstance(value, dict):
            self._refuse(key, f"is {_kind(value)}, not an object")
        return Fields(value or {}, self.owner, self._at(key))

    def items(self, key: str) -> tuple[Fields, ...]:
        """Return the objects of the list under the key; none when it is absent or null."""
        value = self._value(key)
        if value is None:
            return ()
        if not isinstance(value, list):
            self._refuse(key, f"is {_kind(value)}, not a list")
        items = tuple(Fields(item, self.owner, f"{self._at(key)}[{number}]") for number, item in enumerate(value))
        for number, item in enumerate(items):
            if item._kind:
                self._refuse(f"{key}[{number}]", f"is {item._kind}, not an object")
        return items

    def texts(self, key: str) -> tuple[str, ...]:
        """Return the texts of the list under the key; none when it is absent or null."""
        value = self._value(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self._refuse(key, "is not a list of texts")
        return tuple(item for item in value if isinstance(item, str))

    def _value(self, key: str) -> Json:
        values = self._values.get(key.lower(), [])
        if len(values) > 1 and any(value != values[0] for value in values):
            self._refuse(key, "is there twice in different casing, with different values")
        return values[0] if values else None

    def _missing(self, key: str) -> NoReturn:
        if self._kind:
            raise EventError("event.field", f"{self.owner}: {self._path} is {self._kind}, not an object")
        self._refuse(key, "is missing or empty")

    def _refuse(self, key: str, problem: str) -> NoReturn:
        raise EventError("event.field", f"{self.owner}: {self._at(key)} {problem}")

    def _at(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key


def parse_time(text: str) -> datetime | None:
    """Return the moment in UTC that ISO 8601 text names, or None."""
    match = _TIME.fullmatch(text.strip())
    if not match:
        return None
    day, clock, fraction, offset = match.groups()
    plain = f"{day}T{clock}.{(fraction or '').ljust(6, '0')[:6]}{(offset or 'Z').upper()}"
    try:
        return datetime.fromisoformat(plain).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _kind(value: Json) -> str:
    if value is None:
        return "missing"
    if isinstance(value, bool):
        return "true or false"
    names = {str: "a text", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names[type(value)]
