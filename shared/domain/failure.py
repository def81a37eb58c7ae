"""Why something that was asked of Azure ML failed, as far as Azure ML can say."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Failure:
    """What is known of a job or a deployment that failed; each part is empty when it cannot be read.

    Args:
        reason: the innermost message of the error.
        log: the last lines of the log, each closed by a line feed but the last.
        link: the page of the studio that shows it.
    """

    reason: str = ""
    log: str = ""
    link: str = ""

    @property
    def words(self) -> str:
        """Return the reason; without one, the last line of the log."""
        return self.reason or self.log.rpartition("\n")[2]

    def added_to(self, sentence: str) -> str:
        return f"{sentence}: {self.words}" if self.words else sentence

    @property
    def parameters(self) -> dict[str, str]:
        """Return log and link as a notice's parameters; its facts have one line each."""
        values = {"log": self.log.replace("\n", " · "), "studio": self.link}
        return {name: value for name, value in values.items() if value}


UNKNOWN = Failure()
