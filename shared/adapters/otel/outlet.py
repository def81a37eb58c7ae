"""Takes log lines and spans, and hands them to OpenTelemetry once that is loaded."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING

from shared import logs
from shared.adapters.otel.receivers import has_receiver

if TYPE_CHECKING:
    from shared.adapters.otel.pipeline import Pipeline

# Loading takes as long as a light function: it waits until a first call is likely to be over.
LOADED_AFTER_SECONDS = 2.0
# Of what is written before OpenTelemetry is loaded; beyond it the oldest goes.
MOST_WAITING = 20_000
# What the exporters themselves log would be exported, and logged, for ever.
_THEIR_OWN = ("opentelemetry", "azure.monitor.opentelemetry", "urllib3")

log = logging.getLogger("vigia.telemetry")


class Outlet(logging.Handler):
    """The handler of our loggers while telemetry is sent."""

    def __init__(self, environment: Mapping[str, str], loaded_after_seconds: float = LOADED_AFTER_SECONDS) -> None:
        super().__init__()
        self._environment = dict(environment)
        self._loaded_after_seconds = loaded_after_seconds
        self._guard = threading.Lock()
        self._waiting: deque[logging.LogRecord | logs.Span] = deque(maxlen=MOST_WAITING)
        self._timer: threading.Timer | None = None
        self._pipeline: Pipeline | None = None
        self._is_closed = False

    def attach(self) -> None:
        """Take all lines and spans of ours, and every library's warnings."""
        ours, root = logging.getLogger("vigia"), logging.getLogger()
        ours.addHandler(self)
        # The worker's handler is the root's: it would send each line a second time, without its facts.
        ours.propagate = False
        root.addHandler(self)
        logs.span_receivers.append(self.take)

    def detach(self) -> None:
        """Give the lines back to whoever took them before."""
        logs.span_receivers.remove(self.take)
        for logger in (logging.getLogger("vigia"), logging.getLogger()):
            logger.removeHandler(self)
            logger.propagate = True

    def filter(self, record: logging.LogRecord) -> bool:
        is_ours = record.name.startswith("vigia")
        return is_ours or (record.levelno >= logging.WARNING and not record.name.startswith(_THEIR_OWN))

    def emit(self, record: logging.LogRecord) -> None:
        self.take(record)

    def take(self, item: logging.LogRecord | logs.Span) -> None:
        """Send something, or keep it until there is something to send it with."""
        with self._guard:
            if self._pipeline is not None:
                self._pipeline.send(item)
                return
            self._waiting.append(item)
            if self._timer is None:
                self._timer = threading.Timer(self._loaded_after_seconds, self.load)
                self._timer.daemon = True
                self._timer.start()

    def load(self) -> None:
        """Load OpenTelemetry, and send what waited for it. Where it cannot be set up, say so and go on without."""
        try:
            from shared.adapters.otel.pipeline import Pipeline

            pipeline = Pipeline(self._environment)
        except (ValueError, ImportError, RuntimeError) as exc:
            # RuntimeError: the process is ending, and starts no thread any more.
            self.detach()
            log.error("telemetry.off", extra=logs.fields(reason=str(exc)))
            return
        with self._guard:
            while self._waiting:
                pipeline.send(self._waiting.popleft())
            self._pipeline = pipeline

    def flush(self) -> None:
        """Send everything now; `logging` calls this when the process ends, too."""
        if self._timer is not None and self._pipeline is None:
            self._timer.cancel()
            self.load()
        if self._pipeline is not None:
            self._pipeline.flush()

    def close(self) -> None:
        """Stop sending; `logging` flushes before, and may call this twice."""
        if self._pipeline is not None and not self._is_closed:
            self._is_closed = True
            self._pipeline.close()
        super().close()


def send_telemetry(environment: Mapping[str, str]) -> Outlet | None:
    """Have telemetry sent to the receivers that the environment names; None when it names none, and log lines go where
    the worker sends them, without their facts."""
    if not has_receiver(environment):
        return None
    outlet = Outlet(environment)
    outlet.attach()
    return outlet
