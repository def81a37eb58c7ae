"""What releasing a version would do: read from the policy, the endpoint and the releases; nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from cli.kit import batch_words
from shared.domain.ids import EndpointName, FactKey, ModelVersion
from shared.domain.releases.outcome import tested_words
from shared.domain.releases.plan import KeepPlan, ReleasePlan
from shared.domain.releases.release import Release, Serving
from shared.ports.workspace import endpoints_of
from shared.release.core.names import release_id
from shared.release.core.transitions import DEPLOY_WITHIN, EVALUATE_WITHIN, GATE_WITHIN, SHIFT_WITHIN, WAIT_FOR_ENDPOINT
from shared.release.core.versions import is_newer
from shared.release.core.words import duration, split
from shared.release.open_release import Opening, new_release
from shared.release.sections.rollout import Rollout
from shared.release.sections.to_plan import plan_from

if TYPE_CHECKING:
    from shared.bootstrap import App
    from shared.policy.sections.model import Policy
    from shared.ports.endpoints import EndpointRecord


@dataclass(frozen=True, slots=True)
class Change:
    """`sign`: + for what is made, ~ for what is changed, - for what is removed."""

    sign: str
    what: str


@dataclass(frozen=True, slots=True)
class PlanReport:
    """Args:
    nothing: why nothing would change; empty when something would.
    waits: what stands in the way now; it may be gone by then.
    at_least: from its opening to its end, when nobody has to be waited for.
    at_most: the sum of all deadlines.
    """

    release: str
    endpoint: str
    nothing: str = ""
    waits: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    at_least: timedelta = timedelta(0)
    at_most: timedelta = timedelta(0)
    gates: tuple[str, ...] = field(default=())


def gather(app: App, policy: Policy, version: ModelVersion) -> PlanReport:
    """Return what would happen if this version were released now."""
    report = PlanReport(release_id(policy.model, version), policy.endpoint.name)
    if policy.section(Rollout) is None:
        return replace(report, nothing=f"the policy of {policy.model} has no rollout: new versions are not released")
    endpoint = endpoints_of(app.workspace, policy.endpoint.type).endpoint(policy.endpoint.name)
    would = _would_be(app, policy, version, endpoint)
    if nothing := _nothing(app, would):
        return replace(report, nothing=nothing)
    plan = would.plan
    return replace(
        report,
        waits=tuple(_waits(app, would, endpoint)),
        asks=tuple(_asks(would)),
        gates=tuple(_gates(would)),
        changes=tuple(_changes(would, endpoint)),
        at_least=(timedelta(0) if plan.batch else _bakes(would, plan.bake)) + plan.watch_for,
        at_most=_at_most(would),
    )


def _would_be(app: App, policy: Policy, version: ModelVersion, endpoint: EndpointRecord | None) -> Release:
    """Return the release as it would begin, knowing what serves."""
    opening = Opening(policy.model, version, EndpointName(policy.endpoint.name), FactKey("plan"), None, "plan")
    release = new_release(opening, plan_from(policy), app.clock.now())
    serving = (
        [deployment for deployment in endpoint.deployments if endpoint.traffic.get(deployment.name)] if endpoint else []
    )
    champion = Serving(serving[0].name, serving[0].version) if serving else None
    return replace(release, champion=champion)


def _nothing(app: App, would: Release) -> str:
    stored = app.releases.load(would.id)
    if stored and stored.release.state.is_terminal:
        return f"release {would.id} has ended, {stored.release.state}: {stored.release.reason}"
    champion = would.champion.version if would.champion else None
    if champion == would.version:
        return f"version {would.version} serves already"
    created = [app.workspace.model(would.model, version) for version in (champion, would.version) if version]
    times = [model.created_at if model else None for model in created]
    if champion and is_newer(champion, times[0], would.version, times[-1]):
        return f"version {champion} serves already, which is newer than {would.version}"
    return ""


def _waits(app: App, would: Release, endpoint: EndpointRecord | None) -> Iterator[str]:
    stored = app.releases.load(would.id)
    if stored:
        yield f"it is under way: {stored.release.state}, {stored.release.reason}"
        return
    if app.workspace.model(would.model, would.version) is None:
        yield f"the registry has no {would.model}:{would.version} yet; it is released when it is registered"
    if endpoint and len([share for share in endpoint.traffic.values() if share]) > 1:
        yield f"the traffic is split, {split(endpoint.traffic)}: a release waits until one deployment has it all"
    if owner := app.release_desk.active_on(would.endpoint):
        then = {
            "queue": "it waits for it",
            "replace": "it replaces it unless it was promoted",
            "refuse": "it is refused",
        }
        yield f"release {owner} holds endpoint {would.endpoint}: {then[would.plan.on_new_version]}"


def _gates(would: Release) -> Iterator[str]:
    for gate in would.plan.gates:
        settings = ", ".join(f"{key} {value}" for key, value in gate.settings.items() if value is not None)
        yield f"{gate.kind.replace('_', ' ')}: {settings}"


def _asks(would: Release) -> Iterator[str]:
    approval = would.plan.approval
    if approval.when == "always" or (approval.when == "production" and would.champion):
        people = ", ".join(approval.approvers)
        yield f"{approval.quorum} of {people} within {duration(approval.expires)}"


def _changes(would: Release, endpoint: EndpointRecord | None) -> Iterator[Change]:
    plan, challenger = would.plan, would.challenger.deployment
    if plan.evaluation:
        yield Change("+", f"job eval-{would.id}: {plan.evaluation.job} on {plan.evaluation.data}")
    if endpoint is None:
        yield Change("+", f"{'batch ' if plan.batch else ''}endpoint {would.endpoint}")
    if endpoint is None or all(deployment.name != challenger for deployment in endpoint.deployments):
        size = f"{plan.deployment.instance_count} × {plan.deployment.instance_type}"
        if plan.batch:
            size = batch_words.deployment_size(would, plan.batch)
        yield Change("+", f"deployment {challenger} with version {would.version}, {size}")
    yield from _moves(would)
    keep = plan.keep
    if keep and keep.then != "keep" and would.champion:
        how = "deleted" if keep.then == "delete" else "scaled down"
        when = f"after {duration(keep.champion_for)} {'as no default' if plan.batch else 'without traffic'}"
        yield Change("-", f"what was there before {would.champion.deployment} is {how} {when}")
        yield _old_champion(plan, keep, would.champion.deployment, how)


def _moves(would: Release) -> Iterator[Change]:
    """Yield what happens between the deployment and the end of the watch."""
    plan, challenger = would.plan, would.challenger.deployment
    if plan.batch:
        yield from (Change(sign, what) for sign, what in batch_words.changes(would, plan.batch))
        return
    if plan.smoke_test:
        yield Change("~", f"deployment {challenger} answers a smoke test")
    if plan.mirror and would.champion:
        yield Change(
            "~", f"{plan.mirror} % of the requests are copied to {challenger}, for {duration(plan.bake)} or more"
        )
    for index, share in enumerate(would.steps):
        previous, updated = split(would.traffic_at(index - 1)), split(would.traffic_at(index))
        bakes = f", for {duration(plan.bake)} or more" if share < 100 else f", watched for {duration(plan.watch_for)}"
        if plan.ab and share < 100:
            bakes = f", held for {duration(plan.bake)}, then tested: {tested_words(plan.ab)}"
        yield Change("~", f"traffic: {previous} → {updated}{bakes}")
    if would.holdback:
        last = split(would.traffic_at(len(would.steps) - 1))
        yield Change("~", f"traffic: {last} → {challenger} 100 %, when it is proven to be sound")


def _bakes(would: Release, bake: timedelta) -> timedelta:
    earlier_bakes = 1 if (would.plan.mirror or would.plan.batch) and would.champion else 0
    return (len([share for share in would.steps if share < 100]) + earlier_bakes) * bake


def _at_most(would: Release) -> timedelta:
    plan = would.plan
    before_traffic = (
        WAIT_FOR_ENDPOINT + GATE_WITHIN + DEPLOY_WITHIN + (EVALUATE_WITHIN if plan.evaluation else timedelta(0))
    )
    questions = bool(tuple(_asks(would))) + (plan.on_undecided == "ask" and would.champion is not None)
    shifts = len(would.steps) + bool(would.holdback)
    with_traffic = _bakes(would, plan.decide_within) + plan.watch_for
    return before_traffic + questions * plan.approval.expires + shifts * SHIFT_WITHIN + with_traffic


def _old_champion(plan: ReleasePlan, keep: KeepPlan, deployment: str, how: str) -> Change:
    if keep.last_known_good_for is None:
        # A batch deployment has machines only while a job of it runs.
        costs = "" if plan.batch else ", and costs its instances,"
        return Change("~", f"{deployment} stays as it is{costs} until the next release has ended")
    return Change("-", f"{deployment} is {how} {duration(keep.last_known_good_for)} after the watch")
