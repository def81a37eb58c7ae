"""Start a training job: on drift, on new data, or because someone asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from urllib.parse import unquote

from shared.domain.assets import DATASTORE, datastore_path, datastore_uri
from shared.domain.fact import DataArrived, DriftDetected, Fact, RetrainingRequested
from shared.domain.ids import JobName, correlation_of
from shared.domain.notice import NoticeKind
from shared.domain.reaction import Reaction
from shared.domain.state import Declined, ModelState, Training
from shared.domain.training import BeforeTraining
from shared.drift.signals.azure_signals import family_of
from shared.errors import PermanentError
from shared.policy.deciding.guardrails import (
    MEASURED_CAUSES,
    breaker_guardrail,
    chain_guardrail,
    next_chain,
    retraining_guardrail,
    training_guardrail,
)
from shared.policy.deciding.new_training import nothing_new_guardrail, unconfirmed_guardrail, undecided_guardrail
from shared.policy.sections.model import Policy
from shared.ports.jobs import JobRequest
from shared.reactions.before_training import read_before
from shared.reactions.retrain_section import MOST_TRAININGS, Retrain
from shared.reactions.spec import (
    Performed,
    ReactionContext,
    ReactionSpec,
    arguments,
    done,
    held_back,
    notify_held_back,
    suppression_notice,
)
from shared.reactions.waiting_data import (
    LATER,
    incomplete,
    is_incomplete,
    still_waiting,
    trained_meanwhile,
    with_waiting,
)
from shared.reactions.waiting_data import REQUESTED_BY as WAITING_DATA

NAME = "start-training"
# Who asks when no person does; a guardrail that waits for a person is not satisfied by it.
SCHEDULE = "schedule"


def propose(fact: Fact, policy: Policy, state: ModelState, now: datetime) -> Iterable[Reaction]:
    retrain = policy.section(Retrain)
    if retrain is None:
        return
    cause, reason = _cause(fact, policy, retrain)
    if cause:
        held_by = _not_by_itself(policy, cause) or _guardrail(state, retrain, cause, now) or incomplete(fact)
        yield Reaction(NAME, policy.model, reason, arguments(cause=cause, submitter=_person(fact)), held_by)


def _person(fact: Fact) -> str | None:
    """Return who asked, when it is a person."""
    requester = fact.body.requested_by if isinstance(fact.body, RetrainingRequested) else SCHEDULE
    return None if requester in {SCHEDULE, WAITING_DATA} else requester


def _cause(fact: Fact, policy: Policy, retrain: Retrain) -> tuple[str, str]:
    """Return why this fact asks for a training, as (cause, sentence); empty when it does not."""
    match fact.body:
        case DriftDetected(detail=detail) as drift:
            trigger = _trigger(drift)
            return (trigger, f"{trigger}: {detail}") if trigger in retrain.on else ("", "")
        case DataArrived(data=data) if data and "new-data" in retrain.on and _uses(retrain, data):
            return "new-data", f"new data: {data} has a new version"
        case DataArrived(location=location) if "new-data" in retrain.on and _reads(retrain, location):
            return "new-data", f"new data: {location}"
        case RetrainingRequested(model=model, reason=reason, requested_by=person) as request if model == policy.model:
            if person in {SCHEDULE, WAITING_DATA}:
                return person, reason
            return "request", f"{person} asked for it: {reason}{_pipeline_words(request)}"
    return "", ""


def _pipeline_words(request: RetrainingRequested) -> str:
    parts = (
        f"commit {request.commit[:12]}" if request.commit else "",
        f"of {request.repository}" if request.repository else "",
        request.run_url,
    )
    words = " ".join(part for part in parts if part)
    return f" ({words})" if words else ""


def _trigger(drift: DriftDetected) -> str:
    """Return what a monitor's signal is called in `retrain.on`; "" where no training helps: broken data."""
    family = family_of(drift)
    return "" if family == "quality" else family


