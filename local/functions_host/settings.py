"""What the host reads before the app: local.settings.json and host.json, and the values of settings."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from local.errors import LocalSystemError

_REFERENCE = re.compile(r"%([^%]+)%")
_TIME_SPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,7}))?")


@dataclass(frozen=True)
class QueueSettings:
    """host.json `extensions.queues`; the defaults are the platform's.

    Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue#hostjson-settings,
    read 2026-11-20.
    """

    batch_size: int = 16
    new_batch_threshold: int = 8
    max_dequeue_count: int = 5
    visibility_timeout: timedelta = timedelta(0)
    max_polling_interval: timedelta = timedelta(minutes=1)
    is_base64: bool = True


@dataclass(frozen=True)
class HostSettings:
    """The parts of host.json that this host reads."""

    route_prefix: str = "api"
    queues: QueueSettings = QueueSettings()


def read_values(path: Path) -> dict[str, str]:
    """Return the `Values` of a local.settings.json file.

    Raises:
        LocalSystemError: the file is missing, is not JSON, is encrypted, or a value is not text.
    """
    document = _read_json(path, "the settings file")
    values = document.get("Values", {})
    if document.get("IsEncrypted"):
        raise LocalSystemError(f"{path} is encrypted", 'write the values in plain text and "IsEncrypted": false')
    if not isinstance(values, dict):
        raise LocalSystemError(f'{path}: "Values" is not an object', 'write "Values": {"NAME": "value"}')
    for name, value in values.items():
        if not isinstance(value, str):
            raise LocalSystemError(f"{path}: the value of {name} is not a string", f'write "{name}": "{value}"')
    return values


def read_host_settings(path: Path) -> HostSettings:
    """Return the settings of a host.json file.

    Raises:
        LocalSystemError: the file is missing, is not JSON, or a value has the wrong form.
    """
    extensions = _read_json(path, "host.json").get("extensions", {})
    queues = extensions.get("queues", {})
    default = QueueSettings()
    encoding = queues.get("messageEncoding", "base64")
    if encoding not in ("base64", "none"):
        raise LocalSystemError(f"{path}: queues.messageEncoding is {encoding!r}", 'write "base64" or "none"')
    batch_size = _whole_number(path, queues, "batchSize", default.batch_size)
    return HostSettings(
        route_prefix=str(extensions.get("http", {}).get("routePrefix", "api")).strip("/"),
        queues=QueueSettings(
            batch_size=batch_size,
            new_batch_threshold=_whole_number(path, queues, "newBatchThreshold", batch_size // 2),
            max_dequeue_count=_whole_number(path, queues, "maxDequeueCount", default.max_dequeue_count),
            visibility_timeout=_time_span(path, queues, "visibilityTimeout", default.visibility_timeout),
            max_polling_interval=_time_span(path, queues, "maxPollingInterval", default.max_polling_interval),
            is_base64=encoding == "base64",
        ),
    )


def expand(text: str, function: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return `text` with every %NAME% replaced by the setting of that name.

    Raises:
        LocalSystemError: a setting is missing.
    """

    def value_of(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in environment:
            raise LocalSystemError(
                f"function {function}: {text!r} needs the setting {name}, which does not exist",
                f'add "{name}" to the Values of the settings file',
            )
        return environment[name]

    return _REFERENCE.sub(value_of, text)


def connection_string(connection: str, function: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return the storage connection string of a binding's `connection`.

    Raises:
        LocalSystemError: no setting of that name exists.
    """
    for name in (connection, f"AzureWebJobs{connection}"):
        if environment.get(name):
            return environment[name]
    raise LocalSystemError(
        f"function {function}: its connection {connection!r} names a setting that does not exist",
        f'add "{connection}" with a storage connection string to the Values of the settings file',
    )


def _read_json(path: Path, what: str) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as exc:
        raise LocalSystemError(f"{what} does not exist: {path}") from exc
    except ValueError as exc:
        raise LocalSystemError(f"{path} is not JSON: {exc}") from exc
    if not isinstance(document, dict):
        raise LocalSystemError(f"{path} is not a JSON object")
    return document


def _whole_number(path: Path, section: dict[str, Any], name: str, default: int) -> int:
    value = section.get(name, default)
    if not isinstance(value, int) or value < 0:
        raise LocalSystemError(f"{path}: queues.{name} is {value!r}", "write a whole number, 0 or more")
    return value


def _time_span(path: Path, section: dict[str, Any], name: str, default: timedelta) -> timedelta:
    if name not in section:
        return default
    match = _TIME_SPAN.fullmatch(str(section[name]))
    if not match:
        raise LocalSystemError(f"{path}: queues.{name} is {section[name]!r}", 'write "hh:mm:ss", e.g. "00:00:30"')
    days, hours, minutes, seconds, fraction = match.groups(default="0")
    return timedelta(
        days=int(days), hours=int(hours), minutes=int(minutes), seconds=int(seconds) + float(f"0.{fraction}")
    )
