"""One id leads from an event to everything that came of it, also when a worker died on the way."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from shared.domain.releases.release import ReleaseRequest
from shared.logs import dimensions, set_up_logging
from shared.store.notices.outbox import OutboxStore
from tests.unit.engine.fact_world import Killed, World, drift, registered


@pytest.fixture(autouse=True)
def _records_know_their_span(caplog: pytest.LogCaptureFixture) -> Any:
    factory = logging.getLogRecordFactory()
    set_up_logging()
    with caplog.at_level(logging.INFO, "vigia"):
        yield
    logging.setLogRecordFactory(factory)


def lines(caplog: pytest.LogCaptureFixture, name: str) -> list[dict[str, Any]]:
    return [dimensions(record) for record in caplog.records if record.getMessage() == name]


def test_a_decision_its_job_and_its_notices_have_one_id(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.process(drift())
    for name in world.outbox.undelivered():
        world.outbox.deliver(name)

    (decision,) = [line for line in lines(caplog, "decision") if line["reaction"] == "start-training"]
    (job,) = world.azureml.jobs.values()
    records = list(OutboxStore(world.memory).records())
    ids = {record.correlation for record in records} | {job.tags["vigia.correlation"]}
    assert ids == {decision["correlation_id"]}
    attempts = lines(caplog, "notice.sent") + lines(caplog, "notice.failed")
    assert len(attempts) == len(records)
    assert {line["correlation_id"] for line in attempts} == ids


def test_a_release_has_the_id_of_the_registration_that_opened_it(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.process(registered())
    (release,) = world.releases.open_ids()
    world.releases.ask(release, ReleaseRequest("abort", "ana@example.com", "no", world.clock.now()))

    world.app.reconciler.reconcile(release)

    (decision,) = lines(caplog, "decision")
    moved = lines(caplog, "release.state_changed")
    assert moved
    assert {line["correlation_id"] for line in moved} == {decision["correlation_id"]}


def test_whoever_takes_a_fact_over_logs_its_decision_again_with_the_same_id(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    world.fuse.burns_on, world.fuse.is_late = "put open/ledger/", True
    with pytest.raises(Killed):
        world.process(drift())
    assert lines(caplog, "decision") == []

    world.sweep_after_the_lease()

    decisions = lines(caplog, "decision")
    assert {line["attempt"] for line in decisions} == {2}
    assert {line["correlation_id"] for line in decisions} == {world.entry().fact.key[:32]}
