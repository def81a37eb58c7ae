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
from shared.reactions.spec import Work
from shared.release.core.names import release_id
from shared.release.sections.rollout import Rollout

# A version that was registered so long ago and has no release gets none by itself: its event was parked.
RELEASE_FOLLOWS = timedelta(days=1)
# A completed training that has registered nothing for so long registers nothing.
REGISTRATION_FOLLOWS = timedelta(hours=1)


def read_before(work: Work, component: str, inputs: Mapping[str, str]) -> BeforeTraining:
    """Return what is known right before a training of that component with those inputs would start.

    Raises:
        RetryableError: Azure ML did not answer.
    """
    last = _last(work.models.read(work.policy.model))
    try:
        recipe = work.workspace.recipe(component, inputs)
    except PermanentError:
        # Submitting it will say what is wrong.
        recipe = None
    endpoint = endpoints_of(work.workspace, work.policy.endpoint.type).endpoint(work.policy.endpoint.name)
    made = [] if recipe is None else [_serving(work, endpoint), _completed(work, last)]
    return BeforeTraining(
        recipe=recipe,
        made=tuple(each for each in made if each),
        newcomer=_newcomer(work, last),
        running=_running(work, last),
        doubt=_doubt(work, endpoint) if isinstance(work.fact.body, DriftDetected) else "",
    )


def _doubt(work: Work, endpoint: EndpointRecord | None) -> str:
    """Return why drift that was told trains nothing: the model is not there or not served, or nobody took that look."""
    model, name = work.policy.model, work.policy.endpoint.name
    deployments = endpoint.deployments if endpoint else ()
    serving = [each for each in deployments if each.model == model and endpoint and endpoint.traffic.get(each.name)]
    if not serving:
        return f"endpoint {name} serves no version of {model}"
    if not any(each.version and work.workspace.model(model, each.version) for each in serving):
        return f"the registry has no version of {model} that endpoint {name} serves"
    return work.looks.doubt(work.fact, work.policy) if work.looks else ""


def _last(state: ModelState) -> Training | None:
    return max(state.trainings, key=lambda training: training.started_at, default=None)


def _serving(work: Work, endpoint: EndpointRecord | None) -> Made | None:
    if endpoint is None:
        return None
    for deployment in endpoint.deployments:
        is_ours = deployment.name == endpoint.serving and deployment.model == work.policy.model
        if is_ours and deployment.version:
            model = work.workspace.model(work.policy.model, deployment.version)
            return _made(work, model.job, deployment.version) if model and model.job else None
    return None


def _completed(work: Work, last: Training | None) -> Made | None:
    return _made(work, last.job, None) if last and last.outcome == "completed" else None


def _made(work: Work, name: JobName, serving: ModelVersion | None) -> Made | None:
    job = work.workspace.job(name)
    return Made(name, job.recipe, serving) if job and job.recipe else None


def _newcomer(work: Work, last: Training | None) -> Newcomer | None:
    if work.policy.section(Rollout) is None:
        return None
    newest = next(iter(work.workspace.models_after(work.policy.model, work.now - RELEASE_FOLLOWS, 1)), None)
    if newest is not None:
        release = release_id(newest.name, newest.version)
        state = work.releases.state(release)
        if state is None:
            return Newcomer(version=newest.version)
        if not state.is_terminal:
            return Newcomer(version=newest.version, release=release)
    if active := work.releases.active_on(work.policy.endpoint.name):
        return Newcomer(release=active)
    return _unregistered(work, last, newest.created_at if newest else None)


def _unregistered(work: Work, last: Training | None, registered_at: datetime | None) -> Newcomer | None:
    """Return the training that has just completed, unless its version is in the registry."""
    if last is None or last.outcome != "completed" or last.ended_at is None:
        return None
    is_registered = registered_at is not None and registered_at > last.started_at
    is_late = work.now - last.ended_at > REGISTRATION_FOLLOWS
    return None if is_registered or is_late else Newcomer(job=last.job)


def _running(work: Work, last: Training | None) -> JobName | None:
    """Return the last training if nobody told how it ended, and Azure ML says that it has not."""
    if last is None or last.outcome is not None:
        return None
    job = work.workspace.job(last.job)
    return last.job if job and not job.has_ended else None
