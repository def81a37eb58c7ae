"""A smoke test's load: what it proves, what stops it early, and that every request counts once at most."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest
from scipy.special import bdtr

from shared.domain.ids import DeploymentName, EndpointName
from shared.domain.releases.measurement import LoadCount
from shared.domain.releases.plan import LoadPlan, SmokeTestPlan
from shared.domain.releases.release import ReleaseState
from shared.errors import RetryableError
from shared.ports.workspace import Answer
from shared.release.core.observation import Observation
from shared.release.states.smoke_test import smoke_tested
from tests.fakes.releases import NOW, a_plan, a_release
from tests.fakes.workspace import FakeWorkspace
from tests.unit.engine.release_world import Killed, World

SAMPLE = "azureml:requests@latest"
LOAD = LoadPlan(SAMPLE, 600, 5.0, 0.01, timedelta(milliseconds=300), 0.05)
GOOD = Answer(200, 0.1, "[0.5]")
Answering = Callable[[int], Answer | None]


@dataclass
class LoadedWorkspace(FakeWorkspace):
    """Answers the n-th request of the load as the test says; `dies_at` that portion the worker is killed, once."""

    answering: Answering = lambda number: GOOD
    dies_at: int | None = None
    sizes: list[int] = field(default_factory=list)

    def probe(
        self,
        endpoint: EndpointName,
        requests: Sequence[tuple[DeploymentName, str]],
        within: timedelta,
        per_second: float = 0.0,
    ) -> tuple[Answer | None, ...]:
        self._raise("probe")
        first = len(self.probes)
        self.probes += requests
        self.sizes.append(len(requests))
        if self.dies_at is not None and len(self.sizes) == self.dies_at:
            self.dies_at = None
            raise Killed
        return tuple(self.answering(number) for number in range(first, first + len(requests)))


class LoadedWorld(World):
    def __init__(self, answering: Answering = lambda number: GOOD) -> None:
        super().__init__()
        models, endpoints = self.workspace.models, self.workspace.endpoints
        self.loaded = LoadedWorkspace(models=models, endpoints=endpoints, answering=answering)
        self.workspace = self.loaded
        self.data.tables[SAMPLE] = pd.DataFrame({"request": [f"[{n}]" for n in range(100)], "churn": 0.5})

    def ended(self, **load: Any) -> Any:
        release = self.open(smoke_test=SmokeTestPlan("", load=replace(LOAD, **load)))
        self.run()
        return self.release(release)


def every(count: int, answer: Answer | None) -> Answering:
    return lambda number: answer if number % count == 0 else GOOD


def test_a_load_is_sent_to_the_new_version_in_portions_before_it_gets_traffic() -> None:
    world = LoadedWorld()

    release = world.ended()

    assert release.state is ReleaseState.FINISHED
    assert {deployment for deployment, _ in world.loaded.probes} == {"v-2"}
    assert world.loaded.sizes == [50] * 12
    up = next(transition for transition in release.history if transition.left is ReleaseState.DEPLOYING)
    assert "a load of 600 requests: 0 of 600 failed, at most 0.50% at 95% confidence (1.00% may)" in up.reason
    assert up.at - release.history[2].at >= 11 * timedelta(seconds=20)


@pytest.mark.parametrize(
    ("answering", "sentence", "sent"),
    [
        pytest.param(lambda number: None, "of a load of 600 requests, 50 of 50 failed; 1.00% may", 50, id="dead"),
        pytest.param(every(10, Answer(400, 0.1, "")), "failed; 1.00% may", 150, id="refusing"),
        pytest.param(every(4, Answer(200, 0.4, "")), "took longer than 0.3 s; 5.00% may", 200, id="slow"),
        pytest.param(
            every(100, None), "too few requests to tell: 6 of 600 failed, at most 1.96%", 600, id="too_close_to_tell"
        ),
    ],
)
def test_a_version_that_does_not_pass_gets_no_traffic(answering: Answering, sentence: str, sent: int) -> None:
    world = LoadedWorld(answering)

    release = world.ended()

    assert release.state is ReleaseState.FAILED
    assert sentence in release.reason
    assert len(world.loaded.probes) == sent
    assert world.traffic == {"v-1": 100}


def test_what_a_worker_that_died_had_sent_counts_nowhere() -> None:
    world = LoadedWorld()
    world.loaded.dies_at = 3
    release = world.open(smoke_test=SmokeTestPlan("", load=LOAD))
    with pytest.raises(Killed):
        world.run()
    world.clock.advance(timedelta(minutes=5))
    world.sweep()

    world.run()

    assert world.release(release).load == LoadCount(600, 600)
    assert len(world.loaded.probes) == 650


def test_an_endpoint_that_does_not_answer_now_is_asked_again() -> None:
    world = LoadedWorld()
    world.loaded.errors["probe"] = [RetryableError("x", "busy")] * 3

    release = world.ended()

    assert (release.state, release.load) == (ReleaseState.FINISHED, LoadCount(600, 600))


def test_a_load_that_a_person_holds_is_not_sent_for_ever() -> None:
    world = LoadedWorld()
    release = world.open(smoke_test=SmokeTestPlan("", load=LOAD))
    world.run(until=lambda: world.release(release).load is not None)
    world.desk.request_hold(release, "ana@example.com", "wait")

    world.run(longest=timedelta(hours=1))

    assert world.release(release).state is ReleaseState.DEPLOYING
    assert len(world.loaded.probes) == 600


@pytest.mark.parametrize(
    ("text", "tolerance", "passes"),
    [
        ("[0.5]", 0.0, True),
        ('{"predictions": [[0.501]]}', 0.01, True),
        ("[0.51]", 0.001, False),
        ('["yes"]', 0.01, False),
        ("not JSON", 1.0, False),
    ],
)
def test_answers_are_those_that_were_recorded(text: str, tolerance: float, passes: bool) -> None:
    world = LoadedWorld(lambda number: Answer(200, 0.1, text))

    release = world.ended(expected="churn", tolerance=tolerance)

    assert (release.state is ReleaseState.FINISHED) is passes
    assert passes or f"are not as expected, e.g. {text} instead of 0.5" in release.reason
    assert [body for _, body in world.loaded.probes[:2]] == ["[0]", "[1]"]


def test_a_sample_without_the_answers_ends_the_release_at_once() -> None:
    release = LoadedWorld().ended(expected="nobody")

    assert release.state is ReleaseState.FAILED
    assert release.reason.endswith("the sample of requests has no column nobody")


@pytest.mark.parametrize("requests", [300, 600, 1000])
@pytest.mark.parametrize("share", [0.01, 0.05])
def test_a_version_at_the_bound_passes_once_in_twenty_at_most(requests: int, share: float) -> None:
    plan = replace(LOAD, requests=requests, errors_at_most=share, slow_after=None)
    release = replace(a_release(plan=a_plan()), state=ReleaseState.DEPLOYING)

    def passes(failed: int) -> bool:
        counted = replace(release, load=LoadCount(requests, requests - failed))
        return smoke_tested(counted, SmokeTestPlan("", load=plan), Observation(), NOW).kind == "passed"

    most = max((failed for failed in range(requests) if passes(failed)), default=-1)
    assert bdtr(most, requests, share) <= 0.05 < bdtr(most + 1, requests, share)
