"""Quantities as people write them in policies: 15m, 10%, 5GB, 2 per day, azureml:NAME@latest, an e-mail address."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, NoReturn

from pydantic import (
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

_NUMBER = r"[0-9]{1,9}(?:\.[0-9]{1,6})?"
_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
_PERIODS = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
}
_SIZES = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
LONGEST = timedelta(days=3650)

DURATION_PATTERN = rf"^{_NUMBER}(?:ms|s|m|h|d)$"
PERCENT_PATTERN = rf"^{_NUMBER}%$"
SIZE_PATTERN = rf"^{_NUMBER}(?:{'|'.join(_SIZES)})$"
RATE_PATTERN = rf"^[0-9]{{1,6}} per (?:{'|'.join(_PERIODS)}|{_NUMBER}(?:s|m|h|d))$"
ASSET_PATTERN = r"^azureml:[A-Za-z0-9][A-Za-z0-9_.\-]{0,254}(?:@latest|:[A-Za-z0-9][A-Za-z0-9_.\-]{0,254})$"
DEFINITION_PATTERN = r"^(?:[A-Za-z0-9][A-Za-z0-9_.\-]*/)*[A-Za-z0-9][A-Za-z0-9_.\-]*\.ya?ml$"
EMAIL_PATTERN = r"^[A-Za-z0-9._%+'\-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9\-]{0,62}\.)+[A-Za-z0-9\-]{2,63}$"


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` in every window of length `per`; `count` >= 1."""

    count: int
    per: timedelta

    def __str__(self) -> str:
        name = next((name for name, length in _PERIODS.items() if length == self.per), duration_text(self.per))
        return f"{self.count} per {name}"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        as_text = core_schema.plain_serializer_function_ser_schema(str, when_used="json")
        return core_schema.no_info_plain_validator_function(parse_rate, serialization=as_text)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, object]:
        return {"type": "string", "pattern": RATE_PATTERN, "examples": ["2 per day"]}


def duration_text(duration: timedelta) -> str:
    """Return a duration as policies write it, e.g. "90s", "6h"; the largest unit that gives a whole number."""
    for unit, length in reversed(_UNITS.items()):
        if duration % length == timedelta(0) and (duration or unit == "s"):
            return f"{duration // length}{unit}"
    return f"{duration / _UNITS['s']:g}s"


def percent_text(percent: float) -> str:
    """Return a percentage as policies write it, e.g. "2.5%"."""
    return f"{percent:.6f}".rstrip("0").rstrip(".") + "%"


def size_text(size: int, digits: int | None = None) -> str:
    """Return a number of bytes as policies write it, e.g. "5GB", rounded to so many digits."""
    if digits is not None:
        size = round(size, digits - len(str(size)))
    # The largest unit that gives no more decimals than policies may have.
    units = (unit for unit in reversed(_SIZES) if size >= _SIZES[unit] and size * 10**6 % _SIZES[unit] == 0)
    unit = next(units, "KB")
    return f"{(Decimal(size) / _SIZES[unit]).normalize():f}{unit}"


def parse_duration(value: object) -> timedelta:
    """Return "15m", "6h", "7d", "30s" or "500ms" as a timedelta of at most 10 years; a timedelta is taken as it is."""
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str) or not re.fullmatch(DURATION_PATTERN, value):
        _refuse(value, "is not a duration", _duration_remedy(value))
    number, unit = _split_unit(value)
    duration = float(number) * _UNITS[unit]
    if duration > LONGEST:
        _refuse(value, "is longer than ten years", "write a shorter duration")
    return duration


def parse_percent(value: object) -> float:
    """Return "10%" as 10.0; between 0 and 100."""
    if not isinstance(value, str) or not re.fullmatch(PERCENT_PATTERN, value):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        _refuse(value, "is not a percentage", f"write {value:g}%" if is_number else "write e.g. 10%")
    percent = float(value[:-1])
    if percent > 100:
        _refuse(value, "is more than 100 %", "write a percentage between 0% and 100%")
    return percent


def parse_size(value: object) -> int:
    """Return "5GB", "500MB" or "1.5TB" in bytes; a kilobyte has 1,000."""
    if not isinstance(value, str) or not re.fullmatch(SIZE_PATTERN, value):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        _refuse(value, "is not a size", f"write it with its unit, e.g. {value}GB" if is_number else "write e.g. 5GB")
    return round(float(value[:-2]) * _SIZES[value[-2:]])


