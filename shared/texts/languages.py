"""From a locale, or what a browser prefers, to a language we write."""

from __future__ import annotations

from functools import lru_cache

from babel import Locale, UnknownLocaleError

LANGUAGES = ("en", "pt", "es")
DEFAULT = "en-GB"


@lru_cache(maxsize=256)
def babel_locale(tag: str) -> Locale:
    """Return the Babel locale of a tag such as "pt-BR"; English for one that is not known or not written here."""
    try:
        locale = Locale.parse(tag.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return Locale.parse(DEFAULT.replace("-", "_"))
    return locale if locale.language in LANGUAGES else Locale.parse(DEFAULT.replace("-", "_"))


def language_of(tag: str) -> str:
    """Return "en", "pt" or "es"."""
    return babel_locale(tag).language


def html_tag(tag: str) -> str:
    """Return the tag for an HTML `lang` attribute; Portuguese without a region is Brazilian here."""
    locale = babel_locale(tag)
    if locale.language == "pt" and locale.territory is None:
        return "pt-BR"
    return str(locale).replace("_", "-")


def preferred(accept_language: str) -> str:
    """Return the best tag of an Accept-Language header that we write; English when none is.

    Source: RFC 9110, section 12.5.4.
    """
    weighted = [_weighted(part, index) for index, part in enumerate(accept_language[:1000].split(","))]
    for _, _, tag in sorted(weighted):
        if tag.split("-")[0].lower() in LANGUAGES:
            return tag
    return DEFAULT


def _weighted(part: str, index: int) -> tuple[float, int, str]:
    """Return (minus weight, position, tag), so that sorting puts the preferred one first."""
    tag, _, parameter = part.strip().partition(";")
    try:
        weight = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
    except ValueError:
        weight = 0.0
    return -weight, index, tag.strip()
