"""people.yaml: who is written to, in which language and time zone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field, PlainValidator, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError

from shared.policy.reading.complaints import problems_of
from shared.policy.reading.document import Document, read_document, read_text
from shared.policy.reading.problems import PolicyProblemsError, Problem
from shared.policy.sections.quantities import Email, text_matching
from shared.policy.sections.section import Section

# Language, optional script, optional region, as BCP 47 writes the common ones.
LOCALE_PATTERN = r"^[a-z]{2,3}(?:-[A-Z][a-z]{3})?(?:-(?:[A-Z]{2}|[0-9]{3}))?$"
OID_PATTERN = r"^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"
ZONE_PATTERN = r"^[A-Za-z0-9_+\-]{1,40}(?:/[A-Za-z0-9_+\-]{1,40}){0,2}$"


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who gets messages.

    Args:
        locale: BCP 47, e.g. "pt-BR".
        time_zone: an IANA name.
        aliases: the other names under which Azure shows them.
        is_admin: may resume what others hold.
        oid: Entra's object id; a sign-in with it is this person, whatever its address.
    """

    email: str
    name: str
    locale: str = "en"
    time_zone: str = "UTC"
    aliases: tuple[str, ...] = ()
    is_admin: bool = False
    oid: str = ""


@dataclass(frozen=True)
class Directory:
    """Everyone listed, by e-mail address in lower case."""

    people: Mapping[str, Person] = field(default_factory=dict)

    def person(self, email: str) -> Person:
        """Return the person with that address; somebody unlisted gets English and UTC."""
        address = email.lower()
        return self.people.get(address) or Person(address, address)

    def decides_as(self, oid: str, email: str) -> str:
        """Return the address as which somebody who signed in may decide; "" when it is listed as another person's.

        Args:
            oid: of the sign-in; "" when it has none.
            email: the address of the sign-in.
        """
        listed = next((person for person in self.people.values() if oid and person.oid == oid), None)
        if listed is not None:
            return listed.email
        claimed = self.people.get(email)
        return "" if claimed and claimed.oid and claimed.oid != oid else email

    def address_of(self, shown: str) -> str | None:
        """Return the e-mail address of the person whom Azure shows under that name; None for nobody, or for several.

        Azure ML records a display name ("Mary Smith") as the maker of a model or a job, and no address with it.
        """
        if "@" in shown:
            return shown.strip().lower()
        name = _plain(shown)
        emails = {
            person.email for person in self.people.values() if name in map(_plain, (person.name, *person.aliases))
        }
        return emails.pop() if name and len(emails) == 1 else None


def load_people(text: str, path: str) -> Directory:
    """Return the people that `text` lists.

    Raises:
        PolicyProblemsError: names every mistake.
    """
    document = read_document(text, path)
    problems = list(document.problems)
    try:
        listed = _PeopleFile.model_validate(document.value, strict=True, extra="forbid")
    except ValidationError as exc:
        problems += problems_of(exc.errors(include_url=False), document, _PeopleFile)
        raise PolicyProblemsError(problems or [document.problem((), "is not a list of people")]) from exc
    problems += _listed_twice(document)
    if problems:
        raise PolicyProblemsError(problems)
    people = [
        Person(
            email,
            entry.name or email,
            entry.locale,
            entry.time_zone,
            tuple(entry.aliases),
            entry.admin,
            entry.oid.lower(),
        )
        for email, entry in listed.people.items()
    ]
    return Directory({person.email: person for person in people})


def load_people_file(file: Path) -> Directory:
    """Return the people in `file`; nobody when there is no such file."""
    return load_people(read_text(file), str(file)) if file.exists() else Directory()


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())


def _listed_twice(document: Document) -> list[Problem]:
    addresses: set[str] = set()
    problems = []
    for loc in document.lines:
        if len(loc) == 2 and loc[0] == "people":
            address = str(loc[1]).lower()
            if address in addresses:
                problems.append(document.problem(loc, "is listed already in another casing; keep one"))
            addresses.add(address)
    return problems


def _zone(value: object) -> str:
    name = text_matching(ZONE_PATTERN, "is not a time zone", "write e.g. America/Sao_Paulo")(value)
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as exc:  # OSError: the name of a folder, such as America
        text = f"{name!r} is not a time zone known here; write e.g. America/Sao_Paulo"
        raise PydanticCustomError("policy_value", "{text}", {"text": text}) from exc
    return name


_Locale = Annotated[
    str,
    PlainValidator(text_matching(LOCALE_PATTERN, "is not a locale", "write e.g. en, de or pt-BR")),
    WithJsonSchema({"type": "string", "pattern": LOCALE_PATTERN, "examples": ["en", "pt-BR"]}),
]
_Zone = Annotated[
    str,
    PlainValidator(_zone),
    WithJsonSchema({"type": "string", "pattern": ZONE_PATTERN, "examples": ["America/Sao_Paulo"]}),
]


_ObjectId = Annotated[
    str,
    PlainValidator(
        text_matching(OID_PATTERN, "is not an object id", "write the one that Entra ID shows for the user, in quotes")
    ),
    WithJsonSchema({"type": "string", "pattern": OID_PATTERN}),
]


class _PersonEntry(Section):
    name: str = Field(default="", max_length=200)
    locale: _Locale = "en"
    time_zone: _Zone = "UTC"
    admin: bool = False
    oid: _ObjectId = ""
    aliases: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(default_factory=list)


class _PeopleFile(Section):
    people: dict[Email, _PersonEntry]
