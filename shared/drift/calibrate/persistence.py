"""Whether drift lasted: one bad window may be chance, several in a row are a change."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from shared.drift.results.signals import SignalVerdict


@dataclass(frozen=True, slots=True)
class Persistence:
    """Alarm when `alarms` of the last `of` windows drifted, the newest among them. 1 of 1 alarms at once.

    Raises:
        ValueError: more alarms than windows, or none.
    """

    alarms: int = 1
    of: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.alarms <= self.of:
            raise ValueError(f"{self.alarms} of {self.of} windows is impossible; write e.g. 2 of 3")

    @classmethod
    def parse(cls, text: str) -> Persistence:
        """Return the persistence that is written as e.g. "2 of 3".

        Raises:
            ValueError: it is not of that form, or impossible.
        """
        match = re.fullmatch(r"\s*(\d{1,4})\s+of\s+(\d{1,4})\s*", text)
        if not match:
            raise ValueError(f"{text!r} is not a number of windows; write e.g. 2 of 3")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.alarms} of {self.of}"


def persists(verdicts: Sequence[SignalVerdict], persistence: Persistence) -> bool:
    """Return whether the newest window, and enough of those before it, drifted.

    Windows that could not be judged are skipped: they neither confirm drift nor end it.

    Args:
        verdicts: of one signal and one model version, oldest first; the last is the window in question.
    """
    if not verdicts or verdicts[-1] != "drift":
        return False
    judged = [verdict for verdict in verdicts if verdict in ("drift", "no-drift")]
    return judged[-persistence.of :].count("drift") >= persistence.alarms
