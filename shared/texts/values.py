"""Numbers, percentages, money and times as people of a locale write them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import dates, numbers
from babel.core import Locale

from shared.texts.languages import babel_locale

LONGEST_VALUE = 600
# Control characters and the ones that reorder text: a value must not change how its surroundings read.
_UNPRINTABLE = re.compile(r"[\u0000-\u001f\u007f-\u009f\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]+")


def plain(text: str) -> str:
    """Return the text on one line, without control characters, cut at 600 characters."""
    text = " ".join(_UNPRINTABLE.sub(" ", text).split())
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1].rstrip() + "…"


@dataclass(frozen=True, slots=True)
class ValueWriter:
    """Writes values for one reader. A value that is not of its type is written unchanged: a notice with an odd number
    is better than none."""

    locale: str
    time_zone: str

    def number(self, text: str) -> str:
        value = _decimal(text)
        return (
            text
            if value is None
            else numbers.format_decimal(_rounded(value), locale=self._babel, decimal_quantization=False)
        )

    def percent(self, text: str) -> str:
        """Write "12.5" or "12.5%" (of 100) as a percentage."""
        value = _decimal(text.strip().removesuffix("%").strip())
        if value is None:
            return text
        return numbers.format_percent(value / 100, locale=self._babel, format=_percent_pattern(self._babel))

    def money(self, text: str, currency: str) -> str:
        value = _decimal(text)
        if value is None or not re.fullmatch(r"[A-Z]{3}", currency):
            return f"{text} {currency}".strip()
        return numbers.format_currency(value, currency, locale=self._babel)

    def time(self, text: str) -> str:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return text
        return self.moment(moment if moment.tzinfo else moment.replace(tzinfo=UTC))

    def moment(self, moment: datetime) -> str:
        """Write a point in time in the reader's zone, naming its offset."""
        there = moment.astimezone(_zone(self.time_zone))
        day = dates.format_date(there, "medium", locale=self._babel)
        hour = dates.format_time(there, "short", locale=self._babel).replace("\u202f", "\u00a0")
        return f"{day}, {hour} ({_offset(there)})"

    @property
    def _babel(self) -> Locale:
        return babel_locale(self.locale)


def _decimal(text: str) -> Decimal | None:
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        return None
    return value if value.is_finite() and -15 < value.adjusted() < 15 else None


def _rounded(value: Decimal) -> Decimal:
    """Keep four digits after the point, or four significant ones for what is smaller than 0.01."""
    digits = 4 if abs(value) >= Decimal("0.01") or not value else 3 - value.adjusted()
    return round(value, min(digits, 12))


def _percent_pattern(locale: Locale) -> str:
    """Return the locale's percent pattern with up to two digits after the point."""
    pattern: str = locale.percent_formats[None].pattern
    return pattern.replace("0", "0.##", 1) if "." not in pattern else pattern


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def _offset(moment: datetime) -> str:
    """Return e.g. "UTC", "UTC-3" or "UTC+5:30"."""
    minutes = round((moment.utcoffset() or timedelta(0)).total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    sign = "-" if minutes < 0 else "+"
    return "UTC" + (f"{sign}{hours}" if minutes else "") + (f":{rest:02}" if rest else "")
