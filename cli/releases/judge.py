"""`vigia releases judge`: the canary's judgement over exported rows of the traffic log, look by look."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.kit.errors import HEALTHY, NEEDS_A_PERSON, CommandError
from cli.kit.options import Format, OutputOption
from cli.kit.output import console, print_json, text, waiting
from shared.domain.releases.verdict import Judgement, Verdict

if TYPE_CHECKING:
    from cli.releases.traffic_rows import TrafficRows
    from shared.domain.releases.plan import ReleasePlan
    from shared.domain.releases.release import Release

TOO_LITTLE = 3
EXIT_CODES = {Verdict.PASS: HEALTHY, Verdict.FAIL: NEEDS_A_PERSON, Verdict.INCONCLUSIVE: TOO_LITTLE}
STYLES = {Verdict.PASS: "green", Verdict.FAIL: "red", Verdict.INCONCLUSIVE: "yellow"}
# A look costs as much as there was before it.
MOST_LOOKS = 3000
DEFAULTS = """\
model: model
kind: tabular
endpoint: {name: endpoint, type: online}
people: {owner: nobody@example.com}
rollout: {}
"""


@dataclass(frozen=True, slots=True)
class Look:
    """What the judge says at a time."""

    at: datetime
    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict, the time of the look that decided it (None where none did), and all looks until then."""

    verdict: Verdict
    at: datetime | None
    reason: str
    looks: tuple[Look, ...]


def command(
    traffic: Annotated[
        Path,
        typer.Argument(metavar="TRAFFIC", help="Rows of AmlOnlineEndpointTrafficLog: .csv, .jsonl or .parquet."),
    ],
    champion: Annotated[str, typer.Option("--champion", metavar="NAME", help="The deployment that served before.")],
    challenger: Annotated[str, typer.Option("--challenger", metavar="NAME", help="The new version's deployment.")],
    policy: Annotated[
        Path | None,
        typer.Option(
            "--policy", metavar="FILE", help="Whose rollout.judge counts; else the defaults.", show_default=False
        ),
    ] = None,
    endpoint: Annotated[
        str | None,
        typer.Option("--endpoint", metavar="NAME", help="Whose deployments they are.", show_default=False),
    ] = None,
    output: OutputOption = Format.TABLE,
) -> None:
    """Judge a new version by exported requests, as a release would have: one look per interval.

    It needs no Azure, no settings and no running app. The first look that fails the version ends it. Otherwise the last
    look counts; it passes once the bake is over, and says since when every look did. What the log does not have,
    predictions and labels, is not judged.

    Exit code 0: pass. 1: fail. 3: inconclusive. 2: it could not be judged.

    \b
    Examples:
      vigia releases judge traffic.csv --champion v-1 --challenger v-2
      vigia releases judge traffic.csv --champion blue --challenger green --policy policies/churn.yaml -o json
    """
    with waiting("judging"):
        from cli.releases.traffic_rows import read_traffic

        if champion == challenger:
            raise CommandError("cli.deployment", f"{champion} cannot be compared with itself", "name two deployments")
        plan = plan_of(policy)
        judged = judge_traffic(read_traffic(traffic, (champion, challenger), endpoint), plan, champion, challenger)
    if output is Format.JSON:
        print_json(judged)
    else:
        _print(judged)
    raise typer.Exit(EXIT_CODES[judged.verdict])


def plan_of(policy: Path | None) -> ReleasePlan:
    """Return the release plan of a policy, or of the defaults, without what a traffic log does not show.

    Raises:
        CommandError: the policy releases on a batch endpoint.
    """
    from cli.kit.policy_files import policy_of, read_policy
    from shared.release.sections.to_plan import plan_from

    plan = plan_from(read_policy(policy) if policy else policy_of(DEFAULTS, "the defaults"))
    if plan.batch:
        raise CommandError(
            "cli.strategy", f"{policy} is for a batch endpoint, which has no traffic", "give another one"
        )
    return replace(plan, judge=replace(plan.judge, score_shift_at_most=None, quality=None))


