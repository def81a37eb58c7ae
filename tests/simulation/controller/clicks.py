"""What people do, through the functions that the command line and the approval page call."""

from __future__ import annotations

from collections.abc import Callable

from shared.domain.ids import DeploymentName, EndpointName, FactKey, ModelVersion, ReleaseId
from shared.engine.releases.approvals import Choice
from shared.engine.releases.reopen import Wish
from shared.release.open_release import Opening, new_release
from tests.simulation.controller.story import SUBMITTER, Click, Story
from tests.simulation.controller.world import World

REASON = "complaints"
FIRST = DeploymentName("v-1")


def do(world: World, story: Story, click: Click) -> None:
    """Do it, as a worker of its own: a person's command may die, or get no answer, like any other."""
    if click.what in _IN_THE_PORTAL:
        _IN_THE_PORTAL[click.what](world, EndpointName(click.model), DeploymentName(f"v-{click.version}"))
    elif click.what in {"open", "undo", "retry"}:
        _begin(world, story, click)
    elif click.what in {"approve", "reject"}:
        question = world.approvals.question(_release(click))
        if question is not None:
            choice: Choice = "approve" if click.what == "approve" else "reject"
            world.approvals.vote(_release(click), question.request.digest, click.who, choice, REASON)
    else:
        _ask(world, click)


def _release(click: Click) -> ReleaseId:
    return ReleaseId(f"{click.model}-{click.version}")


def _ask(world: World, click: Click) -> None:
    release = _release(click)
    match click.what:
        case "abort":
            world.desk.request_abort(release, click.who, REASON)
        case "hold":
            world.desk.request_hold(release, click.who, REASON)
        case "resume":
            world.desk.request_resume(release, click.who, REASON)
        case "promote":
            stored = world.releases.load(release)
            if stored is not None:
                world.desk.request_promotion(release, stored.release.step_index, click.who, REASON)
        case _:
            raise ValueError(click.what)


def _begin(world: World, story: Story, click: Click) -> None:
    endpoint = EndpointName(click.model)
    if click.what == "undo":
        world.undoer.open(Wish(click.model, endpoint, ModelVersion("1"), click.who, REASON), story.plan)
    elif click.what == "retry":
        world.retrier.open(Wish(click.model, endpoint, ModelVersion(click.version), click.who, REASON), story.plan)
    else:
        _open(world, story, click)


def _split(world: World, endpoint: EndpointName, challenger: DeploymentName) -> None:
    endpoint_now = world.azureml.at(endpoint, world.run.now)
    if (
        endpoint_now
        and {challenger, FIRST} <= endpoint_now.deployments.keys()
        and not endpoint_now.coming
        and not endpoint_now.mirror
    ):
        world.azureml.set_traffic(endpoint, {challenger: 30, FIRST: 70}, world.run.now, "hand")


def _take_down(world: World, endpoint: EndpointName, name: DeploymentName) -> None:
    endpoint_now = world.azureml.at(endpoint, world.run.now)
    if endpoint_now and name in endpoint_now.deployments:
        endpoint_now.deployments[name].down_since = world.run.now


_IN_THE_PORTAL: dict[str, Callable[[World, EndpointName, DeploymentName], None]] = {
    "split": _split,
    "scale up": lambda world, endpoint, name: world.azureml.scale(endpoint, name, 3, world.run.now, "hand"),
    "delete": lambda world, endpoint, name: world.azureml.remove(endpoint, name, world.run.now, "hand"),
    "break": _take_down,
    "break champion": lambda world, endpoint, _: _take_down(world, endpoint, FIRST),
}


def _open(world: World, story: Story, click: Click) -> None:
    opening = Opening(
        model=click.model,
        version=ModelVersion(click.version),
        endpoint=EndpointName(click.model),
        fact=FactKey(f"fact-{click.model}-{click.version}"),
        submitter=SUBMITTER,
        cause="registered by ana@example.com",
    )
    world.desk.open(new_release(opening, story.plan, world.run.now))
