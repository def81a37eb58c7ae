"""Open a release: from what the registry says now, with the lineage of the job that made the version."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.ids import JobName, ReleaseId
from shared.domain.releases.release import Release
from shared.errors import RetryableError
from shared.policy.reading.people import Directory, Person
from shared.ports.jobs import JobRecord
from shared.reactions.registry import reactions
from tests.unit.engine.fact_world import POLICY, World, a_policy, drift, registered
from tests.unit.events.wire import fact_from
from tests.unit.reactions.context import context_for, perform, proposed

NAME = "open-release"


def opened(world: World) -> Release:
    stored = world.releases.load(ReleaseId("churn-7"))
    assert stored is not None
    return stored.release


def test_only_a_registration_of_the_policys_model_opens_a_release() -> None:
    (reaction,) = proposed(NAME, registered("7"))
    assert (reaction.arguments, reaction.why) == ({"version": "7"}, "version 7 was registered")
    assert proposed(NAME, registered("7", model="other")) == []
    assert proposed(NAME, drift()) == []


def test_a_policy_without_a_rollout_releases_nothing() -> None:
    start, end = POLICY.index("evaluate:"), POLICY.index("budget:")
    assert proposed(NAME, registered(), policy=a_policy(POLICY[:start] + POLICY[end:])) == []


def test_a_version_that_the_registry_does_not_show_yet_is_looked_for_again() -> None:
    world = World()
    world.clock.advance(fact_from(registered("99")).occurred_at + timedelta(minutes=9) - world.clock.now())
    with pytest.raises(RetryableError, match="does not show churn:99 yet"):
        perform(world, NAME, registered("99"))


def test_a_version_that_the_registry_does_not_have_is_not_released() -> None:
    world = World()
    performed = perform(world, NAME, registered("99"))
    assert (performed.outcome.status, performed.outcome.detail) == (
        "done",
        "the registry has no churn:99: nothing to release",
    )
    assert list(world.releases.items()) == []


def test_a_version_of_a_persons_making_has_that_person_as_its_submitter() -> None:
    world = World()
    performed = perform(world, NAME, registered())
    assert performed.outcome.effect == "churn-7"
    assert (opened(world).submitter, opened(world).chain) == ("ana@example.com", 0)
    assert opened(world).cause == "registration by ana@example.com"


@pytest.mark.parametrize(
    ("tags", "submitter", "cause", "chain"),
    [
        pytest.param({"vigia.cause": "drift", "vigia.chain": "1"}, None, "drift", 1, id="drift_is_nobodys"),
        pytest.param(
            {"vigia.cause": "request", "vigia.submitter": "ben@example.com", "vigia.chain": "0"},
            "ben@example.com",
            "request",
            0,
            id="who_asked",
        ),
        pytest.param(
            {"vigia.cause": "request", "vigia.commit": "1a2b3c4d5e6f7890", "vigia.repository": "acme/churn"},
            None,
            "request for commit 1a2b3c4d5e6f of acme/churn",
            0,
            id="a_commit",
        ),
        pytest.param({"vigia.cause": "drift", "vigia.chain": "many"}, None, "drift", 0, id="a_chain_edited_by_hand"),
        pytest.param({"vigia.cause": "drift", "vigia.chain": "-3"}, None, "drift", 0, id="a_negative_chain"),
    ],
)
def test_a_version_of_a_job_of_ours_has_the_jobs_lineage(
    tags: dict[str, str], submitter: str | None, cause: str, chain: int
) -> None:
    world = World()
    world.note_training("job-1")
    world.azureml.register("churn", "7", job="job-1")
    world.azureml.jobs["job-1"] = JobRecord(JobName("job-1"), "Completed", tags, "vigia")
    perform(world, NAME, registered())
    assert (opened(world).submitter, opened(world).cause, opened(world).chain) == (submitter, cause, chain)
    assert not opened(world).submitter_is_unknown


@pytest.mark.parametrize("tags", [{}, {"vigia.cause": "drift", "vigia.submitter": "ben@example.com"}])
def test_the_tags_of_a_job_that_is_not_ours_are_not_believed(tags: dict[str, str]) -> None:
    world = World()
    world.azureml.register("churn", "7", job="job-1")
    world.azureml.jobs["job-1"] = JobRecord(JobName("job-1"), "Completed", tags, "vigia")
    perform(world, NAME, registered())
    assert (opened(world).submitter, opened(world).cause) == ("ana@example.com", "registration by ana@example.com")


@pytest.mark.parametrize(
    ("shown", "submitter"),
    [
        pytest.param("Ana Souza", "ana@example.com", id="a_name_that_is_listed"),
        pytest.param("ana  SOUZA", "ana@example.com", id="in_another_spelling"),
        pytest.param("A. Souza", "ana@example.com", id="an_alias"),
        pytest.param("Ben Lee", None, id="a_name_of_two_people"),
        pytest.param("Mary Smith", None, id="somebody_who_is_not_listed"),
        pytest.param("", None, id="no_name_at_all"),
    ],
)
def test_a_display_name_is_looked_up_among_the_people(shown: str, submitter: str | None) -> None:
    world = World()
    world.azureml.register("churn", "7", by=shown)
    people = [
        Person("ana@example.com", "Ana Souza", aliases=("A. Souza",)),
        Person("ben@example.com", "Ben Lee"),
        Person("lee@example.com", "Ben Lee"),
    ]
    context = replace(
        context_for(world, fact_from(registered())), people=Directory({person.email: person for person in people})
    )
    (reaction,) = proposed(NAME, registered())
    reactions()[NAME].perform(reaction, context)
    assert (opened(world).submitter, opened(world).submitter_is_unknown) == (submitter, submitter is None)


def test_repeating_it_is_one_release() -> None:
    world = World()
    perform(world, NAME, registered())
    first = opened(world)
    again = perform(world, NAME, registered())
    assert again.outcome.detail.startswith("release churn-7 was opened before")
    assert (opened(world), again.outcome.effect) == (first, "churn-7")


CANDIDATES = "  candidates: {experiment: search, metric: auc, better: higher}\n  cooldown: 6h"


def a_search(**status: str) -> World:
    """A world with an experiment of three jobs, each of which registered a version: 7 to 9, the best is 8."""
    world = World(a_policy(**{"  cooldown: 6h": CANDIDATES}))
    now = world.clock.now()
    for number, auc in enumerate((0.8, 0.85, 0.7), start=7):
        name = JobName(f"try-{number}")
        metrics = {"auc": auc, "auc_se": 0.01}
        ended = status.get(f"job_{number}", "Completed")
        record = JobRecord(name, ended, {}, "ana", experiment="search", created_at=now, metrics=metrics)
        world.azureml.jobs[name] = record
        world.azureml.register("churn", str(number), now + timedelta(minutes=number), job=name)
    return world


def test_the_best_of_an_experiment_is_released_and_says_of_how_many() -> None:
    world = a_search()

    performed = perform(world, NAME, registered("8"))

    assert performed.outcome.effect == "churn-8"
    assert performed.outcome.detail.endswith(
        "opened by registration by ana@example.com; the best of 3 of experiment search by auc, 0.85"
    )


def test_another_of_its_candidates_is_not_and_says_how_far_it_is_behind() -> None:
    world = a_search()

    performed = perform(world, NAME, registered("9"))

    assert performed.outcome.detail == (
        "churn:9 is not released: by auc it is 0.15 behind try-8 of the same experiment, between 0.1161 and 0.1839"
    )
    assert list(world.releases.items()) == []


def test_an_experiment_whose_jobs_still_run_is_looked_at_again_until_its_time_is_over() -> None:
    world = a_search(job_9="Running")
    body = registered("8")
    world.clock.advance(fact_from(body).occurred_at - world.clock.now())
    with pytest.raises(RetryableError, match="try-9 of experiment search has not ended"):
        perform(world, NAME, body)


def test_a_candidate_that_logged_no_metric_is_not_released() -> None:
    world = a_search()
    world.azureml.jobs["try-9"] = replace(world.azureml.jobs["try-9"], metrics={})

    detail = perform(world, NAME, registered("9")).outcome.detail

    assert detail == ("churn:9 is not released: its job logged no auc, by which experiment search is decided")


def test_a_version_of_another_experiment_is_released_as_ever() -> None:
    world = a_search()
    world.azureml.jobs["try-9"] = replace(world.azureml.jobs["try-9"], experiment="other")

    assert perform(world, NAME, registered("9")).outcome.effect == "churn-9"
