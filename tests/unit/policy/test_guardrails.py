"""What holds trainings back, and what it says."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.ids import FactKey
from shared.domain.state import Freeze, ModelState
from shared.policy.deciding.guardrails import chain_guardrail, next_chain, retraining_guardrail
from shared.policy.sections.quantities import Rate
from tests.unit.policy.toys import NOW, a_state, a_training

HOURS = timedelta(hours=1)
TWICE_A_DAY = Rate(2, timedelta(days=1))


def _frozen(until_in: timedelta | None) -> ModelState:
    until = None if until_in is None else NOW + until_in
    return replace(a_state(), freeze=Freeze("budget ml-team: 100% reached", NOW - HOURS, FactKey("0" * 64), until))


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        pytest.param(a_state(), None, id="nothing_ever_trained"),
        pytest.param(_frozen(None), "retraining is frozen: budget ml-team: 100% reached", id="frozen"),
        pytest.param(
            _frozen(HOURS),
            "retraining is frozen: budget ml-team: 100% reached (until 2026-11-20 09:00 UTC)",
            id="frozen_for_a_while",
        ),
        pytest.param(_frozen(timedelta(0)), None, id="freeze_is_over"),
        pytest.param(
            a_state(a_training(2)),
            "cooldown: last training job-1 started 2 h ago, next allowed at 2026-11-20 12:00 UTC",
            id="cooling_down",
        ),
        pytest.param(a_state(a_training(6)), None, id="cooldown_just_over"),
        pytest.param(
            a_state(a_training(0.5)),
            "cooldown: last training job-1 started 30 min ago, next allowed at 2026-11-20 13:30 UTC",
            id="cooling_down_in_minutes",
        ),
        pytest.param(
            a_state(a_training(-0.1)),
            "cooldown: last training job-1 started just now, next allowed at 2026-11-20 14:06 UTC",
            id="another_clock_is_ahead",
        ),
        pytest.param(
            a_state(a_training(20, number=1), a_training(7, number=2)),
            "at most 2 per day: 2 started already (last job-1, job-2), next allowed at 2026-11-20 12:00 UTC",
            id="as_many_as_allowed",
        ),
        pytest.param(
            a_state(a_training(7, number=3), a_training(20, number=1), a_training(8, number=2)),
            "at most 2 per day: 3 started already (last job-2, job-3), next allowed at 2026-11-21 00:00 UTC",
            id="more_than_allowed_in_any_order",
        ),
        pytest.param(a_state(a_training(24, number=1), a_training(7, number=2)), None, id="the_first_is_a_day_old"),
    ],
)
def test_retraining_guardrail(state: ModelState, reason: str | None) -> None:
    assert retraining_guardrail(state, 6 * HOURS, TWICE_A_DAY, NOW) == reason


def test_retraining_guardrail_without_limits_lets_everything_pass() -> None:
    assert retraining_guardrail(a_state(a_training(0), a_training(0)), None, None, NOW) is None


@pytest.mark.parametrize(
    ("last", "cause", "chain"),
    [
        pytest.param(None, "drift", 0, id="the_first"),
        pytest.param(a_training(24, "drift", 0), "drift", 1, id="drift_after_drift"),
        pytest.param(a_training(24, "performance", 1), "drift", 2, id="drift_after_performance"),
        pytest.param(a_training(24, "schedule", 0), "drift", 0, id="drift_after_a_schedule"),
        pytest.param(a_training(24, "drift", 1), "new-data", 0, id="new_data_is_fresh_evidence"),
        pytest.param(a_training(24, "drift", 1), "request", 0, id="a_person_asked"),
        pytest.param(a_training(24 * 8, "drift", 1), "drift", 0, id="after_a_week_of_quiet"),
    ],
)
def test_next_chain(last: object, cause: str, chain: int) -> None:
    state = a_state(last) if last else a_state()  # type: ignore[arg-type]
    assert next_chain(state, cause, NOW) == chain


@pytest.mark.parametrize(
    ("chain", "cause", "is_held"), [(0, "drift", False), (1, "drift", False), (2, "drift", True), (3, "request", False)]
)
def test_chain_guardrail_asks_for_a_person_from_the_second_link_on(chain: int, cause: str, is_held: bool) -> None:
    assert (chain_guardrail(chain, cause) is not None) == is_held
