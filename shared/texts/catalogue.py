"""The texts of each language, from its .toml file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, Template

from shared.texts.languages import language_of

# The texts are plain: whoever puts them into HTML or Markdown escapes the result as a whole.
_PLAIN = Environment(undefined=StrictUndefined, autoescape=False)  # noqa: S701


def text(locale: str, section: str, name: str, /, **values: object) -> str:
    """Return one text in the language of the locale, e.g. text("pt-BR", "page", "approve")."""
    return _template(language_of(locale), section, name).render(**values)


def has_text(locale: str, section_name: str, name: str) -> bool:
    return name in section(locale, section_name)


def section(locale: str, name: str) -> Mapping[str, str]:
    """Return a whole section, unrendered."""
    value: Any = _file(language_of(locale))
    for part in name.split("."):
        value = value[part]
    return value  # type: ignore[no-any-return]  # the files are ours, and a test reads each text


@cache
def _template(language: str, section_name: str, name: str) -> Template:
    return _PLAIN.from_string(section(language, section_name)[name])


@cache
def _file(language: str) -> Mapping[str, Any]:
    return tomllib.loads(Path(__file__).with_name(f"{language}.toml").read_text(encoding="utf-8"))
