"""Log lines for people: time, level, logger, message, and the fields that were passed as `extra`."""

from __future__ import annotations

import logging
import sys

_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class ReadableFormatter(logging.Formatter):
    """Formats `12:34:56.789 info    host: message  key=value`."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (the base class's name)
        extra = {key: value for key, value in vars(record).items() if key not in _STANDARD}
        groups = [value if isinstance(value, dict) else {key: value} for key, value in extra.items()]
        fields = "".join(f"  {key}={value}" for group in groups for key, value in group.items() if _is_plain(value))
        moment = f"{self.formatTime(record, '%H:%M:%S')}.{int(record.msecs):03d}"
        return f"{moment} {record.levelname.lower():7} {record.name}: {record.message}{fields}"


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float | bool)


def log_to_stderr(level: int = logging.INFO) -> None:
    """Send every logger's records to standard error; the Azure SDKs' and the server's only from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(ReadableFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("azure", "aiohttp", "urllib3", "msrest"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
