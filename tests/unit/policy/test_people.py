"""people.yaml."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.policy.reading.people import Person, load_people, load_people_file
from shared.policy.reading.problems import PolicyProblemsError

TEXT = """\
people:
  Ana@example.com: {name: Ana, locale: pt-BR, time_zone: America/Sao_Paulo}
  ben@example.com: {}
"""


def test_person_is_found_in_any_casing() -> None:
    ana = Person("ana@example.com", "Ana", "pt-BR", "America/Sao_Paulo")
    assert load_people(TEXT, "people.yaml").person("ANA@example.com") == ana


@pytest.mark.parametrize("email", ["ben@example.com", "eva@example.com"])
def test_person_without_entries_or_unlisted_gets_english_and_utc(email: str) -> None:
    assert load_people(TEXT, "people.yaml").person(email) == Person(email, email, "en", "UTC")


def test_a_person_is_known_by_the_names_that_azure_shows() -> None:
    text = TEXT.replace("{name: Ana,", "{name: Ana Souza, aliases: [A. Souza, asouza],")
    people = load_people(text, "people.yaml")
    assert [people.address_of(shown) for shown in ("ana souza", "A. Souza", "Mary Smith", "Ben@Example.com", "")] == [
        "ana@example.com",
        "ana@example.com",
        None,
        "ben@example.com",
        None,
    ]


def test_file_that_is_absent_lists_nobody(tmp_path: Path) -> None:
    assert load_people_file(tmp_path / "people.yaml").people == {}


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("ben@example.com", "ben", "people.yaml:3: people.ben: 'ben' is not an e-mail address"),
        ("ben@example.com", "ana@example.com", "people.yaml:3: people.ana@example.com: is listed already in another"),
        (
            "pt-BR",
            "pt_BR",
            "people.yaml:2: people.Ana@example.com.locale: 'pt_BR' is not a locale; write e.g. en, de or",
        ),
        ("America/Sao_Paulo", "America/Sao_Paolo", "'America/Sao_Paolo' is not a time zone known here"),
        ("America/Sao_Paulo", "America", "'America' is not a time zone known here; write e.g. America/Sao_Paulo"),
        ("America/Sao_Paulo", "../etc/passwd", "is not a time zone; write e.g."),
        ("name: Ana", "nmae: Ana", "people.yaml:2: people.Ana@example.com.nmae: is not a key here; did you mean name?"),
        ("people:", "peple:", "people.yaml:1: peple: is not a key here; did you mean people?"),
        ("{}", "Ben", "people.yaml:3: people.ben@example.com: 'Ben' is not a mapping"),
    ],
)
def test_mistake_is_reported_once_with_line_and_remedy(old: str, new: str, complaint: str) -> None:
    with pytest.raises(PolicyProblemsError) as caught:
        load_people(TEXT.replace(old, new), "people.yaml")
    [problem] = caught.value.problems
    assert complaint in str(problem)
