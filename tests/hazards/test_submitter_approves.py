"""The submitter approves: 403 (the human behind the trigger, not the managed identity)."""

from __future__ import annotations

import pytest

from shared.domain.ids import JobName
from shared.domain.releases.release import ReleaseState
from shared.ports.jobs import JobRecord
from tests.hazards.offices import ANA, BEN, ReleaseOffice
from tests.unit.engine.fact_world import World, registered


@pytest.mark.parametrize("spelling", [ANA, "Ana@Example.com"])
def test_the_submitter_may_not_approve(spelling: str) -> None:
    world = ReleaseOffice()
    release = world.ask()
    question = world.office.question(release)
    assert question is not None

    assert world.office.vote(release, question.request.digest, spelling, "approve", "mine").status == 403
    assert world.decisions() == []
    assert world.office.vote(release, question.request.digest, BEN, "approve", "").status == 200
    world.run(until=lambda: world.release(release).state is ReleaseState.DEPLOYING)


def test_the_submitter_is_who_asked_for_the_training_and_not_the_identity_that_registered_it() -> None:
    world = World()
    world.note_training("job-8")
    tags = {"vigia.submitter": ANA, "vigia.cause": "request", "vigia.model": "churn"}
    world.azureml.register("churn", "8", job="job-8")
    world.azureml.jobs["job-8"] = JobRecord(JobName("job-8"), "Completed", tags, "vigia-identity")

    world.process(registered("8"))

    (item,) = world.releases.items()
    stored = world.releases.load(item.id)
    assert stored is not None
    assert stored.release.submitter == ANA


def test_tags_of_a_job_that_we_did_not_start_name_nobody_else_as_the_submitter() -> None:
    world = World()
    tags = {"vigia.submitter": BEN, "vigia.cause": "drift", "vigia.model": "churn"}
    world.azureml.register("churn", "8", job="mine-1", by="Ana@Example.com")
    world.azureml.jobs["mine-1"] = JobRecord(JobName("mine-1"), "Completed", tags, ANA)

    world.process(registered("8"))

    (item,) = world.releases.items()
    stored = world.releases.load(item.id)
    assert stored is not None
    assert (stored.release.submitter, stored.release.cause) == (ANA, "registration by Ana@Example.com")


@pytest.mark.parametrize(
    ("name", "submitter"), [pytest.param("Ana Souza", ANA, id="known"), pytest.param("Bia Souza", None, id="unknown")]
)
def test_a_display_name_that_the_people_file_does_not_know_asks_for_one_approval_more(
    name: str, submitter: str | None
) -> None:
    world = World()
    world.azureml.register("churn", "8", by=name)

    world.process(registered("8"))

    (item,) = world.releases.items()
    stored = world.releases.load(item.id)
    assert stored is not None
    assert (stored.release.submitter, stored.release.submitter_is_unknown) == (submitter, submitter is None)


def test_of_a_version_whose_submitter_nobody_can_name_two_people_must_approve() -> None:
    world = ReleaseOffice()
    world.hides_submitters = True
    release = world.ask()
    question = world.office.question(release)
    assert question is not None
    assert (question.request.quorum, question.request.submitter_is_unknown) == (2, True)

    assert world.office.vote(release, question.request.digest, ANA, "approve", "").missing == 1
    assert world.office.vote(release, question.request.digest, BEN, "approve", "").status == 200
    world.run(until=lambda: world.release(release).state is ReleaseState.DEPLOYING)