def judge_traffic(traffic: TrafficRows, plan: ReleasePlan, champion: str, challenger: str) -> Judged:
    """Return what the looks come to.

    Raises:
        CommandError: the rows span more intervals than are looked at.
    """
    from shared.engine.releases.judge import floor

    interval, begin = plan.judge.interval, traffic.begin(challenger)
    count = (traffic.end - floor(begin, interval)) // interval + 1
    if count > MOST_LOOKS:
        hint = f"export {MOST_LOOKS} intervals at most, or give a policy with a longer judge.interval"
        raise CommandError("cli.traffic", f"the rows are {count:,} intervals of {interval}", hint)
    # How long there is to look is known beforehand: to the rows' end.
    plan = replace(plan, decide_within=max(plan.decide_within, count * interval))
    looks: list[Look] = []
    for at, judgement in _judgements(traffic, _release(plan, champion, challenger, begin), count):
        looks.append(Look(at, judgement.verdict, judgement.reason))
        if judgement.verdict is Verdict.FAIL:
            return Judged(Verdict.FAIL, at, judgement.reason, tuple(looks))
    return _last(looks, begin + plan.bake)


def _judgements(traffic: TrafficRows, release: Release, count: int) -> Iterator[tuple[datetime, Judgement]]:
    """Yield what the app would say whenever an interval is over."""
    from shared.engine.releases.judge import floor, judged

    begin, interval = release.entered_at, release.plan.judge.interval
    for number in range(1, count + 1):
        at = floor(begin, interval) + number * interval
        judgement = judged(traffic, None, release, begin, timedelta(0), at)
        if judgement:
            yield at, judgement


def _last(looks: list[Look], baked_at: datetime) -> Judged:
    """Return the verdict of the last look; it passes from the first on since which all do and the bake is over."""
    if not looks:
        return Judged(Verdict.INCONCLUSIVE, None, "the policy judges nothing that the traffic log has", ())
    last, passed = looks[-1], None
    for look in reversed(looks):
        if look.verdict is not Verdict.PASS or look.at < baked_at:
            break
        passed = look
    if passed is None and last.verdict is Verdict.PASS:
        reason = f"{last.reason}; but the bake is over at {baked_at.isoformat()} only"
        return Judged(Verdict.INCONCLUSIVE, None, reason, tuple(looks))
    return Judged(last.verdict, passed.at if passed else None, last.reason, tuple(looks))


def _release(plan: ReleasePlan, champion: str, challenger: str, begin: datetime) -> Release:
    """Return a release whose first step has its traffic since the challenger's first request."""
    from shared.domain.ids import DeploymentName, EndpointName, FactKey, ModelName, ModelVersion
    from shared.domain.releases.release import ReleaseState, Serving
    from shared.release.open_release import Opening, new_release

    version = ModelVersion("1")
    opening = Opening(ModelName("model"), version, EndpointName("endpoint"), FactKey("judged"), None, "exported rows")
    return replace(
        new_release(opening, plan, begin),
        champion=Serving(DeploymentName(champion), None),
        challenger=Serving(DeploymentName(challenger), version),
        state=ReleaseState.CANARY,
        phase="baking",
        traffic_since=begin,
    )


def _print(judged: Judged) -> None:
    out, verdict = console(), None
    for look in judged.looks:
        if look.verdict is not verdict:
            line = f"{look.at:%Y-%m-%d %H:%M:%S} {look.verdict}: {look.reason}"
            out.print(text(line, STYLES[look.verdict]), soft_wrap=True)
        verdict = look.verdict
    at = f" at {judged.at.isoformat()}" if judged.at else ""
    out.print(text(f"{judged.verdict}{at}, {len(judged.looks)} looks: {judged.reason}", "bold"), soft_wrap=True)