def _uses(retrain: Retrain, data: str) -> bool:
    return any(value.startswith(f"azureml:{data}@") for value in retrain.inputs.values())


def _reads(retrain: Retrain, location: str) -> bool:
    """Return whether an input is the place, or a folder that it lies in."""
    place = _plain(location)
    folders = (_plain(value).rstrip("/") for value in retrain.inputs.values() if "://" in value)
    return any(_names_a_folder(folder) and (place == folder or place.startswith(f"{folder}/")) for folder in folders)


def _names_a_folder(place: str) -> bool:
    # The whole datastore also holds what trainings write: reading from all of it would never come to rest.
    return place != DATASTORE.rstrip("/")


def _plain(uri: str) -> str:
    """Return the URI in its short form, percent signs decoded."""
    path = datastore_path(uri)
    return unquote(uri if path is None else datastore_uri(path))


def _not_by_itself(policy: Policy, cause: str) -> str | None:
    # New images and texts have no labels: training again on the old ones would change nothing.
    if policy.kind != "tabular" and cause in {"drift", "performance"}:
        return f"{policy.kind} models are not retrained on {cause} by themselves: label the drifted items first"
    return None


def _guardrail(state: ModelState, retrain: Retrain, cause: str, now: datetime) -> str | None:
    """Return why no training for `cause` may start now; asked when deciding, and again when acting.

    What only the workspace knows is read once a training is decided, so that events told twice cost nothing there.
    """
    return (
        retraining_guardrail(state, retrain.cooldown, retrain.at_most, now)
        or training_guardrail(state, cause, now)
        or _release_under_way(state, cause)
        or breaker_guardrail(state, cause)
        or chain_guardrail(next_chain(state, cause, now), cause)
    )


def waits_no_longer(state: ModelState, retrain: Retrain, now: datetime) -> bool:
    """Return whether data waits that is complete, and nothing holds its training back any more."""
    is_ready = state.waiting is not None and state.waiting.ready_at <= now
    return is_ready and _guardrail(state, retrain, WAITING_DATA, now) is None


def hold_back(reaction: Reaction, context: ReactionContext) -> Performed:
    """Have new data wait, so that it is trained on later; other causes come again while they last."""
    if not isinstance(context.fact.body, DataArrived):
        return notify_held_back(reaction, context)
    context.models.update(context.policy.model, lambda state: with_waiting(state, context))
    reason = reaction.suppressed or ""
    notices = () if is_incomplete(reason) else (suppression_notice(reaction, reason, context),)
    return held_back(reaction, f"{reason}{LATER}", *notices)


def _nothing_to_gain(preparation: BeforeTraining, cause: str) -> str | None:
    return (
        unconfirmed_guardrail(preparation)
        or undecided_guardrail(preparation, cause)
        or nothing_new_guardrail(preparation, cause)
    )


def _release_under_way(state: ModelState, cause: str) -> str | None:
    # Until it is decided the old version serves, and goes on drifting: that is what the release is about.
    if state.release is None or cause not in MEASURED_CAUSES:
        return None
    return f"release under way: {state.release} is being decided; if it is promoted, the next window shows its effect"


def perform(reaction: Reaction, context: ReactionContext) -> Performed:
    retrain = context.policy.section(Retrain)
    if retrain is None:
        return held_back(reaction, "the policy no longer has a retrain section")
    cause = reaction.arguments["cause"]
    job_name = JobName(f"job-{context.effect_name}")
    preparation = read_before(context, retrain.source(context.policy), retrain.given)
    training, reason = _reserve(context, retrain, job_name, cause, preparation)
    if reason or training is None:
        reason = reason or "another training was noted first"
        later = LATER if isinstance(context.fact.body, DataArrived) else ""
        return held_back(reaction, f"{reason}{later}", suppression_notice(reaction, reason, context))
    try:
        job = context.workspace.submit_job(_request(retrain, training, reaction, context))
    except PermanentError:
        # It never ran, so it must not hold the next one back.
        _forget(context, job_name)
        raise
    notice = context.notice(NoticeKind.TRAINING_STARTED, job=job.name, reason=reaction.why)
    return done(reaction, f"training {job.name} submitted: {reaction.why}", job.name, notice)


