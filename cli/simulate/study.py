"""Gathers what `vigia simulate` shows: the plan, the traffic, the results, and advice where nothing is decided."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path

from cli.kit.context import open_app
from cli.kit.errors import CommandError
from cli.simulate.cells import SEED, rate_text
from shared.domain.ids import EndpointName
from shared.domain.releases.plan import ReleasePlan
from shared.policy.sections.model import Policy
from shared.policy.sections.quantities import Rate, duration_text, parse_percent
from shared.release.sections.rollout import Rollout
from shared.release.sections.to_plan import plan_from
from shared.simulate.advice import Advice, advice, time_needed
from shared.simulate.measurements import Change
from shared.simulate.result import SAME, SimulationResult, changes_for, is_plainly_bad, simulate_change
from shared.simulate.traffic import Traffic, constant, diurnal, learned

DEFAULT_PER_MINUTE = 1000.0
# Releases of each kind, where a policy is only asked whether it decides; fewer where each has very many intervals.
CHECKED_RUNS, FEWEST_CHECKED, CHECKED_INTERVALS = 200, 50, 400_000
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class StudyRequest:
    """The command's options, as they were given."""

    policy: Path
    requests: float | None
    lowest: float | None
    learn: bool
    latency: float | None
    errors: str | None
    runs: int
    seed: int
    settings: Path | None


@dataclass(frozen=True, slots=True)
class Study:
    """What was simulated and found.

    Args:
        needs: how long the first step needs for a middling good version; None for ever.
        origin: where the traffic is from, in words.
    """

    file: str
    model: str
    plan: ReleasePlan
    traffic: Traffic
    origin: str
    results: tuple[SimulationResult, ...]
    needs: timedelta | None
    advice: tuple[Advice, ...]
    seed: int

    @property
    def same(self) -> SimulationResult:
        return next(result for result in self.results if result.change == SAME)

    @property
    def missed(self) -> SimulationResult | None:
        """Return the plainly bad kind of version that gets through most; None when none does too often."""
        return max(
            (result for result in self.results if result.is_missed), key=lambda result: result.finished, default=None
        )

    @property
    def decides(self) -> bool:
        return self.same.decides and self.missed is None

    @property
    def headline(self) -> str:
        same = self.same
        if self.decides:
            return (
                f"{self.file} decides: of the good versions {same.finished:.1f} % get through, "
                f"{same.rolled_back:.2g} % are rolled back, {same.undecided:.1f} % are given up undecided"
            )
        if same.decides and (bad := self.missed):
            return (
                f"{self.file} cannot decide: of the versions with {bad.change.name} {bad.finished:.0f} % get through; "
                f"{self._watch_words} is too little to tell"
            )
        if len(self.plan.steps) == 1:
            proven = 100 - same.undecided
            return (
                f"{self.file} cannot decide: {self._watch_words} proves {proven:.0f} % of the good versions, and "
                "leaves the others to people"
            )
        share = self.plan.steps[0]
        needs = "more than a year" if self.needs is None else f"about {_span(self.needs)}"
        return (
            f"{self.file} cannot decide: {share} % of {rate_text(self.traffic.mean)} requests per minute needs {needs} "
            f"to decide; a step is given up after {_span(self.plan.decide_within)}, and so are {same.undecided:.0f} % "
            "of the good versions"
        )

    @property
    def _watch_words(self) -> str:
        held = f", {self.plan.holdback} % held back," if self.plan.holdback else ""
        return f"a watch of {_span(self.plan.watch_for)} at {rate_text(self.traffic.mean)} requests per minute{held}"

    @property
    def advice_lines(self) -> tuple[str, ...]:
        if self.decides:
            return ()
        if not self.advice:
            return ("no single change of the rollout helps with so little traffic; send probes, or have people decide",)
        return tuple(f"would decide: {advice.write}  ({advice.finished:.0f} % get through)" for advice in self.advice)

    @property
    def small_print(self) -> str:
        tested = "an A/B test's outcome is taken as proven, and only its guard simulated; " if self.plan.ab else ""
        return tested + (
            f"* within the tolerance; {self.same.runs:,} releases per row (seed {self.seed}); traffic: {self.origin}; "
            "times count from the first traffic; bad: requests served badly because of the difference until it was "
            "rolled back, or until the watch was over"
        )

    def as_json(self) -> dict[str, object]:
        return {
            "file": self.file,
            "model": self.model,
            "decides": self.decides,
            "needs": self.needs,
            "traffic": {"origin": self.origin, **asdict(self.traffic)},
            "outcomes": [
                {name: value for name, value in asdict(result).items() if name not in {"promotions", "roll_backs"}}
                for result in self.results
            ],
            "advice": self.advice,
            "seed": self.seed,
        }


