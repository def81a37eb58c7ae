"""What Vigia decided to do about a fact, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from shared.domain.ids import ModelName


@dataclass(frozen=True, slots=True)
class Reaction:
    """One decided effect, or one decided against.

    Args:
        name: the registered reaction, imperative: "start-training".
        arguments: what it needs to act, all text, so that a stored plan stays readable.
        why: the rule and the evidence, in one sentence for people.
        suppressed: why a guardrail holds it back; None when it is to be done.
    """

    name: str
    model: ModelName
    why: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    suppressed: str | None = None


@dataclass(frozen=True, slots=True)
class ReactionResult:
    """What performing a reaction led to, as the ledger stores it. `effect` names the job or release made, if any."""

    reaction: str
    status: Literal["done", "suppressed", "failed"]
    detail: str
    effect: str = ""
