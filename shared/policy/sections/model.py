"""A policy: how its owner wants one model to be handled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol, TypeVar

from shared.domain.fact import Fact
from shared.domain.ids import EndpointName, ModelName
from shared.domain.reaction import Reaction
from shared.domain.releases.plan import KubernetesPlan
from shared.domain.state import ModelState
from shared.metrics.catalogue import Task

S = TypeVar("S")


class Rule(Protocol):
    """What a reaction contributes to decisions: pure, called once per fact and policy."""

    @property
    def name(self) -> str: ...

    @property
    def looks_at_state(self) -> tuple[type, ...]:
        """Return the facts' body types for which `propose` looks at the state."""
        ...

    def propose(self, fact: Fact, policy: Policy, state: ModelState, now: datetime) -> Iterable[Reaction]:
        """Return the reactions this rule proposes; guardrails may still suppress them."""
        ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`kubernetes` is None for an endpoint that Azure manages."""

    name: EndpointName
    type: Literal["online", "batch"]
    kubernetes: KubernetesPlan | None = None


@dataclass(frozen=True, slots=True)
class People:
    """E-mail addresses; `approvers` may be empty."""

    owner: str
    approvers: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    """One policy file, loaded.

    Args:
        sections: the sections that reactions declared, by YAML key.
        rules: the reactions that may propose, in the order they are called.
        digest: sha256 of the file's bytes; every decision is stored with it.
        path: the file, for messages.
        workspace: its name in workspaces.yaml; "" is the app's own.
        task: what the model answers; None when the file does not say.
    """

    model: ModelName
    kind: Literal["tabular", "vision", "text"]
    endpoint: Endpoint
    people: People
    digest: str
    path: str
    sections: Mapping[str, object] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    workspace: str = ""
    task: Task | None = None

    def section(self, section_type: type[S]) -> S | None:
        """Return the section of that type, or None when the file does not have it."""
        return next((section for section in self.sections.values() if isinstance(section, section_type)), None)
