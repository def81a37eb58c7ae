"""What a reaction is given, over the fact path's fakes; and its proposals without a processor around them."""

from __future__ import annotations

from datetime import timedelta

from shared.domain.fact import Fact, RunOutcome
from shared.domain.ids import JobName, ReleaseId
from shared.domain.reaction import Reaction
from shared.domain.state import Freeze, ModelState, Training
from shared.policy.sections.model import Policy
from shared.reactions.registry import reactions
from shared.reactions.spec import Performed, ReactionContext
from tests.fakes.clock import FakeClock
from tests.unit.engine.fact_world import MODEL, World, a_policy, drift
from tests.unit.events.wire import fact_from

NOW = FakeClock().now()
RELEASE = ReleaseId("churn-7")


def a_state(
    *hours_ago: float,
    cause: str = "drift",
    chain: int = 0,
    frozen: str = "",
    release: bool = False,
    outcome: RunOutcome | None = "completed",
) -> ModelState:
    """Return a state with trainings that long ago; they have ended, unless `outcome` is None."""
    key = fact_from(drift()).key
    trainings = (
        Training(JobName(f"job-{h:g}"), key, cause, NOW - timedelta(hours=h), chain, outcome) for h in hours_ago
    )
    freeze = Freeze(frozen, NOW, key) if frozen else None
    return ModelState(MODEL, tuple(trainings), freeze, RELEASE if release else None)


def proposed(name: str, body: str, state: ModelState | None = None, policy: Policy | None = None) -> list[Reaction]:
    spec = reactions()[name]
    return list(spec.propose(fact_from(body), policy or a_policy(), state or ModelState(MODEL), NOW))


def context_for(world: World, fact: Fact, number: int = 0) -> ReactionContext:
    return ReactionContext(
        fact=fact,
        policy=world.policies[0],
        number=number,
        now=world.clock.now(),
        workspace=world.azureml,
        models=world.models,
        releases=world.desk,
    )


def perform(world: World, name: str, body: str, reaction: Reaction | None = None) -> Performed:
    """Perform the reaction's only proposal about the event (or the given reaction)."""
    if reaction is None:
        (reaction,) = proposed(name, body, policy=world.policies[0])
    return reactions()[name].perform(reaction, context_for(world, fact_from(body)))
