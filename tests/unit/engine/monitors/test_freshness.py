"""Data assets that are too old, or have fewer rows than usual, are told once for each version."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

from shared.domain.state import ModelState
from shared.policy.deciding.decide import decide
from shared.policy.reading.problems import PolicyProblemsError
from shared.ports.workspace import DataVersion
from tests.fakes.data import FakeBatches
from tests.unit.engine.fact_world import MODEL, POLICY, a_policy
from tests.unit.engine.signal_world import SignalWorld
from tests.unit.events.wire import cloud, fact_from

DAY = timedelta(days=1)
SALES = "azureml:sales@latest"


class DataWorld(SignalWorld):
    def __init__(self, asks: str) -> None:
        super().__init__(f"freshness: [{{data: '{SALES}', {asks}}}]")
        self.counted: list[str] = []

    def arrive(self, rows: int) -> None:
        """Register a version now."""
        versions = self.workspace.versions.setdefault(SALES, [])
        asset = f"azureml:sales:{len(versions) + 1}"
        self.data.tables[asset] = pd.DataFrame({"price": range(rows)})
        versions.insert(0, DataVersion(asset, self.clock.now()))

    def nightly(self, *rows: int) -> None:
        """Have a version arrive every day, looked at an hour later."""
        for count in rows:
            self.arrive(count)
            self.look()
            self.clock.advance(DAY - timedelta(hours=1))


def verdict(world: DataWorld) -> str:
    return world.newest["completeness"].verdict


def test_a_version_that_is_too_old_is_told_once_and_again_when_the_next_one_is() -> None:
    world = DataWorld("at_most: 26h")
    world.nightly(10, 10)
    assert (world.newest["freshness"].verdict, world.announced) == ("no-drift", [])
    for _ in range(4):
        world.look()
    assert world.newest["freshness"].sentence == "azureml:sales:2 is 28 h old, at most 26 h are in order."
    # One fact, however often it is published.
    assert len({fact_from(cloud(event)).key for event in world.topic.events}) == 1
    assert set(world.announced) == {"freshness"}
    world.arrive(10)
    world.look()
    assert world.newest["freshness"].verdict == "no-drift"
    world.look(2 * DAY)
    assert len({fact_from(cloud(event)).key for event in world.topic.events}) == 2


def test_old_data_is_told_and_trains_nothing() -> None:
    world = DataWorld("at_most: 1h")
    world.arrive(10)
    world.look(2 * DAY)
    fact = fact_from(cloud(world.topic.events[0]))
    names = [reaction.name for reaction in decide(fact, world.policies[0], ModelState(MODEL), fact.occurred_at)]
    assert names == ["notify"]


def test_persistence_is_not_asked_of_an_age() -> None:
    world = DataWorld("at_most: 1h")
    monitor = f"{{persistence: {{alarms: 2, of: 3}}, freshness: [{{data: '{SALES}', at_most: 1h}}]}}"
    world.policies = (a_policy(f"{POLICY}monitor: {monitor}\n"),)
    world.arrive(10)
    world.look(2 * DAY)
    assert world.announced == ["freshness"]


def test_fewer_rows_than_usual_are_told_when_usual_is_known() -> None:
    world = DataWorld("rows_of_usual: 80%")
    world.nightly(1000, 1100)
    assert verdict(world) == "insufficient-data"
    world.nightly(900, 850)
    assert verdict(world) == "no-drift"
    world.nightly(700)
    assert verdict(world) == "drift"
    assert "has 700 rows, at least 760 are in order (80% of the usual 950)" in world.newest["completeness"].sentence


def test_weekdays_have_a_usual_of_their_own() -> None:
    world = DataWorld("rows_of_usual: 80%")
    week = [1000, 1000, 1000, 1000, 1000, 100, 100]
    world.nightly(*week * 4)
    assert set(world.announced) <= {"completeness"}
    runs = [run for run in world.runs if run.signal == "completeness"]
    # From the fourth week on weekends are compared with weekends.
    assert [run.verdict for run in runs[-7:]] == ["no-drift"] * 7
    world.nightly(100)
    assert world.newest["completeness"].verdict == "drift"


def test_a_least_number_of_rows_needs_no_past() -> None:
    world = DataWorld("rows_at_least: 500")
    world.nightly(400)
    assert world.newest["completeness"].verdict == "drift"
    assert "has 400 rows, at least 500 are in order" in world.newest["completeness"].sentence


def test_the_first_look_counts_what_came_before_and_each_version_once(monkeypatch: pytest.MonkeyPatch) -> None:
    world = DataWorld("rows_of_usual: 80%")
    for _ in range(6):
        world.arrive(1000)
    read = world.data.batches

    def counting(uri: str) -> FakeBatches:
        world.counted.append(uri)
        return read(uri)

    monkeypatch.setattr(world.data, "batches", counting)
    world.look()
    world.look()
    assert sorted(world.counted) == [f"azureml:sales:{number}" for number in (3, 4, 5, 6)]
    assert world.newest["completeness"].verdict == "no-drift"


def test_an_asset_that_is_not_there_is_an_error_that_people_are_told() -> None:
    world = DataWorld("at_most: 26h")
    world.look()
    assert world.newest["freshness"].verdict == "error"
    assert any("there is no version of azureml:sales@latest" in reason for reason in world.troubles)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        pytest.param("{data: 'azureml:sales:3', at_most: 26h}", "write azureml:sales@latest", id="one_version"),
        pytest.param("{data: 'azureml:sales@latest'}", "write e.g. at_most: 26h", id="nothing"),
        pytest.param("{data: 'azureml:sales@latest', at_most: 0h}", "e.g. 26h", id="no_time"),
        pytest.param("{data: 'azureml:sales@latest', rows_of_usual: 0%}", "e.g. 80%", id="no_share"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_what_to_write(written: str, message: str) -> None:
    with pytest.raises(PolicyProblemsError) as refused:
        a_policy(f"{POLICY}monitor: {{freshness: [{written}]}}\n")
    assert message in str(refused.value)
