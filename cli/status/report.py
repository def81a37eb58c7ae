"""The report of `vigia status`, gathered from the stores and the workspace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from cli.kit.output import counted
from cli.releases.line import ReleaseLine
from cli.releases.records import newest_first
from shared.domain.ids import DeploymentName, FactKey
from shared.domain.releases.release import Release, ReleaseState
from shared.domain.state import Freeze, Training, WaitingData
from shared.errors import VigiaError
from shared.ports.workspace import endpoints_of
from shared.release.core.judgements import serves_unproven
from shared.release.core.words import split

if TYPE_CHECKING:
    from shared.bootstrap import App
    from shared.policy.sections.model import Policy
    from shared.release.core.observation import EndpointClaim
    from shared.store.monitors.monitors import MonitorRun

TRAININGS_SHOWN = 3
REASONS_SHOWN = 3
PARKED_READ = 50
READERS = 8
# Endings that leave something to look into; in the others Vigia or a person did what was to be done.
BAD_ENDINGS = frozenset({ReleaseState.FAILED, ReleaseState.LOST})


@dataclass(frozen=True, slots=True)
class Share:
    """One deployment's part of the traffic now, in percent."""

    deployment: str
    version: str | None
    percent: int
    state: str


@dataclass(frozen=True, slots=True)
class ParkedFact:
    """A fact whose reactions for the model could not be carried out, and why."""

    key: str
    kind: str
    problem: str


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """One model.

    `standing_drift` is what signals found last, whatever came after it. `releases` are the running ones, or else the
    last one; `traffic_problem` says why the workspace could not tell what serves; `attention` holds a sentence per
    thing that needs a person.
    """

    model: str
    endpoint: str
    endpoint_state: str | None
    champion: str | None
    champion_deployment: str | None
    traffic: tuple[Share, ...]
    traffic_problem: str | None
    releases: tuple[ReleaseLine, ...]
    freeze: Freeze | None
    trainings: tuple[Training, ...]
    monitor: MonitorRun | None
    attention: tuple[str, ...]
    standing_drift: tuple[MonitorRun, ...] = ()
    parked: tuple[ParkedFact, ...] = ()
    waiting: WaitingData | None = None


@dataclass(frozen=True, slots=True)
class OpenWork:
    """Work that is open or stuck, by its ids. `undelivered` notices are on their way, `failed` ones were given up.

    `given_up` counts what Event Grid could not deliver, in blobs; `poison` messages that failed too often.
    """

    open_facts: tuple[str, ...]
    parked_facts: tuple[str, ...]
    quarantined: Mapping[str, str] = field(default_factory=dict)
    undelivered_notices: int = 0
    failed_notices: int = 0
    given_up: int = 0
    poison: int = 0

    @property
    def attention(self) -> Iterator[str]:
        if self.given_up:
            yield f"{counted(self.given_up, 'delivery', 'deliveries')} given up by Event Grid: vigia events dead"
        if self.poison:
            yield f"{counted(self.poison, 'message')} failed too often: vigia events dead"
        if self.quarantined:
            reasons = [*self.quarantined.values()][:REASONS_SHOWN]
            more = "; …" if len(self.quarantined) > REASONS_SHOWN else ""
            yield f"{counted(len(self.quarantined), 'event')} in quarantine: {'; '.join(reasons)}{more}"
        if self.parked_facts:
            parked = counted(len(self.parked_facts), "fact")
            yield f"{parked} could not be acted on: vigia why {self.parked_facts[0][:16]}"
        if self.failed_notices:
            undelivered = counted(self.failed_notices, "notice")
            names = "VIGIA_TEAMS_WEBHOOK, VIGIA_ACS_ENDPOINT and VIGIA_SMTP_…"
            yield f"{undelivered} could not be delivered: vigia notices failed; check {names}"


@dataclass(frozen=True, slots=True)
class Report:
    at: datetime
    models: tuple[ModelStatus, ...]
    open_work: OpenWork

    @property
    def attention(self) -> tuple[str, ...]:
        of_models = [f"{status.model}: {line}" for status in self.models for line in status.attention]
        return (*of_models, *self.open_work.attention)


def gather(app: App, model: str | None) -> Report:
    """Return the state of every model that has a policy, or of the one."""
    now = app.clock.now()
    running = [stored.release for release in app.releases.open_ids() if (stored := app.releases.load(release))]
    policies = [policy for policy in app.policies if model is None or policy.model == model]
    open_work = _open_work(app)
    parked = _parked(app, open_work.parked_facts)

    def read(policy: Policy) -> ModelStatus:
        of_model = [release for release in running if release.model == policy.model]
        return _model(app, policy, of_model, tuple(parked.get(policy.model, ())))

    # Each endpoint takes several round trips to Azure ML.
    with ThreadPoolExecutor(READERS) as readers:
        return Report(now, tuple(readers.map(read, policies)), open_work)