def _reserve(
    context: ReactionContext, retrain: Retrain, job: JobName, cause: str, preparation: BeforeTraining
) -> tuple[Training | None, str | None]:
    """Note the training in the model's state and return it, or return why it must not start.

    Two facts may be decided at the same time, each seeing no training: only one of them gets its note in. That it
    must not start is noted, too: a worker that was overtaken on the way here would find other trainings, and might
    start it.
    """
    held_by: list[str] = []

    def note(state: ModelState) -> ModelState:
        held_by.clear()
        if any(training.job == job for training in state.trainings):
            return state
        if _is_overtaken(state, job, context.now):
            held_by.append(f"it was decided meanwhile that {job} does not start")
            return state
        reason = (
            trained_meanwhile(state, context.fact)
            or _guardrail(state, retrain, cause, context.now)
            or _nothing_to_gain(preparation, cause)
        )
        if reason:
            held_by.append(reason)
            return _declined(with_waiting(state, context), job, context.now)
        training = Training(job, context.key, cause, context.now, next_chain(state, cause, context.now))
        trainings = (*state.trainings, training)[-MOST_TRAININGS:]
        return replace(state, trainings=trainings, waiting=still_waiting(state, context))

    state = context.models.update(context.policy.model, note)
    noted = next((training for training in state.trainings if training.job == job), None)
    return noted, held_by[0] if held_by else None


def _is_overtaken(state: ModelState, job: JobName, now: datetime) -> bool:
    """Return whether a worker that claimed the fact later than `now` has found that the job does not start."""
    return any(declined.job == job and now < declined.at for declined in state.declined)


def _declined(state: ModelState, job: JobName, now: datetime) -> ModelState:
    others = tuple(declined for declined in state.declined if declined.job != job)
    # An overtaken worker says so, too; what a later one said must not become earlier by that.
    latest = max([now, *(declined.at for declined in state.declined if declined.job == job)])
    return replace(state, declined=(*others, Declined(job, latest))[-MOST_TRAININGS:])


def _forget(context: ReactionContext, job: JobName) -> None:
    """Take the note back, and leave word for workers that were overtaken: theirs would never be taken back.

    A note of a later worker stays: it may have had more luck.
    """

    def without(state: ModelState) -> ModelState:
        others = tuple(
            training for training in state.trainings if training.job != job or training.started_at > context.now
        )
        return _declined(replace(state, trainings=others), job, context.now)

    context.models.update(context.policy.model, without)


def _request(retrain: Retrain, training: Training, reaction: Reaction, context: ReactionContext) -> JobRequest:
    model = context.policy.model
    tags = {
        "vigia.model": model,
        "vigia.cause": training.cause,
        "vigia.fact": context.key[:16],
        "vigia.correlation": correlation_of(context.key),
        "vigia.chain": str(training.chain),
    }
    if "submitter" in reaction.arguments:
        tags["vigia.submitter"] = reaction.arguments["submitter"]
    if isinstance(request := context.fact.body, RetrainingRequested):
        origin = {"commit": request.commit, "repository": request.repository, "run_url": request.run_url}
        tags |= {f"vigia.{name}": value for name, value in origin.items() if value}
    return JobRequest(
        name=training.job,
        component=retrain.source(context.policy),
        inputs=retrain.given,
        experiment=f"{model}-training",
        display_name=f"Train {model}: {training.cause}",
        tags=tags,
        compute=retrain.compute,
        registers={retrain.output: model} if retrain.registered_by == "vigia" else {},
    )


SPEC = ReactionSpec(
    NAME,
    propose,
    perform,
    {"retrain": Retrain},
    looks_at_state=(DriftDetected, DataArrived, RetrainingRequested),
    hold_back=hold_back,
)
