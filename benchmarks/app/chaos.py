"""Nothing lost, nothing done twice: real processes killed and frozen anywhere; what they did, counted from outside."""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

from azure.core.exceptions import AzureError

from benchmarks.harness.spec import Benchmark, BenchmarkError, Figure, Goal, NotMeasurableHereError, Run
from local.errors import LocalSystemError
from tests.chaos.campaign import WATCHED, Campaign
from tests.chaos.points import Point
from tests.chaos.tally import Tally
from tests.chaos.town import Town

KILLS, LONG_KILLS = 80, 1_000
ZOMBIES, LONG_ZOMBIES = 10, 100
ZOMBIES_AT_ONCE = 12
ANYTIME, LONG_ANYTIME = 20, 60
RELEASED, IN_STEPS = 5, 5
RELEASING_ZOMBIES = 3
MINUTES, LONG_MINUTES = 10, 240
MOST_BREAKDOWNS = 3
# What is not done by then counts as lost; a busy machine needs its time.
SETTLE_SECONDS = 600.0
# The crash rate that the share of repeated messages refers to.
CRASH_RATE = 0.01


@dataclass(frozen=True)
class Round:
    """One town from its beginning to its end.

    Args:
        kills_on_the_way: of workers that handled events, notices or other workers' facts, not releases.
        repeated_by_kills: messages to people that came again before anybody was frozen.
        is_late_traffic_put_back: whether the newest version has the traffic that a woken worker took from it.
    """

    tally: Tally
    points: int
    missed: Sequence[Point]
    kills_on_the_way: int
    repeated_by_kills: int
    is_late_traffic_put_back: bool


@dataclass(frozen=True, slots=True)
class Target:
    """How many kills and zombies, and how long it may take at most, in minutes; rounds are not broken off."""

    kills: int
    zombies: int
    minutes: int

    @classmethod
    def from_run(cls, run: Run) -> Target:
        usual = (LONG_KILLS, LONG_ZOMBIES, LONG_MINUTES) if run.is_long else (KILLS, ZOMBIES, MINUTES)
        return cls(*(run.requested.get(option, number) for option, number in zip(OPTIONS, usual, strict=True)))


def play(
    town: Town, chance: random.Random, points: Sequence[Point], anytime: int, tell: Callable[[str], None]
) -> tuple[Round, Sequence[Point]]:
    """Play a round in a new town and return it with its points.

    Args:
        points: those found in an earlier round, if there was one.
        anytime: how many workers to kill at no point in particular.
    """
    campaign = Campaign(town, settle_seconds=SETTLE_SECONDS)
    campaign.begin()
    if not points:
        tell("a calm worker is watched")
    all_points = points or campaign.explore()
    tell(f"{len(all_points)} points to die at")
    missed = campaign.kill_at(all_points)
    campaign.kill_anytime(anytime, chance)
    tell(f"{len(town.killed)} killed; the rest is finished and counted")
    campaign.settle()
    killed = campaign.tally()
    releasing = sum(point.call.errand == "releases" for point in all_points)
    on_the_way = [point for point in all_points if point.call.errand in {"events", "notices"}]
    releasing_points = [point for point in all_points if point.call.errand == "releases"]
    chosen = _some(on_the_way, ZOMBIES_AT_ONCE, chance) + _some(releasing_points, RELEASING_ZOMBIES, chance)
    tell(f"{len(chosen)} points to freeze at")
    campaign.freeze_at(chosen)
    moves = campaign.write_traffic_late()
    campaign.settle()
    ended = Round(
        campaign.tally(),
        len(all_points),
        missed,
        killed.kills - releasing,
        killed.duplicate_notices,
        is_late_traffic_put_back=moves[-2:] == [{"v-1": 100}, WATCHED],
    )
    return ended, all_points


def _some(points: Sequence[Point], number: int, chance: random.Random) -> list[Point]:
    return chance.sample(points, min(number, len(points)))


