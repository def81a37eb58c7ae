from __future__ import annotations

import pytest

from shared.texts.languages import html_tag, language_of, preferred


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        pytest.param("", "en-GB", id="nothing_said"),
        pytest.param("pt-BR,pt;q=0.9,en;q=0.8", "pt-BR", id="first_wins"),
        pytest.param("de,es;q=0.5,en;q=0.7", "en", id="weights_count"),
        pytest.param("fr, de", "en-GB", id="none_written_here"),
        pytest.param("es;q=nonsense, en;q=0.1", "en", id="bad_weight_is_last"),
        pytest.param("," * 5000 + ";q=;q=<script>", "en-GB", id="hostile"),
    ],
)
def test_preferred(header: str, expected: str) -> None:
    assert preferred(header) == expected


@pytest.mark.parametrize(
    ("tag", "language", "html"),
    [
        ("pt", "pt", "pt-BR"),
        ("pt-PT", "pt", "pt-PT"),
        ("es-MX", "es", "es-MX"),
        ("fr", "en", "en-GB"),
        ("!", "en", "en-GB"),
    ],
)
def test_a_locale_falls_back_to_a_language_we_write(tag: str, language: str, html: str) -> None:
    assert language_of(tag) == language
    assert html_tag(tag) == html
