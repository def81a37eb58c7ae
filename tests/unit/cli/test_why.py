"""`vigia why`: the fact, the decision and the outcome, from whatever name people have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from shared.domain.ids import JobName, ModelName
from shared.domain.state import Training
from tests.unit.cli.conftest import Run
from tests.unit.cli.world import FakeApp, a_fact, in_canary, record_fact

Json = Callable[..., Any]
KEY = a_fact().key


@pytest.mark.parametrize("what", [KEY, KEY[:6], f"job-{KEY[:16]}-0"], ids=["key", "prefix", "job"])
def test_a_fact_is_found_by_its_key_and_by_the_job_it_led_to(fake: FakeApp, run: Run, what: str) -> None:
    record_fact(fake)

    shown = run("why", what)

    assert shown.exit_code == 0
    for part in (
        "what happened: drift-detected",
        "dep_delay: KS 0.214 against 0.1",
        "start-training for flight-delay: drift: dep_delay drifted: KS 0.214",
        f"done  start-training: training job-{KEY[:16]}-0 submitted",
    ):
        assert part in shown.stdout


def test_why_nothing_was_done_is_told(fake: FakeApp, run: Run) -> None:
    record_fact(fake, held_back="retraining is frozen: budget")

    shown = run("why", KEY[:8]).stdout

    assert "held back: retraining is frozen: budget" in shown
    assert "suppressed  start-training: retraining is frozen: budget" in shown


@pytest.mark.parametrize("what", ["flight-delay-3", "eval-flight-delay-3", "flight-d"])
def test_a_release_leads_to_the_fact_that_opened_it(fake: FakeApp, run_json: Json, what: str) -> None:
    record_fact(fake)
    fake.releases.create(in_canary(fake))

    output = run_json("why", what)

    assert (output["asked"], output["key"], output["release"]["id"]) == (what, KEY, "flight-delay-3")
    assert output["entry"]["plan"][0]["name"] == "start-training"


def test_a_release_without_a_fact_in_the_ledger_says_so(fake: FakeApp, run: Run) -> None:
    fake.releases.create(in_canary(fake))

    assert f"the ledger has no fact {KEY[:16]}" in run("why", "flight-delay-3").stdout


@pytest.mark.parametrize("what", ["0000", "job-0123456789abcdef-0", "fraud-1"])
def test_what_nobody_knows_is_refused_with_what_to_give(fake: FakeApp, run: Run, what: str) -> None:
    refused = run("why", what)

    assert refused.exit_code == 2
    assert "\n  → " in refused.stderr


def test_the_job_that_a_fact_led_to_says_how_it_ended_and_why(fake: FakeApp, run: Run) -> None:
    fact = record_fact(fake)
    job, link = JobName(f"job-{fact.key[:16]}-0"), "https://ml.azure.com/runs/x"
    failed = Training(job, fact.key, "drift", fact.occurred_at, 0, "failed", fact.occurred_at, "no quota", link)
    fake.models.update(ModelName("flight-delay"), lambda state: replace(state, trainings=(failed,)))

    shown = run("why", job).stdout

    for part in (f"training {job}: failed", "no quota", link):
        assert part in shown
