"""Reads the options of `vigia monitor run`."""

from __future__ import annotations

from pathlib import Path

from cli.kit.errors import CommandError
from cli.monitor.run import LookRequest, parse_time, read_importances


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
        parse_time(start, "--start") if start else None,
        parse_time(end, "--end") if end else None,
        min_effect,
        minimum_rows,
        read_importances(importance) if importance else None,
    )
