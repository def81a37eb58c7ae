"""What the sections of a policy file have in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from shared.policy.sections.model import Policy


class Section(BaseModel):
    """A mapping in a policy file: strict, frozen, unknown keys refused.

    Sections that are lists are `RootModel[tuple[X, ...]]` instead, with X a Section; they may define
    `problems` too.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    def problems(self, policy: Policy) -> Iterable[tuple[str, str]]:  # noqa: ARG002
        """Yield (YAML path within the section, message) for a plan that cannot work; the message says
        what is wrong and what to write instead, separated by a semicolon. The path may be empty, or
        e.g. "judge.latency.quantile" or "2.at"."""
        return ()
