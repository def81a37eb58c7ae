"""The demo's policies under each profile are policies that the app reads."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from local.demo.lateness import POLICIES, policies_for
from local.profile import QUICK, UNKIND, Profile
from shared.bootstrap import policy_sections
from shared.policy.reading.load import load_policies
from shared.reactions.registry import reactions
from shared.release.sections.rollout import Rollout


@pytest.mark.parametrize(
    ("profile", "delay", "interval"), [(QUICK, 1, 1), (UNKIND, 10, 2)], ids=lambda value: getattr(value, "name", None)
)
def test_the_judge_knows_how_late_the_logs_come(tmp_path: Path, profile: Profile, delay: int, interval: int) -> None:
    (policy,) = load_policies(policies_for(profile, tmp_path), policy_sections(), tuple(reactions().values()))
    rollout = policy.section(Rollout)
    assert rollout is not None
    assert (rollout.judge.log_delay, rollout.judge.interval) == (timedelta(seconds=delay), timedelta(seconds=interval))


def test_without_lateness_the_policy_is_the_one_that_the_tutorial_names(tmp_path: Path) -> None:
    assert policies_for(QUICK, tmp_path) == POLICIES
