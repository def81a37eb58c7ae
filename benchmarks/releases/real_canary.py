"""A canary with real processes: good, slow and failing versions through the whole system, and an abort.

Versions are registered in the emulated workspace. From there on everything is the product's own: the event, the
release, deployments, traffic, the traffic log, the judgement, promotion and roll back. Nothing tells it which version
is bad.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.harness.spec import Benchmark, BenchmarkError, Figure, Goal, Run
from benchmarks.releases.canary_town import CanaryTown, Version, seconds_in
from local.errors import LocalSystemError
from local.profile import QUICK, UNKIND
from shared.domain.ids import ReleaseId
from shared.domain.releases.release import Release, ReleaseState

ROUNDS, LONG_ROUNDS = 1, 5
HEALTHY, SLOW, FAILING = Version(), Version(slower_by=0.3), Version(fails=0.02)
EXPECTED_END = {HEALTHY: ReleaseState.FINISHED, SLOW: ReleaseState.ROLLED_BACK, FAILING: ReleaseState.ROLLED_BACK}
NAMES = {HEALTHY: "healthy", SLOW: "slow", FAILING: "failing"}


@dataclass(frozen=True, slots=True)
class CanaryResult:
    """What became of one version.

    Args:
        serves: the traffic afterwards, as Azure ML answers it.
        seconds: from the beginning of its canary to the decision.
        restoring: from the decision to the champion's traffic read back; 0 when it was promoted.
    """

    version: Version
    release: Release
    serves: dict[str, int]
    seconds: float
    restoring: float

    @property
    def is_right(self) -> bool:
        """Return whether it ended as it should, and the right deployment has all the traffic."""
        champion, challenger = self.release.champion, self.release.challenger
        winner = challenger if EXPECTED_END[self.version] is ReleaseState.FINISHED else champion
        return (
            self.release.state is EXPECTED_END[self.version]
            and winner is not None
            and self.serves == {winner.deployment: 100}
        )


@dataclass(frozen=True, slots=True)
class Aborted:
    """What an abort did: from the request to the champion's traffic read back by the release, and by us."""

    release: Release
    seconds: float

    @property
    def is_right(self) -> bool:
        return self.release.state is ReleaseState.ABORTED


def released(town: CanaryTown, version: Version) -> CanaryResult:
    ended = town.ended(town.register(version))
    serves = town.serves()
    entered = {move.entered: move.at for move in reversed(ended.history)}
    decided = entered.get(ReleaseState.ROLLING_BACK) or entered.get(ReleaseState.PROMOTED) or ended.entered_at
    begun = entered.get(ReleaseState.CANARY, ended.opened_at)
    restoring = seconds_in(ended, ReleaseState.ROLLING_BACK)
    return CanaryResult(version, ended, serves, (decided - begun).total_seconds(), restoring)


def aborted(town: CanaryTown) -> Aborted:
    """Abort a healthy version in the middle of its canary."""
    number = town.register(HEALTHY)
    release = town.baking(number)
    champion = release.champion
    if champion is None:
        raise BenchmarkError("the release to abort has no champion to go back to")
    began = time.monotonic()
    town.world.app.release_desk.request_abort(ReleaseId(release.id), "ana@example.com", "a benchmark")
    town.until(
        "the champion has all the traffic", lambda: True if town.serves() == {champion.deployment: 100} else None
    )
    ended = town.ended(number)
    return Aborted(ended, time.monotonic() - began)


def figures(
    canaries: Sequence[CanaryResult], aborts: Sequence[Aborted], answers: dict[str, dict[int, int]]
) -> list[Figure]:
    shown = []
    words = {
        "healthy": "as good as the champion: promoted",
        "slow": "+30 % latency: rolled back",
        "failing": "2 % errors: rolled back",
    }
    for version, name in NAMES.items():
        matching = [canary for canary in canaries if canary.version == version]
        right = 100 * sum(canary.is_right for canary in matching) / len(matching) if matching else float("nan")
        shown.append(
            Figure(
                f"real_canary.{name}_right_percent", right, "%", f"{words[name]}; {len(matching)} times", Goal("=", 100)
            )
        )
        shown.append(
            Figure(
                f"real_canary.{name}_s", _median(canary.seconds for canary in matching), "s", "its canary until decided"
            )
        )
    slow = [
        canary.release.judgement.numbers.get("latency_ratio", 0.0)
        for canary in canaries
        if canary.version == SLOW and canary.release.judgement
    ]
    shown.append(Figure("real_canary.slow_ratio", _median(slow), "x", "how much slower it was measured to be"))
    restoring = max((canary.restoring for canary in canaries if canary.restoring), default=float("nan"))
    shown.append(
        Figure(
            "real_canary.restored_s",
            restoring,
            "s",
            "slowest: a failure judged to the champion's traffic read back",
            Goal("<=", 60),
        )
    )
    shown.append(
        Figure(
            "real_canary.aborts_right",
            sum(abort.is_right for abort in aborts),
            "",
            f"of {len(aborts)} aborts",
            Goal("=", len(aborts)),
        )
    )
    slowest = max((abort.seconds for abort in aborts), default=float("nan"))
    shown.append(
        Figure("real_canary.abort_s", slowest, "s", "slowest: abort asked to last known good read back", Goal("<=", 60))
    )
    lost = sum(
        count for by_status in answers.values() for status, count in by_status.items() if status not in {200, 424}
    )
    sent = sum(sum(by_status.values()) for by_status in answers.values())
    shown.append(
        Figure(
            "real_canary.unanswered", lost, "", f"of {sent:,} requests, but for the failing version's own errors", None
        )
    )
    return shown


def _median(values: Iterable[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if ordered else float("nan")


def run(run: Run) -> list[Figure]:
    return measured(LONG_ROUNDS if run.is_long else ROUNDS, run)


def measured(rounds: int, run: Run, versions: Sequence[Version] = (HEALTHY, SLOW, FAILING)) -> list[Figure]:
    """Play the rounds in one system.

    Raises:
        BenchmarkError: the system did not start, or stood still.
    """
    canaries: list[CanaryResult] = []
    aborts: list[Aborted] = []
    with tempfile.TemporaryDirectory(prefix="vigia-bench-") as folder:
        try:
            with CanaryTown(Path(folder), UNKIND if run.is_unkind else QUICK) as town:
                town.begin()
                for number in range(1, rounds + 1):
                    for version in versions:
                        run.progress(f"round {number}: a {NAMES[version]} version")
                        canaries.append(released(town, version))
                        run.progress(
                            f"{datetime.now(UTC):%H:%M:%S} {canaries[-1].release.state}: {canaries[-1].release.reason}"
                        )
                    run.progress(f"round {number}: an abort")
                    aborts.append(aborted(town))
                answers = town.traffic.replay.answers() if town.traffic else {}
        except LocalSystemError as exc:
            raise BenchmarkError(f"the local system failed: {exc}") from exc
    return figures(canaries, aborts, answers)


SPEC = Benchmark(
    "real_canary",
    "a canary with real processes: good, slow and failing versions, and an abort",
    run,
    takes_minutes=True,
)
