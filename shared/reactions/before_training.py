"""Reads what a training would be made of, what was made before, and what is on its way to the endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from shared.domain.fact import DriftDetected
from shared.domain.ids import JobName, ModelVersion
from shared.domain.state import ModelState, Training
from shared.domain.training import BeforeTraining, Made, Newcomer
from shared.errors import PermanentError
from shared.ports.endpoints import EndpointRecord
from shared.ports.workspace import endpoints_of
from shared.reactions.spec import ReactionContext
from shared.release.core.names import release_id
from shared.release.sections.rollout import Rollout

# A version that was registered so long ago and has no release gets none by itself: its event was parked.
RELEASE_FOLLOWS = timedelta(days=1)
# A completed training that has registered nothing for so long registers nothing.
REGISTRATION_FOLLOWS = timedelta(hours=1)


def read_before(context: ReactionContext, component: str, inputs: Mapping[str, str]) -> BeforeTraining:
    """Return what is known right before a training of that component with those inputs would start.

    Raises:
        RetryableError: Azure ML did not answer.
    """
    last = _last(context.models.read(context.policy.model))
    try:
        recipe = context.workspace.recipe(component, inputs)
    except PermanentError:
        # Submitting it will say what is wrong.
        recipe = None
    endpoint = _endpoint(context)
    made = [] if recipe is None else [_serving(context, endpoint), _completed(context, last)]
    return BeforeTraining(
        recipe=recipe,
        made=tuple(deployment for deployment in made if deployment),
        newcomer=_newcomer(context, last),
        running=_running(context, last),
        doubt=_doubt(context, endpoint) if isinstance(context.fact.body, DriftDetected) else "",
    )


def serving_training(context: ReactionContext) -> Made | None:
    """Return the training of the version that serves; None when it is not known."""
    return _serving(context, _endpoint(context))


def _endpoint(context: ReactionContext) -> EndpointRecord | None:
    return endpoints_of(context.workspace, context.policy.endpoint.type).endpoint(context.policy.endpoint.name)


def _doubt(context: ReactionContext, endpoint: EndpointRecord | None) -> str:
    """Return why the reported drift starts no training: the model does not exist or is not served, or no such look."""
    model, name = context.policy.model, context.policy.endpoint.name
    deployments = endpoint.deployments if endpoint else ()
    serving = [
        deployment
        for deployment in deployments
        if deployment.model == model and endpoint and endpoint.traffic.get(deployment.name)
    ]
    if not serving:
        return f"endpoint {name} serves no version of {model}"
    if not any(deployment.version and context.workspace.model(model, deployment.version) for deployment in serving):
        return f"the registry has no version of {model} that endpoint {name} serves"
    return context.looks.doubt(context.fact, context.policy) if context.looks else ""


def _last(state: ModelState) -> Training | None:
    return max(state.trainings, key=lambda training: training.started_at, default=None)


def _serving(context: ReactionContext, endpoint: EndpointRecord | None) -> Made | None:
    if endpoint is None:
        return None
    for deployment in endpoint.deployments:
        is_ours = deployment.name == endpoint.serving and deployment.model == context.policy.model
        if is_ours and deployment.version:
            model = context.workspace.model(context.policy.model, deployment.version)
            return _made(context, model.job, deployment.version) if model and model.job else None
    return None


def _completed(context: ReactionContext, last: Training | None) -> Made | None:
    return _made(context, last.job, None) if last and last.outcome == "completed" else None


def _made(context: ReactionContext, name: JobName, serving: ModelVersion | None) -> Made | None:
    job = context.workspace.job(name)
    return Made(name, job.recipe, serving) if job and job.recipe else None


def _newcomer(context: ReactionContext, last: Training | None) -> Newcomer | None:
    if context.policy.section(Rollout) is None:
        return None
    newest = next(iter(context.workspace.models_after(context.policy.model, context.now - RELEASE_FOLLOWS, 1)), None)
    if newest is not None:
        release = release_id(newest.name, newest.version)
        state = context.releases.state(release)
        if state is None:
            return Newcomer(version=newest.version)
        if not state.is_terminal:
            return Newcomer(version=newest.version, release=release)
    if active := context.releases.active_on(context.policy.endpoint.name):
        return Newcomer(release=active)
    return _unregistered(context, last, newest.created_at if newest else None)


def _unregistered(context: ReactionContext, last: Training | None, registered_at: datetime | None) -> Newcomer | None:
    """Return the training that has just completed, unless its version is in the registry."""
    if last is None or last.outcome != "completed" or last.ended_at is None:
        return None
    is_registered = registered_at is not None and registered_at > last.started_at
    is_late = context.now - last.ended_at > REGISTRATION_FOLLOWS
    return None if is_registered or is_late else Newcomer(job=last.job)


def _running(context: ReactionContext, last: Training | None) -> JobName | None:
    """Return the last training if nobody told how it ended, and Azure ML says that it has not."""
    if last is None or last.outcome is not None:
        return None
    job = context.workspace.job(last.job)
    return last.job if job and not job.has_ended else None
