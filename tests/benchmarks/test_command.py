"""The benchmarks' command: what runs, what is written, and how it ends."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.harness.command import main
from benchmarks.harness.spec import Benchmark, BenchmarkError, Figure, Goal, NotMeasurableHereError, Run

QUICK = Figure("toy.ratio", 1.25, "x", "ours / floor", Goal("<=", 1.5))
SLOW = Figure("toy.slow_ratio", 1.75, "x", "ours / floor", Goal("<=", 1.5))
PLAIN = Figure("toy.ms", 3.0, "ms", "time")


def toy(name: str, *figures: Figure, raises: Exception | None = None, takes_minutes: bool = False) -> Benchmark:
    def run(run: Run) -> Sequence[Figure]:
        run.progress("measuring")
        if raises:
            raise raises
        return figures

    return Benchmark(name, "a toy", run, takes_minutes)


def call(*benchmarks: Benchmark, argv: Sequence[str] = ()) -> int:
    return main(argv, {benchmark.name: benchmark for benchmark in benchmarks})


@pytest.mark.parametrize(
    ("benchmark", "code"),
    [
        pytest.param(toy("toy", QUICK, PLAIN), 0, id="all_goals_met"),
        pytest.param(toy("toy", PLAIN), 0, id="no_goal"),
        pytest.param(toy("toy", QUICK, SLOW), 1, id="one_missed"),
        pytest.param(toy("toy", raises=NotMeasurableHereError("there is no demo here")), 0, id="skipped"),
        pytest.param(toy("toy", raises=BenchmarkError("Azurite is not installed")), 2, id="not_measured"),
    ],
)
def test_the_exit_code_says_how_it_ended(benchmark: Benchmark, code: int) -> None:
    assert call(benchmark) == code


def test_the_json_has_every_figure_with_its_goal(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    nothing = Figure("toy.minute", math.inf, "min", "never detected")

    assert call(toy("toy", QUICK, SLOW, PLAIN, nothing), argv=["--json", str(path)]) == 1

    assert json.loads(path.read_text()) == [
        {"figure": "toy.ratio", "value": 1.25, "unit": "x", "goal": "<= 1.5", "met": True},
        {"figure": "toy.slow_ratio", "value": 1.75, "unit": "x", "goal": "<= 1.5", "met": False},
        {"figure": "toy.ms", "value": 3.0, "unit": "ms", "goal": None, "met": None},
        {"figure": "toy.minute", "value": None, "unit": "min", "goal": None, "met": None},
    ]


def test_one_that_cannot_be_measured_does_not_cost_the_others(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    broken = toy("broken", raises=BenchmarkError("no"))

    assert call(broken, toy("toy", QUICK), argv=["--json", str(path)]) == 2

    assert [entry["figure"] for entry in json.loads(path.read_text())] == ["toy.ratio"]


def test_people_see_the_goal_the_miss_and_the_progress(capsys: pytest.CaptureFixture[str]) -> None:
    call(toy("toy", SLOW))
    shown = capsys.readouterr()
    assert "missed: toy.slow_ratio is 1.75, not <= 1.5" in shown.out
    assert "toy: measuring" in shown.err


def test_an_unknown_name_lists_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(toy("ledger"), toy("judge"), argv=["legder"]) == 2
    assert "there is no benchmark 'legder'; benchmarks: ledger, judge" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_refused_before_measuring(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(toy("toy", QUICK), argv=["--json", str(tmp_path / "missing" / "x.json")]) == 2
    shown = capsys.readouterr()
    assert "there is no folder" in shown.err
    assert "measuring" not in shown.err


@pytest.mark.parametrize(
    ("argv", "options", "refusal"),
    [
        pytest.param(["chaos", "--kills", "7"], {"kills": 7}, "", id="asked_for"),
        pytest.param(["chaos"], {}, "", id="not_asked_for"),
        pytest.param(["chaos", "--kills", "0"], None, "--kills 0: must be 1 or more", id="nothing"),
        pytest.param(["toy", "--kills", "7"], None, "--kills is understood by chaos; name it", id="another"),
        pytest.param(["--kills", "7"], None, "--kills is understood by chaos; name it", id="all"),
    ],
)
def test_options_reach_the_benchmark_that_has_them(
    argv: list[str], options: dict[str, int] | None, refusal: str, capsys: pytest.CaptureFixture[str]
) -> None:
    runs: list[Run] = []

    def run(run: Run) -> Sequence[Figure]:
        runs.append(run)
        return [QUICK]

    chaos = Benchmark("chaos", "a toy", run, options={"kills": "how many"})
    assert call(chaos, toy("toy", QUICK), argv=argv) == (2 if refusal else 0)
    assert [run.requested for run in runs] == ([] if options is None else [options])
    assert refusal in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        pytest.param([], ["quick"], id="all_means_all_short_ones"),
        pytest.param(["--long"], ["quick", "story"], id="long_means_all"),
        pytest.param(["story"], ["story"], id="named"),
    ],
)
def test_what_takes_minutes_runs_only_when_asked_for(
    argv: list[str], expected: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    call(toy("quick", QUICK), toy("story", QUICK, takes_minutes=True), argv=argv)
    shown = capsys.readouterr()
    assert [line.split(":")[0] for line in shown.err.splitlines()] == expected
    assert ("not run: story" in shown.out) == (argv == [])


@pytest.mark.parametrize(
    ("goal", "value", "is_met"),
    [
        pytest.param(Goal("<=", 2), 2.0, True, id="at_most"),
        pytest.param(Goal("<=", 2), 2.1, False, id="too_much"),
        pytest.param(Goal(">=", 1), 0.9, False, id="too_little"),
        pytest.param(Goal("=", 0), 0, True, id="exactly"),
        pytest.param(Goal("=", 0), 1, False, id="not_exactly"),
        pytest.param(Goal("<=", 2), math.nan, False, id="no_number_meets_nothing"),
    ],
)
def test_goals(goal: Goal, value: float, is_met: bool) -> None:
    assert goal.is_met_by(value) is is_met
