"""Sums of money as Azure formats them for people."""

from __future__ import annotations

import math
import re

# Number formats of the billing currencies: 1,000.00  1.000,00  1 000,00  1'000.00  1,00,000.00.
_DIGITS = re.compile(r"[0-9][0-9.,'’\u00a0\u202f\u2009 ]*")
_BETWEEN_GROUPS = re.compile(r"['’\u00a0\u202f\u2009 ]")
MOST_CHARACTERS = 64


def parse_money(text: str) -> float | None:
    """Return the sum in "$1,000.00", "1.000,00 €", "CHF 1'000.00" or "812.5"; None when there is no telling.

    Which separator Azure uses in which locale is not documented, so the decimal one is found by position:
    the last of two kinds, or a single one that does not stand before exactly three digits. A lone
    separator before three digits ("1.000") parts thousands: sums are formatted with two decimals, or none.
    """
    if len(text) > MOST_CHARACTERS:
        return None
    runs = [run.strip() for run in _DIGITS.findall(text)]
    if len(runs) != 1:
        return None
    digits = _BETWEEN_GROUPS.sub("", runs[0]).rstrip(".,")
    number = float(_plain(digits)) if re.fullmatch(r"[0-9]+(?:[.,][0-9]+)*", digits) else math.nan
    if not math.isfinite(number):
        return None
    is_negative = bool(re.search(r"^\s*[^0-9]*[-−(]", text))
    return -number if is_negative else number


def _plain(digits: str) -> str:
    decimal = _decimal_separator(digits)
    whole, _, cents = digits.rpartition(decimal) if decimal else (digits, "", "")
    return re.sub(r"[.,]", "", whole) + "." + (cents or "0")


def _decimal_separator(digits: str) -> str | None:
    last = max(digits.rfind("."), digits.rfind(","))
    if last < 0:
        return None
    separator = digits[last]
    if digits.count(separator) > 1:
        return None
    other = "," if separator == "." else "."
    if other in digits:
        return separator
    return None if len(digits) - last - 1 == 3 else separator
