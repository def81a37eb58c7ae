"""Other ways to all the traffic than a canary: shadow, blue-green, undo; and a person's promotion."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.ids import ModelName, ModelVersion, ReleaseId
from shared.domain.releases.plan import GatePlan, SmokeTestPlan
from shared.domain.releases.release import Release, ReleaseState
from shared.engine.releases.reopen import Wish
from shared.errors import PermanentError, RetryableError
from shared.ports.jobs import JobRequest
from shared.ports.workspace import Answer
from tests.fakes.releases import a_plan
from tests.unit.engine.release_world import ENDPOINT, NO_APPROVAL, World

SHADOW: dict[str, Any] = {"strategy": "shadow", "mirror": 50}
SWITCH: dict[str, Any] = {"strategy": "blue-green", "steps": (100,)}


def writes(world: World) -> list[tuple[str, str]]:
    return [call for call in world.workspace.calls if call[0] in {"set_mirror", "set_traffic"}]


def entered(release: Release) -> list[str]:
    return [move.entered.value for move in release.history]


def test_a_shadow_is_measured_on_copies_and_then_goes_through_the_steps() -> None:
    world = World()
    release = world.open(**SHADOW)

    world.run()

    ended = world.release(release)
    assert (ended.state, ended.traffic_steps) == (ReleaseState.FINISHED, (10, 50, 95, 100))
    assert entered(ended)[:5] == ["gating", "evaluating", "deploying", "shadowing", "canary"]
    assert writes(world) == [
        ("set_mirror", "v-2=50"),
        ("set_mirror", ""),
        ("set_traffic", "v-1=90,v-2=10"),
        ("set_traffic", "v-1=50,v-2=50"),
        ("set_traffic", "v-1=5,v-2=95"),
        ("set_traffic", "v-2=100"),
    ]


def test_a_bad_version_fails_in_the_shadow_and_answers_nobody() -> None:
    world = World()
    world.error_share["v-2"] = 0.2
    release = world.open(**SHADOW)

    world.run()

    ended = world.release(release)
    assert (ended.state, ended.traffic_steps) == (ReleaseState.ROLLED_BACK, ())
    assert ended.reason.startswith("in the shadow, ")
    assert writes(world) == [("set_mirror", "v-2=50"), ("set_mirror", "")]
    assert world.workspace.endpoints[ENDPOINT].mirror_traffic == {}
    assert world.traffic == {"v-1": 100}


def test_an_abort_in_the_shadow_ends_the_copies_and_leaves_the_traffic_as_it_is() -> None:
    world = World()
    release = world.open(**SHADOW)
    world.run(until=lambda: bool(world.workspace.endpoints[ENDPOINT].mirror_traffic))
    world.desk.request_abort(release, "ana@example.com", "not today")

    world.run()

    assert world.release(release).state is ReleaseState.ABORTED
    assert world.workspace.endpoints[ENDPOINT].mirror_traffic == {}
    assert writes(world)[-1] == ("set_mirror", "")


def test_a_shadow_without_measurements_is_given_up() -> None:
    world = World()
    release = world.open(**SHADOW)
    world.run(until=lambda: world.release(release).state is ReleaseState.SHADOWING)
    world.telemetry.errors = [RetryableError("monitor.down", "no answer")] * 10_000

    world.run()

    ended = world.release(release)
    assert ended.state is ReleaseState.ABORTED
    assert "no verdict within 40 min in the shadow" in ended.reason


def test_a_first_version_has_nothing_to_shadow() -> None:
    world = World(champion=False)
    release = world.open("1", **SHADOW)

    world.run()

    assert world.release(release).state is ReleaseState.FINISHED
    assert writes(world) == [("set_traffic", "v-1=100")]


def test_blue_green_switches_after_the_smoke_test_and_watches() -> None:
    world = World()
    release = world.open(**SWITCH, smoke_test=SmokeTestPlan("[[1]]", timedelta(seconds=2)))

    world.run()

    ended = world.release(release)
    assert (ended.state, ended.traffic_steps) == (ReleaseState.FINISHED, (95, 100))
    assert ended.history[3].reason == "deployment v-2 is up and answered the smoke test"
    assert writes(world) == [("set_traffic", "v-1=5,v-2=95"), ("set_traffic", "v-2=100")]


def test_blue_green_switches_back_when_the_new_version_fails() -> None:
    world = World()
    world.error_share["v-2"] = 0.2
    release = world.open(**SWITCH)

    world.run()

    assert world.release(release).state is ReleaseState.ROLLED_BACK
    assert writes(world) == [("set_traffic", "v-1=5,v-2=95"), ("set_traffic", "v-1=100")]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        pytest.param(Answer(424, 0.1, "KeyError: carrier"), "with 424: KeyError: carrier", id="an_error"),
        pytest.param(Answer(200, 3.2, "[0.5]"), "it took 3.2 s for the smoke test, and may take 2 s", id="slow"),
    ],
)
def test_who_fails_the_smoke_test_gets_no_traffic(answer: Answer, sentence: str) -> None:
    world = World()
    world.workspace.answers = [answer]
    release = world.open(smoke_test=SmokeTestPlan("[[1]]", timedelta(seconds=2)))

    world.run()

    assert world.release(release).state is ReleaseState.FAILED
    assert sentence in world.release(release).reason
    assert writes(world) == []


def test_a_slow_first_answer_is_no_failure() -> None:
    world = World()
    world.workspace.answers = [Answer(200, 9.0, ""), Answer(200, 0.1, "")]
    world.workspace.errors = {"score": [RetryableError("workspace.no_answer", "not yet")]}
    release = world.open(smoke_test=SmokeTestPlan("[[1]]", timedelta(seconds=2)))

    world.run()

    assert world.release(release).state is ReleaseState.FINISHED


def baking(world: World, **plan: Any) -> ReleaseId:
    release = world.open(**plan)
    world.run(until=lambda: world.release(release).phase == "baking")
    return release


def test_a_person_may_end_the_bake_of_one_step() -> None:
    world = World()
    release = baking(world)
    began = world.clock.now()
    world.desk.request_promotion(release, 0, "ana@example.com", "a hotfix")

    world.run(until=lambda: world.release(release).traffic_steps == (10, 50))
    assert world.clock.now() - began < timedelta(minutes=3)
    moved = world.release(release).history[-1]
    world.run(until=lambda: world.release(release).traffic_steps == (10, 50, 95))

    assert moved.reason.startswith("ana@example.com asked to promote: a hotfix; the judge had said inconclusive")
    # The next step bakes as long as it should: the promotion was for one.
    assert world.clock.now() - began > timedelta(minutes=8)


def test_a_promotion_in_the_shadow_begins_the_steps() -> None:
    world = World()
    release = baking(world, **SHADOW)
    world.desk.request_promotion(release, -1, "ana@example.com", "seen enough")

    world.run(until=lambda: world.release(release).traffic_steps == (10,))

    assert "ana@example.com asked to promote" in world.release(release).history[-1].reason


def test_nobody_promotes_past_a_failure() -> None:
    world = World()
    world.error_share["v-2"] = 0.5
    release = baking(world)
    world.run(
        until=lambda: (
            world.clock.now() - (world.release(release).traffic_since or world.clock.now()) > timedelta(minutes=4)
        )
    )
    world.desk.request_promotion(release, 0, "ana@example.com", "never mind")

    world.run()

    assert world.release(release).state is ReleaseState.ROLLED_BACK
    assert world.traffic == {"v-1": 100}


def wish(version: str) -> Wish:
    return Wish(ModelName("flight-delay"), ENDPOINT, ModelVersion(version), "ana@example.com", "worse on holidays")


def finished(world: World, *versions: str) -> None:
    for version in versions:
        release = world.open(version)
        world.run()
        assert world.release(release).state is ReleaseState.FINISHED


def test_an_earlier_version_comes_back_through_the_steps_and_without_gates() -> None:
    world = World()
    finished(world, "2", "3")
    world.workspace.calls.clear()

    release = world.undoer.open(wish("2"), a_plan(approval=a_plan().approval))
    world.run()

    ended = world.release(release.id)
    assert release.id == "flight-delay-2-r2"
    assert (ended.state, ended.traffic_steps) == (ReleaseState.FINISHED, (10, 50, 95, 100))
    assert entered(ended)[:3] == ["gating", "deploying", "canary"]
    assert ended.history[1].reason == "ana@example.com wants version 2 back: worse on holidays"
    assert world.traffic == {"v-2": 100}
    assert not [call for call in world.workspace.calls if call[0] in {"submit_job", "create_deployment"}]


def test_a_version_comes_back_as_often_as_people_want() -> None:
    world = World()
    finished(world, "2", "3")
    ids = []
    for version in ("2", "3", "2"):
        ids.append(world.undoer.open(wish(version), a_plan(approval=NO_APPROVAL)).id)
        world.run()

    assert ids == ["flight-delay-2-r2", "flight-delay-3-r2", "flight-delay-2-r3"]
    assert world.traffic == {"v-2": 100}


def test_a_version_that_was_there_before_any_release_comes_back_too() -> None:
    world = World()
    finished(world, "2")

    release = world.undoer.open(wish("1"), a_plan(approval=NO_APPROVAL))
    world.run()

    assert world.traffic == {"v-1": 100}
    assert world.release(release.id).undo is not None


@pytest.mark.parametrize(
    ("version", "sentence"),
    [
        pytest.param("9", "the registry has no flight-delay:9", id="gone"),
        pytest.param("2", "flight-delay:2 serves already", id="serves"),
        pytest.param("3", "flight-delay:3 never served on flight-delay", id="never_served"),
    ],
)
def test_what_cannot_come_back_is_refused(version: str, sentence: str) -> None:
    world = World()
    finished(world, "2")
    with pytest.raises(PermanentError, match=sentence):
        world.undoer.open(wish(version), a_plan())


def test_an_undo_does_not_push_past_a_running_release() -> None:
    world = World()
    finished(world, "2")
    world.open("3")
    world.run(until=lambda: world.traffic.get("v-3") == 10)

    with pytest.raises(PermanentError, match="release flight-delay-3 is under way"):
        world.undoer.open(wish("1"), a_plan())


def test_the_form_that_is_released_is_a_version_of_its_own() -> None:
    world = World()
    world.workspace.register("flight-delay", "2")
    world.workspace.register("flight-delay", "3", tags={"converted_from": "2"})
    trained, onnx = world.open("2", package="onnx"), world.open("3", package="onnx")

    world.run()

    assert world.release(trained).state is ReleaseState.SUPERSEDED
    assert world.release(trained).reason.endswith("the version with tag converted_from: 2")
    assert world.release(onnx).state is ReleaseState.FINISHED
    (request,) = (request for request in world.workspace.requests if isinstance(request, JobRequest))
    assert request.inputs["original"] == "azureml:flight-delay:2"


@pytest.mark.parametrize(("failed", "state"), [(0, ReleaseState.FINISHED), (1, ReleaseState.REJECTED)])
def test_an_evaluation_may_hold_the_models_own_tests_and_no_rows(failed: int, state: ReleaseState) -> None:
    world = World()
    release = world.open(gates=(GatePlan("tests", {"at_least": 20}),))
    folder = f"azureml://datastores/workspaceblobstore/paths/azureml/eval-{release}/scores"
    del world.data.tables[f"{folder}/"]
    world.data.documents[f"{folder}/tests.json"] = {"passed": 20, "failed": failed}

    world.run()

    assert world.release(release).state is state
