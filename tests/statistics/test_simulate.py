"""What a policy file is told and what its simulation says are one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.policy.check import check
from cli.simulate import study as simulate_study
from cli.simulate.cells import SEED
from tests.unit.cli.test_simulate import HEAD


@settings(max_examples=settings().max_examples // 16, derandomize=True)
@given(
    st.sampled_from(["canary", "shadow", "blue-green", "all-at-once"]),
    st.sampled_from([8, 15, 25, 40, 60, 80, 100, 130, 250, 600]),
    st.sampled_from(["2h", "6h"]),
)
def test_a_file_is_right_exactly_when_its_simulation_decides(
    tmp_path_factory: pytest.TempPathFactory, strategy: str, rate: int, watch_for: str
) -> None:
    file = tmp_path_factory.mktemp("policies") / "model.yaml"
    rollout = f"strategy: {strategy}, watch_for: {watch_for}, holdback: 10%"
    file.write_text(f"{HEAD}rollout: {{{rollout}}}\n")
    simulated = simulate_study.study(
        simulate_study.StudyRequest(file, rate, None, False, None, None, simulate_study.CHECKED_RUNS, SEED, None)
    )
    file.write_text(f"{HEAD}rollout: {{{rollout}, expected_traffic: {rate} per minute}}\n")
    problems = check([file]).problems
    assert bool(problems) is not simulated.decides
    assert all(problem.key == "rollout.expected_traffic" for problem in problems)
