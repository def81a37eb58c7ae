"""`vigia freeze` and `vigia unfreeze`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from shared.policy.deciding.guardrails import retraining_guardrail
from tests.unit.cli.conftest import Run
from tests.unit.cli.world import MODEL, NOW, FakeApp

Json = Callable[..., Any]
FREEZE = ("freeze", "flight-delay", "--reason", "labels are wrong", "--by", "ana@example.com")


def test_a_frozen_model_is_not_retrained_until_it_is_unfrozen(fake: FakeApp, run: Run) -> None:
    frozen = run(*FREEZE)
    guarded = retraining_guardrail(fake.models.read(MODEL), None, None, NOW)
    lifted = run("unfreeze", "flight-delay", "--reason", "fixed", "--by", "ben@example.com")

    assert frozen.stdout == "retraining of flight-delay is frozen: labels are wrong (ana@example.com)\n"
    assert guarded == "retraining is frozen: labels are wrong (ana@example.com)"
    assert lifted.stdout.startswith("retraining of flight-delay is allowed again: fixed (ben@example.com)")
    assert fake.models.read(MODEL).freeze is None


def test_json_is_the_freeze_as_it_is_stored(fake: FakeApp, run_json: Json) -> None:
    output = run_json(*FREEZE)

    assert output["model"] == "flight-delay"
    assert output["freeze"]["reason"] == "labels are wrong (ana@example.com)"
    assert output["freeze"]["since"] == NOW.isoformat()


def test_a_second_freeze_does_not_hide_the_first_reason(fake: FakeApp, run: Run) -> None:
    run(*FREEZE)
    refused = run("freeze", "flight-delay", "--reason", "other")

    assert refused.exit_code == 2
    assert "is frozen already: labels are wrong (ana@example.com)" in refused.stderr


def test_what_is_not_frozen_or_not_known_is_refused(fake: FakeApp, run: Run) -> None:
    not_frozen = run("unfreeze", "flight-delay", "--reason", "x")
    unknown = run("freeze", "fraud", "--reason", "x")
    silent = run("freeze", "flight-delay", "--reason", " ")

    assert [result.exit_code for result in (not_frozen, unknown, silent)] == [2, 2, 2]
    assert "is not frozen" in not_frozen.stderr
    assert "no policy names a model 'fraud'" in unknown.stderr
    assert "--reason is empty" in silent.stderr
