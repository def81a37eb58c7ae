"""Take a running release back when an alert says that its endpoint is degraded."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from shared.domain.fact import EndpointDegraded, Fact
from shared.domain.ids import ReleaseId
from shared.domain.reaction import Reaction
from shared.domain.state import ModelState
from shared.policy.sections.model import Policy
from shared.reactions.spec import Performed, ReactionContext, ReactionSpec, arguments, done

NAME = "roll-back"


def propose(fact: Fact, policy: Policy, state: ModelState, now: datetime) -> Iterable[Reaction]:
    match fact.body:
        case EndpointDegraded(endpoint=policy.endpoint.name, condition="fired", rule=rule, detail=detail) as alert:
            # Decided now which one: by the time of acting, another release may be under way.
            sentence = f"alert {rule} fired: {detail}"
            held_by = _not_the_cause(alert.deployment, state)
            yield Reaction(NAME, policy.model, sentence, arguments(rule=rule, release=state.release), held_by)


def _not_the_cause(deployment: str | None, state: ModelState) -> str | None:
    """Return why what the release under way brings cannot be what the alert is about; None when it may be."""
    challenger = state.challenger
    if challenger is None:
        return None
    if not challenger.takes_requests:
        return f"nothing of it serves yet: release {state.release} has given {challenger.deployment} no requests so far"
    # Ids of resources come in lower case.
    if deployment and deployment.lower() != challenger.deployment.lower():
        return (
            f"another deployment: the alert names {deployment}, release {state.release} brings {challenger.deployment}"
        )
    return None


def perform(reaction: Reaction, context: ReactionContext) -> Performed:
    endpoint = context.policy.endpoint.name
    if "release" not in reaction.arguments:
        return done(reaction, f"no release was under way on endpoint {endpoint}: nothing to take back")
    release = ReleaseId(reaction.arguments["release"])
    if context.releases.active_on(endpoint) != release:
        return done(reaction, f"release {release} has ended meanwhile: nothing to take back")
    by = f"alert {reaction.arguments['rule']}"
    context.releases.request_abort(release, by, reaction.why, is_automatic=True)
    return done(reaction, f"release {release} was requested to roll back: {reaction.why}", release)


SPEC = ReactionSpec(NAME, propose, perform, looks_at_state=(EndpointDegraded,))
