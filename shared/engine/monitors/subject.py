"""What a monitor's look is about, and how its signals are kept apart: one that fails does not stop the others."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from shared.domain.ids import DeploymentName, EndpointName, ModelVersion
from shared.drift.results.comparison import PastWindow
from shared.drift.results.signals import MonitorReport, SignalReport
from shared.errors import PermanentError, RetryableError, VigiaError
from shared.logs import fields
from shared.policy.sections.model import Policy
from shared.policy.sections.monitoring import Monitor
from shared.store.monitors.monitors import MonitorState

if TYPE_CHECKING:
    import pandas as pd

    from shared.drift.profiles.profile import Profile

log = logging.getLogger("vigia.monitors")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reference:
    """What a window is compared with. `words` say where it is from; `blob` stores its profile, "" when none does."""

    words: str
    profile: Profile
    blob: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """What one look is about: the state's model version, in rows that `deployment` served in [start, end).

    Args:
        previous: the model's newest report before this one.
        stores_references: whether references that the look makes are stored, and a version's first window becomes the
            reference of later ones. A look that a person takes changes nothing.
        reads_labels: whether labels are looked at, which takes longest.
        reference: compared with in place of what the policy names.
        rows: looked at in place of what the endpoint collected.
    """

    policy: Policy
    monitor: Monitor
    deployment: DeploymentName
    state: MonitorState
    end: datetime
    previous: MonitorReport | None = None
    stores_references: bool = False
    reads_labels: bool = True
    reference: Reference | None = None
    rows: pd.DataFrame | None = None

    @property
    def version(self) -> ModelVersion:
        return self.state.model_version

    @property
    def start(self) -> datetime:
        return self.state.window_start

    @property
    def window(self) -> tuple[EndpointName, DeploymentName, datetime, datetime]:
        """Return what a DataReader needs to read the window."""
        return self.policy.endpoint.name, self.deployment, self.start, self.end

    @property
    def labels_start(self) -> datetime:
        """Return since when served rows are matched with labels."""
        performance = self.monitor.performance
        return self.end - performance.labels_within if performance else self.end

    @property
    def reference_words(self) -> str:
        """Return what the policy compares the window with."""
        is_training = self.monitor.reference == "training"
        return f"the training data of version {self.version}" if is_training else "the window before"

    def past(self, signal: str) -> tuple[PastWindow, ...]:
        """Return the effects of this version's earlier windows, oldest first, without those of columns that drifted;
        the signal's own number is that of the column ""."""
        if self.previous is None or self.previous.model_version != self.version:
            return ()
        windows = [window for window in self.previous.quiet if window.signal == signal and window.start < self.start]
        return tuple(PastWindow(window.rows, window.effects) for window in windows)

    def past_values(self, signal: str, rows: int) -> tuple[float, ...]:
        """Return the signal's own numbers in earlier windows of about so many rows in which it did not drift."""
        similar = [window for window in self.past(signal) if window.is_as_long_as(rows)]
        return tuple(window.effects[""] for window in similar if "" in window.effects)


class NotYetError(Exception):
    """There is too little data for a verdict; the message says what is missing. `rows` is how many there are."""

    def __init__(self, reason: str, rows: int = 0) -> None:
        super().__init__(reason)
        self.rows = rows


def attempt(signal: str, measure: Callable[[], T]) -> T | SignalReport:
    """Return what is measured, or a report on the signal that says why it could not be.

    Raises:
        RetryableError: a service did not answer; the whole look is worth another try.
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
        # Rows are written by others: whatever they make a library raise must not stop the other signals.
        log.exception("monitor.unexpected_error", extra=fields(signal=signal))
        return SignalReport(signal, "error", f"a mistake in the code met these rows: {type(exc).__name__}: {exc}", 0)


def no_reference(what: str, hint: str) -> PermanentError:
    return PermanentError("monitor.no_reference", what, hint)