def figures(rounds: Sequence[Round], seconds: float, breakdowns: int, target: Target) -> list[Figure]:
    """Return what the rounds come to."""

    def total(count: Callable[[Round], int]) -> int:
        return sum(count(turn) for turn in rounds)

    kills, zombies = total(lambda turn: turn.tally.kills), total(lambda turn: turn.tally.zombies)
    refused = total(lambda turn: turn.tally.late_refused)
    accepted = total(lambda turn: len(turn.tally.late_accepted))
    share = total(lambda turn: turn.repeated_by_kills) / max(1, total(lambda turn: turn.kills_on_the_way))
    put_back = total(lambda turn: turn.is_late_traffic_put_back)
    points, none = max(turn.points for turn in rounds), Goal("=", 0)
    return [
        Figure(
            "chaos.kills",
            kills,
            "",
            f"workers killed, at {points} points and anywhere",
            Goal(">=", target.kills),
        ),
        Figure("chaos.kills_per_second", kills / seconds, "/s", "with all that they cost: starts, recovery, counting"),
        Figure("chaos.missed", total(lambda turn: len(turn.missed)), "", "points that no worker came to"),
        Figure("chaos.zombies", zombies, "", "workers frozen past their lease", Goal(">=", target.zombies)),
        Figure("chaos.facts", total(lambda turn: turn.tally.facts), "", "facts published, each at least twice"),
        Figure("chaos.lost", total(lambda turn: len(turn.tally.lost)), "", "effects lost", none),
        Figure("chaos.doubled", total(lambda turn: len(turn.tally.doubled)), "", "jobs, steps, notices twice", none),
        Figure("chaos.in_digests", total(lambda turn: turn.tally.in_digests), "", "notices sent in a digest"),
        Figure("chaos.late_refused", refused, "", "writes of woken workers that were refused"),
        Figure("chaos.late_accepted", accepted, "", "and that were not", none),
        Figure("chaos.late_traffic", len(rounds) - put_back, "", "late writes of traffic that stayed", none),
        Figure(
            "chaos.repeated_messages",
            100 * CRASH_RATE * share,
            "%",
            f"of events, at a crash rate of {CRASH_RATE:.0%}: {100 * share:.2g} % of the kills repeated one",
            Goal("<=", 0.1),
        ),
        Figure("chaos.breakdowns", breakdowns, "", "rounds not counted, as the storage emulator stood still"),
    ]


def run(run: Run) -> list[Figure]:
    if not hasattr(os, "fork"):
        raise NotMeasurableHereError("workers are forked, killed and frozen, which this system cannot do")
    target = Target.from_run(run)
    anytime = LONG_ANYTIME if run.is_long else ANYTIME
    began, chance = time.monotonic(), random.Random(1)
    rounds: list[Round] = []
    points: Sequence[Point] = ()
    breakdowns = 0
    while not _is_enough(rounds, target) and time.monotonic() < began + 60 * target.minutes:
        so_far = _so_far(rounds, target)
        run.progress(so_far)
        with tempfile.TemporaryDirectory(prefix="vigia-chaos-") as folder:
            try:
                with Town(Path(folder) / "town", _models("released", RELEASED), _models("steps", IN_STEPS)) as town:
                    ended, points = play(town, chance, points, anytime, _telling(run, so_far))
            except (AzureError, URLError) as exc:
                breakdowns += 1
                run.progress(f"a round is not counted: {type(exc).__name__}: {str(exc).splitlines()[0]}")
                if breakdowns > MOST_BREAKDOWNS:
                    raise BenchmarkError(f"{breakdowns} rounds broke down: {exc}") from exc
                continue
            except (LocalSystemError, RuntimeError) as exc:
                raise BenchmarkError(str(exc)) from exc
        rounds.append(ended)
        for effect in (*ended.tally.lost, *ended.tally.doubled, *ended.tally.late_accepted):
            run.progress(f"found: {effect}")
        for point in ended.missed:
            run.progress(f"no worker came to {point}")
    return figures(rounds, time.monotonic() - began, breakdowns, target)


def _so_far(rounds: Sequence[Round], target: Target) -> str:
    tallies = [turn.tally for turn in rounds]
    kills, zombies = sum(tally.kills for tally in tallies), sum(tally.zombies for tally in tallies)
    wrong = sum(len((*tally.lost, *tally.doubled, *tally.late_accepted)) for tally in tallies)
    return (
        f"round {len(rounds) + 1}, {kills:,} of {target.kills:,} kills, {zombies:,} of {target.zombies:,} zombies, "
        f"{wrong} lost or doubled"
    )


def _telling(run: Run, so_far: str) -> Callable[[str], None]:
    return lambda what: run.progress(f"{so_far}; {what}")


def _models(name: str, number: int) -> list[str]:
    return [f"{name}-{index}" for index in range(number)]


def _is_enough(rounds: Sequence[Round], target: Target) -> bool:
    tallies = [turn.tally for turn in rounds]
    kills, zombies = sum(tally.kills for tally in tallies), sum(tally.zombies for tally in tallies)
    return kills >= target.kills and zombies >= target.zombies


OPTIONS = {
    "kills": "how many workers are killed at least",
    "zombies": "how many are frozen at least",
    "minutes": "after how long no further round is begun",
}
SPEC = Benchmark(
    "chaos", "processes killed and frozen at every step, and what was lost or done twice", run, True, OPTIONS
)
