"""Reads the options of `vigia monitor run`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cli.kit.errors import CommandError


@dataclass(frozen=True, slots=True)
class LookRequest:
    """The command's options; None and () stand for the policy's values and the endpoint's rows."""

    reference: tuple[str, ...] = ()
    current: tuple[Path, ...] = ()
    ignore: tuple[str, ...] = ()
    window: timedelta | None = None
    start: datetime | None = None
    end: datetime | None = None
    min_effect: float | None = None
    minimum_rows: int | None = None
    importances: Mapping[str, float] | None = None
    label: str = ""
    metric: str = ""


def read_request(
    reference: list[str] | None,
    current: list[Path] | None,
    ignore: list[str] | None,
    window: str | None,
    start: str | None,
    end: str | None,
    min_effect: float | None,
    minimum_rows: int | None,
    importance: Path | None,
) -> LookRequest:
    """Return the options as one request.

    Raises:
        CommandError: an option is invalid.
    """
    from shared.policy.sections.quantities import parse_duration

    try:
        length = parse_duration(window) if window else None
    except ValueError as exc:
        raise CommandError("cli.window", f"--window {window!r} is not a duration", "write e.g. 24h, 90m or 7d") from exc
    if min_effect is not None and not 0 < min_effect < 1:
        raise CommandError("cli.rules", f"--min-effect {min_effect:g} is not between 0 and 1", "write e.g. 0.1")
    return LookRequest(
        tuple(reference or ()),
        tuple(current or ()),
        tuple(ignore or ()),
        length,
        _time(start, "--start") if start else None,
        _time(end, "--end") if end else None,
        min_effect,
        minimum_rows,
        _importances(importance) if importance else None,
    )


def _importances(file: Path) -> Mapping[str, float]:
    """Return the importance of each feature, 0 or more in any unit, e.g. {"dep_delay": 412.0, "dest": 31}.

    Raises:
        CommandError: the file cannot be read, or holds something else.
    """
    hint = 'write a JSON object of numbers, e.g. {"dep_delay": 0.7, "dest": 0.1}'
    try:
        importances = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as exc:
        raise CommandError("cli.importance", f"{file} cannot be read as JSON: {exc}", hint) from exc
    are_numbers = isinstance(importances, dict) and all(
        isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf
        for value in importances.values()
    )
    if not are_numbers:
        raise CommandError("cli.importance", f"{file} holds something else than importances", hint)
    return {str(name): float(value) for name, value in importances.items()}


def _time(text: str, option: str) -> datetime:
    """Return a point in time; one without a zone is UTC.

    Raises:
        CommandError: the text is not a time.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        hint = "write e.g. 2026-07-12T03:00 (UTC) or 2026-07-12"
        raise CommandError("cli.time", f"{option} {text!r} is not a time", hint) from exc
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