def _model(app: App, policy: Policy, running: list[Release], parked: tuple[ParkedFact, ...]) -> ModelStatus:
    from shared.store.monitors.monitors import last_look, standing_drift

    now = app.clock.now()
    state = app.models.read(policy.model)
    claim = app.endpoints.read(policy.endpoint.name)
    shares, endpoint_state, problem = _traffic(app, policy)
    releases = running or newest_first(app, policy.model, 1)
    monitor_state, _ = app.monitor_states.read(policy.model)
    monitor = last_look(monitor_state)
    freeze = state.freeze if state.freeze and _is_in_force(state.freeze, now) else None
    what = "traffic" if policy.endpoint.type == "online" else "default deployment"
    attention = [*_about_releases(releases), *_about_traffic(shares, claim, problem, what)]
    if freeze:
        attention.append(f"retraining is frozen: {freeze.reason}")
    attention += [*_about_trainings(state.trainings), *_about_parked(parked)]
    if monitor and monitor.verdict == "error":
        attention.append(f"the monitor fails: {monitor.sentence}")
    version, deployment = _champion(claim, shares)
    return ModelStatus(
        model=policy.model,
        endpoint=policy.endpoint.name,
        endpoint_state=endpoint_state,
        champion=version,
        champion_deployment=deployment,
        traffic=shares,
        traffic_problem=problem,
        releases=tuple(ReleaseLine.from_release(release) for release in releases),
        freeze=freeze,
        trainings=tuple(reversed(state.trainings[-TRAININGS_SHOWN:])),
        monitor=monitor,
        attention=tuple(attention),
        standing_drift=tuple(run for run in standing_drift(monitor_state) if run != monitor),
        parked=parked,
        waiting=state.waiting,
    )


def _traffic(app: App, policy: Policy) -> tuple[tuple[Share, ...], str | None, str | None]:
    """Return the shares, the largest first, the endpoint's state, and why they could not be read."""
    try:
        record = endpoints_of(app.workspace, policy.endpoint.type).endpoint(policy.endpoint.name)
    except VigiaError as exc:
        return (), None, str(exc)
    if record is None:
        return (), None, None
    deployments_by_name = {deployment.name: deployment for deployment in record.deployments}
    shares = [
        Share(name, deployments_by_name[name].version, record.traffic.get(name, 0), deployments_by_name[name].state)
        if name in deployments_by_name
        else Share(name, None, record.traffic[name], "Missing")
        for name in {**deployments_by_name, **record.traffic}
    ]
    return tuple(sorted(shares, key=lambda share: (-share.percent, share.deployment))), record.state, None


def _champion(claim: EndpointClaim, shares: tuple[Share, ...]) -> tuple[str | None, str | None]:
    """Return version and deployment as recorded, else what has the most traffic."""
    if claim.champion:
        return claim.champion.version, claim.champion.deployment
    serving = [share for share in shares if share.percent]
    return (serving[0].version, serving[0].deployment) if serving else (None, None)


def _about_releases(releases: list[Release]) -> Iterator[str]:
    for release in releases:
        if release.held_because and not release.state.is_terminal:
            yield f"release {release.id} is held: {release.held_because}"
        elif release.state is ReleaseState.AWAITING_APPROVAL:
            yield f"release {release.id} waits for approval: {release.reason}"
        elif release.state in BAD_ENDINGS:
            yield f"release {release.id} {release.state}: {release.reason}"
        elif serves_unproven(release):
            yield f"version {release.version} serves, and is not proven to be sound: {release.reason}"


def _about_traffic(shares: tuple[Share, ...], claim: EndpointClaim, problem: str | None, what: str) -> Iterator[str]:
    if problem:
        yield f"the workspace cannot be read: {problem}"
        return
    if claim.owner or claim.champion is None:
        return
    traffic = {DeploymentName(share.deployment): share.percent for share in shares if share.percent}
    if traffic != {claim.champion.deployment: 100} and what != "traffic":
        yield f"the {what} is {next(iter(traffic), 'none')}, but the champion {claim.champion.deployment} should be it"
    elif traffic != {claim.champion.deployment: 100}:
        yield f"the traffic is {split(traffic)}, but the champion {claim.champion.deployment} should have it all"


def _about_trainings(trainings: Sequence[Training]) -> Iterator[str]:
    """Yield that the last training failed; one that runs by now may make up for it."""
    last = max(trainings, key=lambda training: training.started_at, default=None)
    if last and last.outcome == "failed":
        reason = f": {last.problem}" if last.problem else ""
        yield f"training {last.job} failed{reason}" + (f" ({last.link})" if last.link else "")


def _about_parked(parked: tuple[ParkedFact, ...]) -> Iterator[str]:
    for fact in parked:
        yield f"{fact.kind} could not be acted on: {fact.problem}: vigia why {fact.key[:16]}"


def _parked(app: App, keys: Sequence[str]) -> dict[str, list[ParkedFact]]:
    """Return the parked facts by the model whose reaction failed; of many, the first."""
    by_model: dict[str, list[ParkedFact]] = {}
    for key in keys[:PARKED_READ]:
        entry = app.ledger.entry(FactKey(key))
        failed = zip(entry.plan, entry.outcomes, strict=False) if entry else ()
        for reaction, outcome in failed:
            if outcome.status == "failed" and entry:
                parked = ParkedFact(key, entry.fact.kind, f"{reaction.name}: {outcome.detail}")
                by_model.setdefault(reaction.model, []).append(parked)
    return by_model


def _open_work(app: App) -> OpenWork:
    return OpenWork(
        open_facts=tuple(app.ledger.open_keys()),
        parked_facts=tuple(app.ledger.parked_keys()),
        quarantined={identifier: item.reason for identifier, item in app.quarantine.items()},
        undelivered_notices=len(list(app.outbox.store.in_state("pending"))),
        failed_notices=len(list(app.outbox.store.in_state("failed"))),
        given_up=app.dead_letters.count_given_up(),
        poison=app.dead_letters.count_poison(),
    )


def _is_in_force(freeze: Freeze, now: datetime) -> bool:
    return freeze.until is None or freeze.until > now
