"""How a table of text is written: its encoding, separator, names and decimal sign, by its first lines."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass

from shared.adapters.tables.packed import encoding_of, spelled
from shared.drift.rows.equal import NUMBER, TIME
from shared.errors import PermanentError

HEAD_BYTES = 256 * 1024
SEPARATORS = (",", ";", "\t", "|")
_LINES = 500
_REMEDY = "write one header line, commas between values, and quotes around values with commas in them"
_COMMA_NUMBER = re.compile(r"\s*[+-]?\d+,\d+([eE][+-]?\d+)?\s*$")
# 1,234 is a thousand or one and a bit; 0,234 is no thousand.
_AMBIGUOUS = re.compile(r"\s*[+-]?[1-9]\d{0,2},\d{3}\s*$")
_MARKUP = re.compile(r"\s*(?:<[!?a-zA-Z]|[\[{]\s*[\[{\"])")
_POINT_NUMBER = re.compile(r"\s*[+-]?\d+\.\d+\s*$")


@dataclass(frozen=True, slots=True)
class Layout:
    """How a CSV file is written.

    Args:
        skipped: lines before the rows, including the header.
        are_spaced: a blank follows each separator.
    """

    encoding: str
    separator: str
    names: tuple[str, ...]
    skipped: int
    has_decimal_commas: bool
    are_spaced: bool = False


def layout_of(head: bytes, name: str) -> Layout:
    """Return the layout that the first bytes of a file show.

    Raises:
        PermanentError: it is empty or not a text, has no line of names, or its separator is not clear.
    """
    encoding = encoding_of(head)
    if not encoding:
        raise _unreadable(name, "holds bytes that are not text", "check that it is a CSV file")
    text = head.decode(encoding, "ignore") if encoding.startswith("utf-16") else spelled(_whole_lines(head))
    text = text.lstrip("\ufeff")
    if not text.strip():
        raise _unreadable(name, "is empty", "give a file with a line of names and rows")
    if len(head) >= HEAD_BYTES:
        text = text[: text.rfind("\n") + 1] or text
    if _MARKUP.match(text):
        raise _unreadable(
            name, "begins like HTML, XML or JSON, not like CSV", "give it the suffix of its format, or save it as CSV"
        )
    # Excel writes and reads "sep=;" as a first line.
    first, _, below = text.partition("\n")
    declared = first.strip()[4:] if first.lower().startswith("sep=") and len(first.strip()) == 5 else ""
    text = below if declared else text
    separator = declared or _separator(text, name)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    names, lines = _header(reader, name)
    rows = [row for row, _ in zip(reader, range(_LINES), strict=False)]
    has_commas, are_spaced = _has_decimal_commas(rows, separator), _are_spaced(rows)
    return Layout(encoding, separator, names, lines + bool(declared), has_commas, are_spaced)


def _are_spaced(rows: list[list[str]]) -> bool:
    after_separators = [cell for row in rows for cell in row[1:] if cell]
    return bool(after_separators) and all(cell.startswith(" ") for cell in after_separators)


def _whole_lines(head: bytes) -> bytes:
    return head[: head.rfind(b"\n") + 1] if len(head) >= HEAD_BYTES else head


def _header(reader: object, name: str) -> tuple[tuple[str, ...], int]:
    for row in reader:  # type: ignore[attr-defined]
        if any(cell.strip() for cell in row):
            if _are_values(row):
                message = f"begins with the values {', '.join(row[:3])}, not with the names of its columns"
                raise _unreadable(name, message, "write a first line of names")
            return tuple(cell.strip() or f"column {place}" for place, cell in enumerate(row, 1)), reader.line_num  # type: ignore[attr-defined]
    raise _unreadable(name, "is empty", "give a file with a line of names and rows")


def _are_values(row: list[str]) -> bool:
    """Return whether these are values, not names: nothing but numbers, or numbers beside times or booleans."""
    are_numbers = [bool(re.match(NUMBER, cell)) for cell in row]
    others = any(re.match(TIME, cell) or cell.strip().lower() in {"true", "false"} for cell in row)
    return all(are_numbers) or (any(are_numbers) and others)


def _separator(text: str, name: str) -> str:
    """Return the separator that cuts every line into as many values, more than one; a comma for a single column."""
    tables = {cell: _rows(text, cell) for cell in SEPARATORS}
    even = {cell: len(rows[0]) for cell, rows in tables.items() if len({len(row) for row in rows}) == 1}
    best = max(even, key=lambda separator: even[separator], default="")
    if best and even[best] > 1:
        return best
    headed = max(SEPARATORS, key=lambda separator: len(tables[separator][0]))
    if len(tables[headed][0]) > 1:
        return headed  # some line is too short or too long; reading reports which
    _require_one_column(text, name)
    return next(separator for separator in ("\t", "|", ";", ",") if separator not in text) if "," in text else ","


def _rows(text: str, separator: str) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        rows = [row for row, _ in zip(reader, range(_LINES), strict=False) if row]
    except csv.Error:
        return [[""]]
    # The last line of the head may be cut.
    return rows or [[""]]


def _require_one_column(text: str, name: str) -> None:
    """Refuse values with a separator that is not read, or with one that the header lacks.

    Raises:
        PermanentError: the only column's name or values hold separators.
    """
    lines = [line for line in text.splitlines()[:_LINES] if line.strip()]
    header, values = lines[0], lines[1:]
    for sign in ("\x01", "^", "~", ":", " "):
        parts = [len(line.split(sign if sign != " " else None)) for line in lines]
        if parts[0] > 1 and len(set(parts)) == 1:
            separators = {"\x01": "the sign of Hive's tables", " ": "blanks"}.get(sign, repr(sign))
            raise _unreadable(name, f"seems to have {separators} between its values", _REMEDY)
    for sign in SEPARATORS:
        cut = [line for line in values if sign in line]
        is_number = all(_COMMA_NUMBER.match(value) for value in cut)
        if len(cut) > len(values) / 2 and '"' not in text and not (sign == "," and is_number):
            message = f"has one name in its first line, {header.strip()[:40]!r}, and {sign!r} between values below it"
            raise _unreadable(name, message, _REMEDY)


def _has_decimal_commas(rows: list[list[str]], separator: str) -> bool:
    cells = [cell for row in rows for cell in row]
    with_comma = [cell for cell in cells if _COMMA_NUMBER.match(cell)]
    if any(not _AMBIGUOUS.match(cell) for cell in with_comma):
        return True
    has_points = any(_POINT_NUMBER.match(cell) for cell in cells)
    return bool(with_comma) and separator != "," and not has_points


def _unreadable(name: str, problem: str, hint: str) -> PermanentError:
    return PermanentError("data.unreadable", f"{name} {problem}", hint)
