"""Many endpoints at rest cost a listing and a few full checks a pass; what is wrong with one is found all the same."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.ids import DeploymentName, EndpointName, ModelName, ReleaseId
from shared.domain.releases.release import ReleaseState, Serving
from shared.engine.releases.endpoint_keeper import CHECKED_AT_LEAST, PASSES_PER_ROUND
from shared.errors import RetryableError
from shared.ports.endpoints import EndpointRecord, ListedEndpoint
from tests.fakes.app import MemoryApp
from tests.fakes.blobs import MemoryBlobStore
from tests.fakes.clock import FakeClock
from tests.fakes.outbox import FakeOutbox
from tests.fakes.releases import a_release
from tests.fakes.workspace import FakeWorkspace
from tests.settings import settings_for

MANY = 120
EDITED = EndpointName("model-077")


class Counted(FakeWorkspace):
    """A workspace that counts reads, by kind."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: Counter[str] = Counter()
        self.checked: list[str] = []

    def listing(self) -> tuple[ListedEndpoint, ...]:
        self.reads["listing"] += 1
        return super().listing()

    def endpoint(self, name: EndpointName) -> EndpointRecord | None:
        self.reads["endpoint"] += 1
        self.checked.append(name)
        return super().endpoint(name)


class Town:
    """So many endpoints, each as its last release left it."""

    def __init__(self, count: int = MANY) -> None:
        self.clock, self.workspace, self.outbox = FakeClock(), Counted(), FakeOutbox()
        self.blobs = MemoryBlobStore(self.clock.now)
        self.names = [EndpointName(f"model-{number:03}") for number in range(count)]
        for name in self.names:
            self._release(name)

    def _release(self, name: EndpointName) -> None:
        app, release = self.app, ReleaseId(f"{name}-1")
        self.workspace.serve(name, "1")
        finished = replace(a_release("1"), id=release, model=ModelName(name), endpoint=name)
        app.releases.create(replace(finished, state=ReleaseState.FINISHED, is_settled=True))
        serving = self.workspace.endpoints[name].deployments[0]
        assert serving.version is not None
        assert app.endpoints.claim(name, release)
        assert app.endpoints.desire(name, release, {serving.name: 100})
        app.endpoints.give_back(name, release, Serving(serving.name, serving.version), None)

    @property
    def app(self) -> MemoryApp:
        return MemoryApp(settings_for(), self.clock, (), blobs=self.blobs, workspace=self.workspace, outbox=self.outbox)

    def look(self, passes: int = 1) -> None:
        for _ in range(passes):
            self.clock.advance(timedelta(minutes=1))
            self.app.keeper.run()

    def edit(self, name: EndpointName) -> None:
        record = self.workspace.endpoints[name]
        other = replace(record.deployments[0], name=DeploymentName("v-0"))
        self.workspace.endpoints[name] = replace(
            record, traffic={other.name: 100}, deployments=(*record.deployments, other)
        )

    @property
    def edits(self) -> list[str]:
        notices = self.outbox.notices.values()
        return [notice.parameters["endpoint"] for notice in notices if notice.kind == "traffic-changed"]


def test_endpoints_at_rest_cost_a_listing_and_a_fifteenth_of_them() -> None:
    town = Town()
    town.look()
    assert town.workspace.reads == {"listing": 1, "endpoint": MANY / PASSES_PER_ROUND}


def test_every_endpoint_is_checked_in_full_within_a_round_whatever_worker_takes_the_pass() -> None:
    town = Town()
    town.look(passes=PASSES_PER_ROUND)
    assert sorted(town.workspace.checked) == town.names


def test_of_few_endpoints_each_pass_checks_all_and_lists_none() -> None:
    town = Town(CHECKED_AT_LEAST)
    town.look()
    assert town.workspace.reads == {"endpoint": CHECKED_AT_LEAST}


def test_a_hand_edit_is_told_by_the_next_pass() -> None:
    town = Town()
    town.look()
    town.edit(EDITED)
    town.look()
    assert town.edits == [EDITED]
    town.look()
    assert town.edits == [EDITED]


def test_a_listing_that_fails_costs_a_round_at_most() -> None:
    town = Town()
    town.edit(EDITED)
    town.workspace.errors["listing"] = [RetryableError("azure.throttled", "later")] * PASSES_PER_ROUND
    town.look(passes=PASSES_PER_ROUND)
    assert town.edits == [EDITED]


def test_endpoints_of_open_releases_are_left_to_them() -> None:
    town = Town()
    town.edit(EDITED)
    assert town.app.endpoints.claim(EDITED, ReleaseId("model-077-2"))
    town.look(passes=PASSES_PER_ROUND)
    assert EDITED not in town.workspace.checked
    assert town.edits == []


@pytest.mark.parametrize("passes", [1, PASSES_PER_ROUND])
def test_records_of_earlier_versions_are_described_by_the_first_pass(passes: int) -> None:
    town = Town()
    for name in town.names:
        blob = town.blobs.get(f"endpoints/{name}.json")
        assert blob is not None
        town.blobs.put(blob.name, blob.body)
    town.look(passes)
    assert town.workspace.reads["endpoint"] == passes * MANY / PASSES_PER_ROUND
    town.edit(EDITED)
    town.look()
    assert town.edits == [EDITED]
