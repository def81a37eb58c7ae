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
from tests.chaos.campaign import Campaign
from tests.chaos.points import Point
from tests.chaos.tally import Tally
from tests.chaos.town import Town

KILLS, LONG_KILLS = 80, 1_000
ZOMBIES, LONG_ZOMBIES = 10, 100
ZOMBIES_AT_ONCE = 12
ANYTIME, LONG_ANYTIME = 20, 60
RELEASED = tuple(f"released-{number}" for number in range(8))
LONGEST_SECONDS, LONG_LONGEST_SECONDS = 600.0, 7200.0
MOST_BREAKDOWNS = 3
# What is not done by then counts as lost; a busy machine needs its time.
SETTLE_SECONDS = 600.0
# The crash rate that the share of repeated messages is told for.
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


def play(town: Town, chance: random.Random, points: Sequence[Point], anytime: int) -> tuple[Round, Sequence[Point]]:
    """Play a round in a new town and return it with its points.

    Args:
        points: those found in an earlier round, if there was one.
        anytime: how many workers to kill at no point in particular.
    """
    campaign = Campaign(town, settle_seconds=SETTLE_SECONDS)
    campaign.begin()
    found = points or campaign.explore()
    missed = campaign.kill_at(found)
    campaign.kill_anytime(anytime, chance)
    campaign.settle()
    killed = campaign.tally()
    releasing = sum(point.call.errand == "releases" for point in found)
    on_the_way = [point for point in found if point.call.errand in {"events", "notices"}]
    campaign.freeze_at(chance.sample(on_the_way, min(ZOMBIES_AT_ONCE, len(on_the_way))))
    moves = campaign.write_traffic_late()
    campaign.settle()
    ended = Round(
        campaign.tally(),
        len(found),
        missed,
        killed.kills - releasing,
        killed.duplicate_notices,
        is_late_traffic_put_back=moves[-2:] == [{"v-1": 100}, {"v-2": 100}],
    )
    return ended, found


def figures(rounds: Sequence[Round], seconds: float, breakdowns: int, is_long: bool) -> list[Figure]:
    """Return what the rounds come to."""

    def total(of: Callable[[Round], int]) -> int:
        return sum(of(each) for each in rounds)

    kills, zombies = total(lambda each: each.tally.kills), total(lambda each: each.tally.zombies)
    refused = total(lambda each: each.tally.late_refused)
    accepted = total(lambda each: len(each.tally.late_accepted))
    share = total(lambda each: each.repeated_by_kills) / max(1, total(lambda each: each.kills_on_the_way))
    put_back = total(lambda each: each.is_late_traffic_put_back)
    points, none = max(each.points for each in rounds), Goal("=", 0)
    return [
        Figure(
            "chaos.kills", kills, "", f"workers killed, at {points} points and anywhere", _at_least(LONG_KILLS, is_long)
        ),
        Figure("chaos.kills_per_second", kills / seconds, "/s", "with all that they cost: starts, recovery, counting"),
        Figure("chaos.missed", total(lambda each: len(each.missed)), "", "points that no worker came to"),
        Figure("chaos.zombies", zombies, "", "workers frozen past their lease", _at_least(LONG_ZOMBIES, is_long)),
        Figure("chaos.facts", total(lambda each: each.tally.facts), "", "facts told, each at least twice"),
        Figure("chaos.lost", total(lambda each: len(each.tally.lost)), "", "effects lost", none),
        Figure("chaos.doubled", total(lambda each: len(each.tally.doubled)), "", "jobs, traffic moves twice", none),
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
    kills, zombies = (LONG_KILLS, LONG_ZOMBIES) if run.is_long else (KILLS, ZOMBIES)
    anytime = LONG_ANYTIME if run.is_long else ANYTIME
    began, chance = time.monotonic(), random.Random(1)
    until = began + (LONG_LONGEST_SECONDS if run.is_long else LONGEST_SECONDS)
    rounds: list[Round] = []
    points: Sequence[Point] = ()
    breakdowns = 0
    while not _is_enough(rounds, kills, zombies) and time.monotonic() < until:
        done = sum(each.tally.kills for each in rounds)
        run.progress(f"round {len(rounds) + 1}, {done:,} of {kills:,} kills")
        with tempfile.TemporaryDirectory(prefix="vigia-chaos-") as folder:
            try:
                with Town(Path(folder) / "town", RELEASED) as town:
                    ended, points = play(town, chance, points, anytime)
            except (AzureError, URLError) as exc:
                breakdowns += 1
                run.progress(f"a round is not counted: {type(exc).__name__}: {str(exc).splitlines()[0]}")
                if breakdowns > MOST_BREAKDOWNS:
                    raise BenchmarkError(f"{breakdowns} rounds broke down: {exc}") from exc
                continue
            except LocalSystemError as exc:
                raise BenchmarkError(str(exc)) from exc
        rounds.append(ended)
        for told in (*ended.tally.lost, *ended.tally.doubled, *ended.tally.late_accepted):
            run.progress(f"found: {told}")
        for point in ended.missed:
            run.progress(f"no worker came to {point}")
    return figures(rounds, time.monotonic() - began, breakdowns, run.is_long)


def _is_enough(rounds: Sequence[Round], kills: int, zombies: int) -> bool:
    tallies = [each.tally for each in rounds]
    return sum(each.kills for each in tallies) >= kills and sum(each.zombies for each in tallies) >= zombies


def _at_least(bound: int, is_long: bool) -> Goal | None:
    return Goal(">=", bound) if is_long else None


SPEC = Benchmark("chaos", "processes killed and frozen at every step, and what was lost or done twice", run, True)
