"""Open a release when a model version is registered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from shared.domain.fact import Fact, ModelRegistered
from shared.domain.ids import ModelVersion
from shared.domain.reaction import Reaction
from shared.domain.state import ModelState
from shared.errors import RetryableError
from shared.policy.sections.model import Policy
from shared.ports.jobs import JobRecord
from shared.ports.workspace import ModelRecord
from shared.reactions.retrain_section import Retrain
from shared.reactions.spec import Performed, ReactionContext, ReactionSpec, done
from shared.release.candidates import Candidate, compared
from shared.release.open_release import Opening, new_release
from shared.release.sections.gates_and_approval import SECTIONS
from shared.release.sections.rollout import Rollout
from shared.release.sections.to_plan import plan_from

NAME = "open-release"
# A registration may be announced before every read of the registry sees it. A version that still cannot be seen
# after this long was removed again.
REGISTRY_LAG = timedelta(minutes=10)
# How often an experiment is looked at whose jobs still run, and how many of the newest jobs are.
LOOK_AGAIN = timedelta(minutes=5)
MOST_JOBS = 200


def propose(fact: Fact, policy: Policy, state: ModelState, now: datetime) -> Iterable[Reaction]:
    match fact.body:
        case ModelRegistered(model=policy.model, version=version) if policy.section(Rollout) is not None:
            yield Reaction(NAME, policy.model, f"version {version} was registered", {"version": version})


def perform(reaction: Reaction, context: ReactionContext) -> Performed:
    version = ModelVersion(reaction.arguments["version"])
    # The event is a hint: what is released is what the registry says now.
    model = context.workspace.model(context.policy.model, version)
    if model is None:
        if context.now - context.fact.occurred_at < REGISTRY_LAG:
            about = f"the registry does not show {context.policy.model}:{version} yet"
            raise RetryableError("registry.lags", about)
        return done(reaction, f"the registry has no {context.policy.model}:{version}: nothing to release")
    job = context.workspace.job(model.job) if model.job else None
    is_chosen, choice = _chosen(job, context)
    if not is_chosen:
        return done(reaction, f"{context.policy.model}:{version} is not released: {choice}")
    release = new_release(_opening(model, job, context, choice), plan_from(context.policy), context.now)
    is_new = context.releases.open(release)
    detail = f"release {release.id} {release.reason}" if is_new else f"release {release.id} was opened before"
    return done(reaction, detail, release.id)


def _chosen(job: JobRecord | None, context: ReactionContext) -> tuple[bool, str]:
    """Return whether the job's version is the best of its experiment's candidates, and by what; others have none.

    What chose it must not judge it, too: the release's gates do, on rows of their own.

    Raises:
        RetryableError: jobs of the experiment have not ended.
    """
    retrain = context.policy.section(Retrain)
    rule = retrain.candidates if retrain else None
    if rule is None or job is None or job.experiment != rule.experiment:
        return True, ""
    since, model = context.now - rule.within, context.policy.model
    jobs = [job for job in context.workspace.recent_jobs(since, MOST_JOBS) if job.experiment == rule.experiment]
    running = [job.name for job in jobs if not job.has_ended]
    if running and context.now - context.fact.occurred_at < rule.within:
        message = f"{running[0]} of experiment {rule.experiment} has not ended"
        raise RetryableError("experiment.running", message, retry_after=LOOK_AGAIN)
    makers = {version.job for version in context.workspace.models_after(model, since, MOST_JOBS)}
    metrics = {job.name: context.workspace.job_metrics(job.name) for job in jobs if job.name in makers}
    ranking = compared(
        (
            Candidate(name, values[rule.metric], values.get(f"{rule.metric}_se"))
            for name, values in metrics.items()
            if rule.metric in values
        ),
        rule.better == "higher",
    )
    place = next((entry for entry in ranking if entry.candidate.job == job.name), None)
    if place is None:
        return False, f"its job logged no {rule.metric}, by which experiment {rule.experiment} is decided"
    best = ranking[0].candidate
    if place.candidate is best:
        return True, f"; the best of {len(ranking)} of experiment {rule.experiment} by {rule.metric}, {best.value:.4g}"
    interval = f", between {place.interval[0]:.4g} and {place.interval[1]:.4g}" if place.interval else ""
    return False, f"by {rule.metric} it is {place.behind:.4g} behind {best.job} of the same experiment{interval}"


def _opening(model: ModelRecord, job: JobRecord | None, context: ReactionContext, choice: str) -> Opening:
    """Return the release's lineage: from the tags of the job of ours that trained it, else from who registered it.

    Anybody can give a job of theirs our tags, and would be nobody's submitter: only jobs that we started are believed.
    """
    ours = {training.job for training in context.models.read(context.policy.model).trainings}
    tags = job.tags if job and job.name in ours else {}
    shown = tags.get("vigia.submitter", "") if tags else model.created_by
    submitter = context.people.address_of(shown)
    has_human = bool(shown) or not tags
    return Opening(
        model=model.name,
        version=model.version,
        endpoint=context.policy.endpoint.name,
        fact=context.key,
        submitter=submitter,
        cause=(_cause(tags) or f"registration by {model.created_by or 'somebody unknown'}") + choice,
        chain=_chain(tags.get("vigia.chain", "")),
        submitter_is_unknown=has_human and submitter is None,
    )


def _cause(tags: Mapping[str, str]) -> str:
    cause, commit, repository = (tags.get(f"vigia.{name}", "") for name in ("cause", "commit", "repository"))
    return f"{cause} for commit {commit[:12]} of {repository or 'a repository'}" if cause and commit else cause


def _chain(tag: str) -> int:
    # Tags can be edited by hand; a lineage that cannot be read starts afresh.
    return int(tag) if tag.isascii() and tag.isdigit() else 0


SPEC = ReactionSpec(NAME, propose, perform, SECTIONS, looks_at_state=())
