"""What a reaction's file exports, and what it is given to act with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from pydantic import BaseModel

from shared.domain.fact import Fact, RetrainingRequested
from shared.domain.ids import EndpointName, FactKey, ModelName, ReleaseId
from shared.domain.notice import Notice, NoticeKind
from shared.domain.reaction import Reaction, ReactionResult
from shared.domain.releases.release import Release, ReleaseState
from shared.domain.state import ModelState
from shared.policy.reading.people import Directory
from shared.policy.sections.model import Policy
from shared.ports.labels import LabelDesk
from shared.ports.workspace import Workspace


class ModelMemory(Protocol):
    def read(self, model: ModelName) -> ModelState: ...

    def update(self, model: ModelName, change: Callable[[ModelState], ModelState]) -> ModelState:
        """Apply `change` to the newest state, by compare-and-set; it may run several times."""
        ...


class Looks(Protocol):
    def doubt(self, fact: Fact, policy: Policy) -> str:
        """Return why the monitor's look that the fact tells of is not known here; "" when it is."""
        ...


class Releases(Protocol):
    def open(self, release: Release) -> bool:
        """Store a new release and have it looked at; False when it was opened before."""
        ...

    def active_on(self, endpoint: EndpointName) -> ReleaseId | None:
        """Return the release that owns the endpoint now."""
        ...

    def state(self, release: ReleaseId) -> ReleaseState | None:
        """Return how far a release is; None when it was never opened."""
        ...

    def under_way(self, endpoint: EndpointName) -> Release | None:
        """Return the same release, whole."""
        ...

    def request_abort(self, release: ReleaseId, by: str, reason: str, *, is_automatic: bool = False) -> None:
        """Ask for an abort, which always wins; asking twice is harmless."""
        ...


@dataclass(frozen=True, slots=True)
class ReactionContext:
    """One planned reaction's surroundings.

    Args:
        number: its place in the plan; together with the fact's key it names every effect.
        people: who is who, for names that Azure shows.
        looks: which looks of monitors are known; without it none is looked up.
    """

    fact: Fact
    policy: Policy
    number: int
    now: datetime
    workspace: Workspace
    models: ModelMemory
    releases: Releases
    labels: LabelDesk | None = None
    people: Directory = field(default_factory=Directory)
    looks: Looks | None = None

    @property
    def key(self) -> FactKey:
        return self.fact.key

    @property
    def effect_name(self) -> str:
        """Return a name no other effect has, and this one has however often it is repeated."""
        return f"{self.key[:16]}-{self.number}"

    def notice(self, kind: NoticeKind, **parameters: str) -> Notice:
        """Return a notice whose key is the same whenever this reaction is repeated."""
        return Notice(kind, f"{kind}/{self.effect_name}", self.policy.model, parameters)

    def daily_notice(self, kind: NoticeKind, about: str, **parameters: str) -> Notice:
        """Return a notice that people get once a day at most, however many facts tell the same.

        Drift that lasts is measured window after window; saying it every time teaches people to look away.
        """
        key = f"{kind}/{self.policy.model}/{about}/{self.now:%Y-%m-%d}"
        return Notice(kind, key, self.policy.model, parameters)


@dataclass(frozen=True, slots=True)
class Performed:
    outcome: ReactionResult
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class ReactionSpec:
    """A reaction, as its file exports it under the name SPEC.

    Args:
        name: imperative, with hyphens; policies' plans are stored with it.
        propose: pure; what the policy wants done about a fact.
        perform: does it. Must be repeatable: it may run again after a crash at any line.
        sections: YAML key to the type of the policy section it reads.
        hold_back: does what is to be done instead of a reaction that a guardrail held back; repeatable, too.
        looks_at_state: body types of the facts for which `propose` looks at the state. Storage is read for these
            only; with the others, the state that `propose` is given is empty.
    """

    name: str
    propose: Callable[[Fact, Policy, ModelState, datetime], Iterable[Reaction]]
    perform: Callable[[Reaction, ReactionContext], Performed]
    sections: Mapping[str, type[BaseModel]] = field(default_factory=dict)
    looks_at_state: tuple[type, ...] = (object,)
    hold_back: Callable[[Reaction, ReactionContext], Performed] = lambda reaction, context: notify_held_back(
        reaction, context
    )


def notify_held_back(reaction: Reaction, context: ReactionContext) -> Performed:
    """Return that a guardrail held the reaction back when it was decided, and the notice that tells so."""
    reason = reaction.suppressed or ""
    return held_back(reaction, reason, suppression_notice(reaction, reason, context))


def done(reaction: Reaction, detail: str, effect: str = "", *notices: Notice) -> Performed:
    return Performed(ReactionResult(reaction.name, "done", detail, effect), notices)


def held_back(reaction: Reaction, reason: str, *notices: Notice) -> Performed:
    return Performed(ReactionResult(reaction.name, "suppressed", reason), notices)


def suppression_notice(reaction: Reaction, reason: str, context: ReactionContext) -> Notice:
    """Return the notice that a guardrail held the reaction back; once a day per kind of reason."""
    if isinstance(context.fact.body, RetrainingRequested):
        # Somebody asked and waits for an answer, however often it is the same.
        return context.notice(NoticeKind.REACTION_SUPPRESSED, what=reaction.name, reason=reason)
    about = f"{reaction.name}/{reason.partition(':')[0]}"
    return context.daily_notice(NoticeKind.REACTION_SUPPRESSED, about, what=reaction.name, reason=reason)


def arguments(**values: Any) -> dict[str, str]:
    """Return the values as text, without those that are None."""
    return {name: str(value) for name, value in values.items() if value is not None}
