"""What the rounds of chaos come to; that workers really die is tested in tests/chaos."""

from __future__ import annotations

import os

import pytest

from benchmarks.app import chaos
from benchmarks.harness.spec import Figure, NotMeasurableHereError, Run
from tests.chaos.points import Call, Point, points_of
from tests.chaos.tally import Tally, walk

POINT = Point("before", Call("events", "create", "ledger/claimed"))


def a_round(
    kills: int = 550,
    zombies: int = 60,
    lost: tuple[str, ...] = (),
    accepted: tuple[str, ...] = (),
    repeated: int = 11,
    is_put_back: bool = True,
) -> chaos.Round:
    tally = Tally(600, kills, zombies, lost, (), 20, 0, 70, accepted, 9)
    return chaos.Round(tally, 80, [], 500, repeated, is_put_back)


def by_name(*rounds: chaos.Round) -> dict[str, Figure]:
    return {figure.name: figure for figure in chaos.figures(rounds, 100.0, 0, chaos.Target(1000, 100, 60))}


def test_rounds_add_up() -> None:
    shown = by_name(a_round(), a_round())
    assert {name for name, figure in shown.items() if figure.is_met is False} == set()
    assert (shown["chaos.kills"].value, shown["chaos.kills_per_second"].value) == (1100, 11)
    # 22 of 1,000 kills repeated a message; one event in a hundred meets a kill.
    assert shown["chaos.repeated_messages"].value == pytest.approx(0.022)


@pytest.mark.parametrize(
    ("round_", "missed"),
    [
        pytest.param(a_round(lost=("job of fact 1",)), "chaos.lost", id="lost"),
        pytest.param(a_round(accepted=("replace ledger/1",)), "chaos.late_accepted", id="late_write"),
        pytest.param(a_round(is_put_back=False), "chaos.late_traffic", id="late_traffic"),
        pytest.param(a_round(repeated=200), "chaos.repeated_messages", id="repeated"),
        pytest.param(a_round(kills=1), "chaos.kills", id="few_kills"),
        pytest.param(a_round(zombies=1), "chaos.zombies", id="few_zombies"),
    ],
)
def test_a_single_loss_misses_the_goal(round_: chaos.Round, missed: str) -> None:
    shown = by_name(a_round(), round_)
    assert [name for name, figure in shown.items() if figure.is_met is False] == [missed]


FIRST, HALF, ALL = {"v-1": 100}, {"v-2": 50, "v-1": 50}, {"v-2": 100}


@pytest.mark.parametrize(
    ("moves", "late", "reached", "unexpected"),
    [
        pytest.param([{}, FIRST, HALF, ALL], [], 3, [], id="each_step_once"),
        pytest.param([FIRST, ALL], [], 1, [ALL], id="a_step_left_out"),
        pytest.param([FIRST, HALF, FIRST, HALF, ALL], [], 3, [FIRST], id="back_and_forth"),
        pytest.param([FIRST, HALF, ALL, HALF, ALL], [HALF], 3, [], id="a_late_write_put_back"),
        pytest.param([FIRST, HALF], [], 2, [], id="forgotten_on_the_way"),
    ],
)
def test_traffic_takes_its_course(
    moves: list[dict[str, int]], late: list[dict[str, int]], reached: int, unexpected: list[dict[str, int]]
) -> None:
    assert walk(moves, (FIRST, HALF, ALL), late) == (reached, unexpected)


def test_what_is_asked_for_counts() -> None:
    requested = Run(is_long=True, progress=print, requested={"kills": 7})
    assert chaos.Target.from_run(requested) == chaos.Target(7, chaos.LONG_ZOMBIES, chaos.LONG_MINUTES)


def test_where_nothing_can_be_forked_nothing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "fork")
    with pytest.raises(NotMeasurableHereError, match="forked"):
        chaos.run(Run(is_long=False, progress=print))


def test_points_are_before_and_after_what_changes_something() -> None:
    calls = [
        Call("events", "get", "models/"),
        Call("events", "create", "ledger/claimed"),
        Call("sweep", "submit_job", ""),
        Call("sweep", "submit_job", "", number=2),
        Call("sweep", "create", "arrivals.json"),
    ]
    assert points_of(calls) == [Point(moment, calls[number]) for number in (1, 2) for moment in ("before", "after")]


@pytest.mark.parametrize("point", [POINT, Point("after", Call("notices", "send", "teams", 2))])
def test_a_point_is_read_as_it_is_written(point: Point) -> None:
    assert Point.read(str(point)) == point


@pytest.mark.parametrize("text", ["create:ledger/", "during:events:create:ledger/:1", "after:lunch:create:ledger/:1"])
def test_what_is_no_point_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no point; write e.g. after:events:create:ledger/:1"):
        Point.read(text)
