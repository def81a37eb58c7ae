"""A/B tests and arriving labels from the registration to the end, over the real stores and reconciler."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from shared.domain.ids import DeploymentName, EndpointName
from shared.domain.releases.outcome import AbPlan, LabelSource, QualityPlan
from shared.domain.releases.release import Release, ReleaseState
from shared.errors import RetryableError
from tests.fakes.data import FakeData
from tests.fakes.releases import NOW, a_plan
from tests.unit.engine.release_world import World

ASSET = "azureml:labels@latest"
SOURCE = LabelSource(ASSET, "row_id", "label")
MINUTE = timedelta(minutes=1)
HOLD = 30 * MINUTE
ROWS_PER_MINUTE, LABELLED_MINUTES = 40, 600
TEST = AbPlan("accuracy", SOURCE, needed_gain=0.0)


class ServedRows(FakeData):
    """Rows of either version that are answered rightly so often; from `arrives` on there are labels for all of them."""

    def __init__(self, right: dict[str, float]) -> None:
        super().__init__()
        self.right, self.version = right, 1
        self.trouble: list[Exception] = []
        keys = np.arange(LABELLED_MINUTES * ROWS_PER_MINUTE)
        named = [f"{name}/{key}" for name in right for key in keys]
        self.labels = pd.DataFrame({"row_id": named, "label": np.concatenate([keys % 2] * len(right))})

    def collected_predictions(
        self, endpoint: EndpointName, deployment: DeploymentName, start: datetime, end: datetime
    ) -> pd.DataFrame:
        if self.trouble:
            raise self.trouble.pop()
        first, last = (max(0, round((moment - NOW) / MINUTE * ROWS_PER_MINUTE)) for moment in (start, end))
        keys = np.arange(first, last)
        is_right = np.random.default_rng(first).random(len(keys)) < self.right[deployment]
        answers = np.where(is_right, keys % 2, 1 - keys % 2)
        return pd.DataFrame({"row_id": [f"{deployment}/{key}" for key in keys], "prediction": answers})

    def table(self, uri: str, lists: Collection[str] = ()) -> pd.DataFrame:
        return self.labels if uri.startswith("azureml:labels") else super().table(uri)

    def pinned(self, uri: str) -> str:
        return f"azureml:labels:{self.version}"


def world_with(right: float, champion_right: float = 0.8) -> tuple[World, ServedRows]:
    world, data = World(), ServedRows({"v-1": champion_right, "v-2": right})
    world.data = data
    return world, data


def after_a_test(world: World, test: AbPlan = TEST, **plan: Any) -> Release:
    until = test.extend_until or HOLD
    values: dict[str, Any] = {"strategy": "ab", "ab": test, "steps": (50, 100), "bake": HOLD}
    release = world.open(**{**values, "decide_within": until + timedelta(hours=1), **plan})
    world.run()
    return world.release(release)


def test_a_better_version_is_promoted_at_the_end_of_the_hold() -> None:
    world, _ = world_with(right=0.9)
    ended = after_a_test(world)
    assert (ended.state, ended.traffic_steps) == (ReleaseState.FINISHED, (50, 95, 100))
    promoted = next(move for move in ended.history if "better is proven" in move.reason)
    assert promoted.at - NOW >= HOLD
    assert [outcome.verdict for outcome in ended.outcomes] == ["pass"]
    assert world.traffic == {"v-2": 100}


def test_a_worse_version_is_rolled_back_with_the_numbers() -> None:
    world, _ = world_with(right=0.7)
    ended = after_a_test(world)
    assert ended.state is ReleaseState.ROLLED_BACK
    assert "better is refuted" in ended.reason
    assert world.traffic == {"v-1": 100}


def test_a_version_that_is_the_same_leaves_the_champion() -> None:
    world, _ = world_with(right=0.8)
    ended = after_a_test(world)
    assert ended.state is ReleaseState.ABORTED
    assert ended.reason.startswith("the A/B test of 30 min is undecided, so the champion stays: accuracy is 0.")
    assert world.traffic == {"v-1": 100}


def test_a_small_gain_is_found_by_holding_on() -> None:
    world, _ = world_with(right=0.82)
    ended = after_a_test(world, replace(TEST, extend_until=timedelta(hours=8)))
    assert [outcome.verdict for outcome in ended.outcomes] == ["inconclusive", "pass"]
    assert ended.state is ReleaseState.FINISHED


def test_errors_roll_back_long_before_the_end() -> None:
    world, _ = world_with(right=0.9)
    world.error_share["v-2"] = 0.2
    ended = after_a_test(world)
    assert ended.state is ReleaseState.ROLLED_BACK
    assert (ended.entered_at - NOW < HOLD, ended.outcomes) == (True, ())


def test_storage_that_is_away_for_a_while_delays_the_test() -> None:
    world, data = world_with(right=0.9)
    data.trouble = [RetryableError("data.unreachable", "it is away")] * 5
    ended = after_a_test(world)
    assert (ended.state, len(ended.outcomes)) == (ReleaseState.FINISHED, 1)


def test_the_first_version_of_a_model_is_tested_against_nobody() -> None:
    world = World(champion=False)
    world.data = ServedRows({"v-2": 0.9})
    ended = after_a_test(world)
    assert (ended.state, ended.outcomes, ended.traffic_steps) == (ReleaseState.FINISHED, (), (100,))


QUALITY = QualityPlan("accuracy", SOURCE, worse_by_at_most=0.02)


@pytest.mark.parametrize(("right", "state"), [(0.8, ReleaseState.FINISHED), (0.6, ReleaseState.ROLLED_BACK)])
def test_labels_that_arrive_while_watching_roll_a_bad_version_back(right: float, state: ReleaseState) -> None:
    world, data = world_with(right)
    labels, data.labels = data.labels, data.labels.head(0)
    judge = replace(a_plan().judge, quality=QUALITY)
    release = world.open(judge=judge, watch_for=timedelta(hours=3))
    world.run(until=lambda: world.release(release).state is ReleaseState.WATCHING)
    world.run(longest=10 * MINUTE)
    assert world.traffic == {"v-1": 5, "v-2": 95}

    data.labels, data.version = labels, 2
    world.run()

    ended = world.release(release)
    assert ended.state is state
    assert ("quality beyond the tolerance" in ended.reason) == (state is ReleaseState.ROLLED_BACK)


def test_a_step_waits_for_quality_that_is_required() -> None:
    world, data = world_with(0.8)
    labels, data.labels = data.labels, data.labels.head(0)
    judge = replace(a_plan().judge, quality=replace(QUALITY, required=True, worse_by_at_most=0.1))
    release = world.open(judge=judge)
    world.run(until=lambda: world.release(release).phase == "baking")
    world.run(longest=20 * MINUTE)
    assert world.release(release).traffic_steps == (10,)

    data.labels, data.version = labels, 2
    world.run(until=lambda: world.release(release).step_index == 1, longest=10 * MINUTE)
    assert world.release(release).traffic_steps == (10,)
    assert "accuracy" in world.release(release).history[-1].reason
