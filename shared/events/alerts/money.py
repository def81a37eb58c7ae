"""Sums of money as Azure formats them for people."""

from __future__ import annotations

import re

# Number formats of the billing currencies: 1,000.00  1.000,00  1 000,00  1'000.00  1,00,000.00.
_DIGITS = re.compile(r"[0-9][0-9.,'’\u00a0\u202f\u2009 ]*")
_BETWEEN_GROUPS = re.compile(r"['’\u00a0\u202f\u2009 ]")
# Groups of three, or of two as in India, parted by one kind of separator.
_WHOLE = re.compile(r"[0-9]+|[0-9]{1,3}(?:(?P<separator>[.,])[0-9]{2,3})(?:(?P=separator)[0-9]{2,3})*")
MOST_CHARACTERS = 64


def parse_money(text: str) -> float | None:
    """Return the sum in "$1,000.00", "1.000,00 €", "CHF 1'000.00" or "812.5"; None when there is no telling.

    Which separator Azure uses in which locale is not documented, so the decimal one is found by position:
    the last of two kinds, or a single one that does not stand before exactly three digits. A lone
    separator before three digits ("1.000") parts thousands: sums are formatted with two decimals, or none.
    """
    if len(text) > MOST_CHARACTERS or "%" in text:
        return None
    runs = [run.strip() for run in _DIGITS.findall(text)]
    if len(runs) != 1:
        return None
    number = _number(_BETWEEN_GROUPS.sub("", runs[0]).rstrip(".,"))
    if number is None:
        return None
    is_negative = bool(re.search(r"^\s*[^0-9]*[-−(]", text))
    return -number if is_negative else number


def _number(digits: str) -> float | None:
    decimal = _decimal_separator(digits)
    whole, _, cents = digits.rpartition(decimal) if decimal else (digits, "", "0")
    if not _WHOLE.fullmatch(whole) or not re.fullmatch(r"[0-9]+", cents):
        return None
    return float(re.sub(r"[.,]", "", whole) + "." + cents)


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
    # No group of thousands begins with a zero.
    return None if len(digits) - last - 1 == 3 and not digits.startswith("0") else separator