def parse_rate(value: object) -> Rate:
    """Return "2 per day" as Rate(2, one day); a Rate is taken as it is."""
    if isinstance(value, Rate):
        return value
    if not isinstance(value, str) or not re.fullmatch(RATE_PATTERN, value):
        _refuse(value, "is not a rate", "write e.g. 2 per day, 1 per hour or 3 per 12h")
    count, _, per = value.split(" ")
    if int(count) == 0:
        _refuse(value, "allows nothing at all", "write 1 per … or more, or leave the section out")
    length = _PERIODS.get(per) or parse_duration(per)
    if not length:
        _refuse(value, "has an empty window", "write e.g. 2 per day")
    return Rate(int(count), length)


def parse_asset(value: object) -> str:
    """Return the reference of a registered asset unchanged: azureml:NAME@latest or azureml:NAME:VERSION."""
    if not isinstance(value, str) or not re.fullmatch(ASSET_PATTERN, value):
        _refuse(value, "is not a reference to a registered asset", _asset_remedy(value))
    return value


def parse_job(value: object) -> str:
    """Return what a training runs unchanged: a registered component, or the path of a job's file below the policy's."""
    if isinstance(value, str) and re.fullmatch(DEFINITION_PATTERN, value):
        return value
    if isinstance(value, str) and value.endswith((".yml", ".yaml")):
        _refuse(value, "is no file below the policy's folder", "write e.g. jobs/train.yml")
    return parse_asset(value)


def parse_email(value: object) -> str:
    """Return an e-mail address in lower case, so that comparing addresses is comparing texts."""
    if not isinstance(value, str) or not re.fullmatch(EMAIL_PATTERN, value):
        _refuse(value, "is not an e-mail address", "write e.g. ana@example.com")
    return value.lower()


def text_matching(pattern: str, problem: str, remedy: str) -> Callable[[object], str]:
    """Return a parser of texts that match `pattern`; anything else gets `problem` and `remedy`."""

    def parse(value: object) -> str:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            _refuse(value, problem, remedy)
        return value

    return parse


def _percent(value: object, info: ValidationInfo) -> float:
    # Files are read in JSON mode; code that builds a section itself gives the number.
    if info.mode == "python" and isinstance(value, float):
        return value
    return parse_percent(value)


def _size(value: object, info: ValidationInfo) -> int:
    return value if info.mode == "python" and isinstance(value, int) else parse_size(value)


Duration = Annotated[
    timedelta,
    PlainValidator(parse_duration),
    PlainSerializer(duration_text, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN, "examples": ["15m", "6h", "7d"]}),
]
Percent = Annotated[
    float,
    PlainValidator(_percent),
    PlainSerializer(percent_text, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": PERCENT_PATTERN, "examples": ["10%"]}),
]
Size = Annotated[
    int,
    PlainValidator(_size),
    PlainSerializer(size_text, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": SIZE_PATTERN, "examples": ["5GB"]}),
]
AssetRef = Annotated[
    str,
    PlainValidator(parse_asset),
    WithJsonSchema({"type": "string", "pattern": ASSET_PATTERN, "examples": ["azureml:flights@latest"]}),
]
ComponentRef = Annotated[
    str,
    PlainValidator(parse_asset),
    WithJsonSchema({"type": "string", "pattern": ASSET_PATTERN, "examples": ["azureml:train_flight_delay@latest"]}),
]
JobRef = Annotated[
    str,
    PlainValidator(parse_job),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": f"{ASSET_PATTERN}|{DEFINITION_PATTERN}",
            "examples": ["azureml:train_flight_delay@latest", "jobs/train.yml"],
        }
    ),
]
Email = Annotated[
    str,
    PlainValidator(parse_email),
    WithJsonSchema({"type": "string", "pattern": EMAIL_PATTERN, "examples": ["ana@example.com"]}),
]


def _split_unit(value: str) -> tuple[str, str]:
    unit = "ms" if value.endswith("ms") else value[-1]
    return value.removesuffix(unit), unit


def _duration_remedy(value: object) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"write it with its unit, e.g. {value}s, {value}m or {value}h"
    return "write a number and ms, s, m, h or d without a space, e.g. 30s, 15m, 6h or 7d"


def _asset_remedy(value: object) -> str:
    name = value if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.\-]*", value) else "NAME"
    return f"write azureml:{name}@latest, or azureml:{name}:VERSION"


def _refuse(value: object, problem: str, remedy: str) -> NoReturn:
    # Braces would be read as a template by pydantic, so the text travels as a parameter.
    text = f"{value!r:.80} {problem}; {remedy}"
    raise PydanticCustomError("policy_value", "{text}", {"text": text})