def study(request: StudyRequest) -> Study:
    """Return what the policy's rollout does.

    Raises:
        CommandError: the options contradict each other, or nothing can be learned.
        PolicyError: the policy releases nothing.
        PolicyProblemsError: it is wrong.
    """
    from cli.kit.policy_files import read_policy

    policy = read_policy(request.policy)
    plan = plan_from(policy)
    if plan.batch:
        message = f"{request.policy} releases on a batch endpoint, which has no traffic to simulate"
        hint = "docs/how-to/release-a-batch-model.md says how many rows a comparison needs"
        raise CommandError("cli.no_traffic", message, hint)
    traffic, origin = _traffic(request, policy)
    changes = (*changes_for(plan.judge), *_own(request))
    results = tuple(
        simulate_change(plan, traffic, change, request.runs, request.seed) for change in dict.fromkeys(changes)
    )
    studied = Study(
        file=str(request.policy),
        model=policy.model,
        plan=plan,
        traffic=traffic,
        origin=origin,
        results=results,
        needs=time_needed(plan, traffic),
        advice=(),
        seed=request.seed,
    )
    return studied if studied.decides else replace(studied, advice=advice(plan, traffic, request.seed, duration_text))


def undecided(policy: Policy) -> str:
    """Return why the rollout cannot decide with the traffic that it expects, by the same simulation; empty when it can,
    expects none, or is judged by something else."""
    rollout = policy.section(Rollout)
    if rollout is None or rollout.expected_traffic is None or rollout.strategy in {"ab", "batch"}:
        return ""
    plan, traffic = plan_from(policy), constant(_per_minute(rollout.expected_traffic))
    runs = min(
        CHECKED_RUNS, max(FEWEST_CHECKED, CHECKED_INTERVALS // max(1, plan.decide_within // plan.judge.interval))
    )
    same = simulate_change(plan, traffic, SAME, runs, SEED)
    worse = [change for change in changes_for(plan.judge) if is_plainly_bad(change, plan.judge)] if same.decides else []
    results = (same, *(simulate_change(plan, traffic, change, runs, SEED) for change in worse))
    needs = None if same.decides else time_needed(plan, traffic)
    studied = Study("it", policy.model, plan, traffic, "", results, needs, (), SEED)
    return "" if studied.decides else studied.headline


def _per_minute(rate: Rate) -> float:
    return rate.count / (rate.per / timedelta(minutes=1))


def _own(request: StudyRequest) -> list[Change]:
    changes = []
    if request.latency is not None:
        changes.append(Change(f"latency {request.latency:g} times", latency=request.latency))
    if request.errors is not None:
        try:
            share = parse_percent(request.errors)
        except ValueError as exc:
            raise CommandError("cli.percent", f"--errors {exc}", "write e.g. --errors 2%") from exc
        changes.append(Change(f"errors +{share:g} %", errors=share / 100))
    return changes


def _traffic(request: StudyRequest, policy: Policy) -> tuple[Traffic, str]:
    if request.learn and (request.requests is not None or request.lowest is not None):
        raise CommandError("cli.traffic", "--learn and --requests both give the traffic", "leave one of them out")
    if request.learn:
        return _learned(request, policy)
    rollout = policy.section(Rollout)
    expected = rollout.expected_traffic if rollout else None
    if request.requests is not None:
        highest, origin = request.requests, f"{request.requests:,g} requests per minute"
    elif expected is not None:
        highest, origin = _per_minute(expected), f"{expected} (expected_traffic)"
    else:
        highest, origin = DEFAULT_PER_MINUTE, f"{DEFAULT_PER_MINUTE:,g} requests per minute (give --requests)"
    if request.lowest is None:
        return constant(highest), origin
    if request.lowest > highest:
        raise CommandError(
            "cli.traffic", f"--at-night {request.lowest:g} is more than by day", "write a smaller number"
        )
    return diurnal(request.lowest, highest), f"{origin} in the afternoon, {request.lowest:g} at night"


def _learned(request: StudyRequest, policy: Policy) -> tuple[Traffic, str]:
    app = open_app(request.settings)
    now = app.clock.now()
    end = now.replace(minute=0, second=0, microsecond=0)
    intervals = app.telemetry.intervals(EndpointName(policy.endpoint.name), end - DAY, end, HOUR)
    traffic = learned(intervals, HOUR)
    if traffic is None:
        raise CommandError(
            "cli.no_traffic", f"endpoint {policy.endpoint.name} had no requests in the last day", "give --requests"
        )
    return (
        traffic,
        f"learned from the last day: {rate_text(traffic.mean)} requests per minute, {traffic.errors:.2%} failing",
    )


def _span(length: timedelta) -> str:
    hours = length / HOUR
    if hours < 2:
        return f"{length / timedelta(minutes=1):.0f} min"
    return f"{hours:.0f} h" if hours < 72 else f"{hours / 24:.0f} d"
