"""What the parts of a monitor's look share: whom it is about, what they raise, and that none stops the others."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from shared.domain.ids import DeploymentName, ModelVersion
from shared.drift.results.comparison import PastWindow
from shared.drift.results.signals import MonitorReport, SignalReport
from shared.errors import PermanentError, RetryableError, VigiaError
from shared.logs import fields
from shared.policy.sections.model import Policy
from shared.policy.sections.monitoring import Monitor

log = logging.getLogger("vigia.monitors")


@dataclass(frozen=True, slots=True)
class Watched:
    """The deployment that serves most requests, and the model version in it."""

    deployment: DeploymentName
    version: ModelVersion


@dataclass(frozen=True, slots=True)
class Subject:
    """What is looked at: rows served in [start, end). `before` is the report before this one; `keeps_first` lets the
    look keep what it makes to compare with, and take a version's first window as the reference of later ones."""

    policy: Policy
    monitor: Monitor
    watched: Watched
    start: datetime
    end: datetime
    before: MonitorReport | None = None
    keeps_first: bool = False

    def past(self, signal: str) -> tuple[PastWindow, ...]:
        """Return what earlier windows of this version showed of the columns in which the signal did not drift, oldest
        first; the signal's own number is that of the column ""."""
        if self.before is None or self.before.model_version != self.watched.version:
            return ()
        windows = [each for each in self.before.quiet if each.signal == signal and each.start < self.start]
        return tuple(PastWindow(each.rows, each.effects) for each in windows)

    def past_values(self, signal: str, rows: int) -> tuple[float, ...]:
        """Return the signal's own numbers in earlier windows of about so many rows in which it did not drift."""
        similar = [each for each in self.past(signal) if each.is_as_long_as(rows)]
        return tuple(each.effects[""] for each in similar if "" in each.effects)


class NotYetError(Exception):
    """There is too little to say anything yet; the message says what is waited for."""

    def __init__(self, why: str, rows: int = 0) -> None:
        super().__init__(why)
        self.rows = rows


def said(signal: str, measure: Callable[[], SignalReport]) -> SignalReport:
    """Return what a signal says; what keeps it from saying anything is its own verdict.

    Raises:
        RetryableError: something did not answer; the whole look is worth another try.
    """
    try:
        return measure()
    except NotYetError as exc:
        return SignalReport(signal, "insufficient-data", str(exc), exc.rows)
    except RetryableError:
        raise
    except (VigiaError, ValueError) as exc:
        return SignalReport(signal, "error", str(exc), 0)
    except Exception as exc:
        # Rows are written by others: whatever they make a library raise must not keep other signals from looking.
        log.exception("monitor.mistake", extra=fields(signal=signal))
        return SignalReport(signal, "error", f"a mistake in the code met these rows: {type(exc).__name__}: {exc}", 0)


def no_reference(what: str, hint: str) -> PermanentError:
    return PermanentError("monitor.no_reference", what, hint)
