"""Every notice in every language: complete, written as people there write, and documented."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, meta

from shared.domain.ids import ModelName
from shared.domain.notice import Notice, NoticeKind
from shared.texts.kinds import FACTS, PARAMETERS
from shared.texts.languages import LANGUAGES
from shared.texts.notices import render

ROOT = Path(__file__).parents[3]
EVERYTHING = dict.fromkeys(PARAMETERS, "7") | {
    "reason": "it was slower",
    "expires_at": "2026-11-21T10:00:00+00:00",
    "currency": "EUR",
    "cause": "drift",
    "basis": "actual",
}


def _notice(kind: NoticeKind, path: str = "", **parameters: str) -> Notice:
    return Notice(kind, f"key/{kind}", ModelName("flight-delay"), parameters, path)


def _texts(language: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / "shared/texts" / f"{language}.toml").read_text(encoding="utf-8"))


def _keys(value: object, path: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _keys(inner, f"{path}.{name}")
    else:
        yield path


@pytest.mark.parametrize("language", ["en", "es", "pt"])
def test_drift_is_told_in_words_of_its_signal(language: str) -> None:
    signals = ["data-drift", "data-quality", "prediction-drift", "embedding-drift"]
    signals += ["estimated-performance", "performance", "concept-drift"]
    sentences = {
        render(_notice(NoticeKind.DRIFT_DETECTED, signal=signal), language, "UTC", "").sentence for signal in signals
    }
    assert len(sentences) == len(signals)


@pytest.mark.parametrize("locale", ["en-GB", "en-US", "pt-BR", "pt", "es-ES", "es-MX"])
@pytest.mark.parametrize("kind", list(NoticeKind))
def test_every_kind_is_written_in_every_language(kind: NoticeKind, locale: str) -> None:
    full = render(_notice(kind, "/api/approvals/x", **EVERYTHING), locale, "America/Sao_Paulo", "https://vigia.example")
    bare = render(_notice(kind, version="7"), locale, "UTC", "https://vigia.example")
    for message in (full, bare):
        whole = f"{message.title} {message.sentence} {message.footer}"
        assert not re.search(r"[{}]|\.\.| {2}|:\.|None| [.,;]", whole), whole
        assert message.sentence.endswith(".")
        assert len(message.title) < 90
    assert "it was slower" in full.sentence
    assert full.facts
    assert full.button is not None
    assert full.button.url == "https://vigia.example/api/approvals/x"
    assert bare.button is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_languages_have_the_same_texts(language: str) -> None:
    assert set(_keys(_texts(language))) == set(_keys(_texts("en")))


def _placeholders(texts: dict[str, Any]) -> dict[str, set[str]]:
    parser = Environment(autoescape=False)
    values: dict[str, Any] = {path: reduce(getitem, path[1:].split("."), texts) for path in _keys(texts)}
    return {path: meta.find_undeclared_variables(parser.parse(value)) for path, value in values.items()}


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_each_text_uses_the_same_placeholders_in_every_language(language: str) -> None:
    assert _placeholders(_texts(language)) == _placeholders(_texts("en"))


def test_a_placeholder_that_one_language_lacks_is_noticed() -> None:
    broken = _texts("pt")
    broken["result"]["waiting"]["text"] = "A versão {{ version }} de {{ model }} ainda espera."
    assert _placeholders(broken)[".result.waiting.text"] == {"version", "model"}
    assert _placeholders(broken) != _placeholders(_texts("en"))


def test_the_words_of_the_glossary_are_the_words_of_the_texts() -> None:
    page = (ROOT / "docs/glossary.md").read_text(encoding="utf-8").split("## In Portuguese and Spanish")[1]
    rows = [row.strip("| ").split(" | ") for row in page.splitlines() if row.startswith("| ")][1:]
    assert len(rows) > 15
    for column, language in ((1, "pt"), (2, "es")):
        texts = (ROOT / f"shared/texts/{language}.toml").read_text(encoding="utf-8").casefold()
        words = {word for row in rows for word in re.split(r"[;,()]\s*", row[column]) if word}
        assert {word.strip() for word in words if word.strip() not in texts} == set(), language


def test_the_form_of_address_is_one() -> None:
    spanish = (ROOT / "shared/texts/es.toml").read_text(encoding="utf-8")
    assert re.findall(r"(?i)\busted(?:es)?\b|\bsu (?:decisión|respuesta|nombre)\b", spanish) == []


@pytest.mark.parametrize(("language", "title"), [("en", "1 item"), ("pt", "1 item "), ("es", "1 elemento ")])
def test_one_item_is_not_written_as_many(language: str, title: str) -> None:
    message = render(_notice(NoticeKind.LABELS_REQUESTED, items="1"), language, "UTC", "")
    assert title in message.title
    assert "items" not in message.title


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_forecast_is_not_called_reached(language: str) -> None:
    parameters = {"budget": "mlops", "percent": "80"}
    forecast = render(_notice(NoticeKind.BUDGET_CROSSED, basis="forecasted", **parameters), language, "UTC", "")
    actual = render(_notice(NoticeKind.BUDGET_CROSSED, basis="actual", **parameters), language, "UTC", "")
    assert forecast.title != actual.title


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_parameter_has_a_label(language: str) -> None:
    assert set(PARAMETERS) - set(_texts(language)["label"]) == set()


def test_every_fact_is_in_the_vocabulary() -> None:
    assert {name for names in FACTS.values() for name in names} - set(PARAMETERS) == set()
    assert set(FACTS) == set(NoticeKind)


def test_the_reference_lists_exactly_the_kinds_and_their_facts() -> None:
    page = (ROOT / "docs/reference/notices.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## `([^`]+)`\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    assert list(sections) == [kind.value for kind in NoticeKind]
    for kind in NoticeKind:
        facts = re.search(r"^Facts: (.*)\.$", sections[kind.value], re.MULTILINE)
        assert facts is not None, kind
        assert re.findall(r"`(\w+)`", facts[1]) == list(FACTS[kind]), kind


@pytest.mark.parametrize(
    ("locale", "zone", "expected"),
    [
        pytest.param("en-US", "UTC", ("12.5%", "€1,234.50", "Nov 21, 2026, 10:00\xa0AM (UTC)"), id="american"),
        pytest.param(
            "pt-BR",
            "America/Sao_Paulo",
            ("12,5%", "€\xa01.234,50", "21 de nov. de 2026, 07:00 (UTC-3)"),
            id="brazilian",
        ),
        pytest.param(
            "es-ES", "Europe/Madrid", ("12,5\xa0%", "1.234,50\xa0€", "21 nov 2026, 11:00 (UTC+1)"), id="spanish"
        ),
    ],
)
def test_values_are_written_as_people_of_the_locale_write(locale: str, zone: str, expected: tuple[str, ...]) -> None:
    notice = _notice(
        NoticeKind.BUDGET_CROSSED,
        percent="12.5",
        spent="1234.5",
        currency="EUR",
        until="2026-11-21T10:00:00+00:00",
    )
    values = [value for _, value in render(notice, locale, zone, "").facts]
    assert tuple(values) == expected


def test_words_of_ours_are_translated_and_unknown_ones_pass() -> None:
    message = render(_notice(NoticeKind.TRAINING_STARTED, cause="new-data"), "pt-BR", "UTC", "")
    unknown = render(_notice(NoticeKind.TRAINING_STARTED, cause="a-whim"), "pt-BR", "UTC", "")
    assert ("Causa", "novos dados") in message.facts
    assert ("Causa", "a-whim") in unknown.facts


def test_a_parameter_nobody_expected_is_shown_not_lost() -> None:
    message = render(_notice(NoticeKind.PROMOTED, version="3", moon_phase="waxing"), "en", "UTC", "")
    assert ("moon phase", "waxing") in message.facts


@pytest.mark.parametrize(
    "value", ["NaN", "", "1e999999999", "not a number", "-", "٣", "0x10", "inf", "2026-99-99"], ids=repr
)
def test_odd_values_never_stop_a_notice(value: str) -> None:
    parameters = dict.fromkeys(PARAMETERS, value) | {"version": "3"}
    for kind in NoticeKind:
        assert render(_notice(kind, **parameters), "es-ES", "Nowhere/Land", "").title


def test_hidden_characters_and_line_breaks_do_not_survive() -> None:
    message = render(_notice(NoticeKind.PROMOTED, version="3\r\nBcc: x\u202e\x00", reason="a\u2028b"), "en", "UTC", "")
    whole = message.title + message.sentence + "".join(value for _, value in message.facts)
    assert not re.search(r"[\r\n\u202e\u2028\x00]", whole)


def test_very_long_values_are_cut() -> None:
    message = render(_notice(NoticeKind.PROMOTED, version="3", reason="x" * 100_000), "en", "UTC", "")
    assert len(message.sentence) < 800
    assert "…" in message.sentence
