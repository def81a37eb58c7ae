"""Remember how a training of ours ended; when too many in a row failed, call a person once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.domain.fact import Fact, RunEnded, RunOutcome
from shared.domain.failure import UNKNOWN, Failure
from shared.domain.ids import JobName
from shared.domain.notice import Notice, NoticeKind
from shared.domain.reaction import Reaction
from shared.domain.state import ModelState, Training
from shared.errors import RetryableError
from shared.policy.deciding.guardrails import FAILURES_THAT_BREAK, failures_in_a_row
from shared.policy.deciding.training_signs import changed_inputs, signs
from shared.policy.sections.model import Policy
from shared.reactions.before_training import serving_training
from shared.reactions.spec import Performed, ReactionContext, ReactionSpec, arguments, done

NAME = "note-training"
# What a job registers may be shown only some time after the job has ended.
REGISTRY_LAG = timedelta(minutes=10)


def propose(fact: Fact, policy: Policy, state: ModelState, now: datetime) -> Iterable[Reaction]:
    # A run is a training of ours when we noted that we started it; a tag can be copied with a job, or not be sent.
    match fact.body:
        case RunEnded(run=run, outcome=outcome) if run in {training.job for training in state.trainings}:
            sentence = f"training {run} {outcome}"
            yield Reaction(NAME, policy.model, sentence, arguments(job=run, outcome=outcome))


def perform(reaction: Reaction, context: ReactionContext) -> Performed:
    assert isinstance(context.fact.body, RunEnded)
    run, outcome, ended_at = context.fact.body.run, context.fact.body.outcome, context.fact.occurred_at
    failure = context.workspace.job_failure(run) if outcome == "failed" else UNKNOWN
    metrics = context.workspace.job_metrics(run) if outcome == "completed" else {}
    end = _End(outcome, ended_at, failure, {name: value for name, value in metrics.items() if _is_kept(name)})
    state = context.models.update(context.policy.model, lambda state: _with_end(state, run, end))
    if outcome == "completed" and not _has_registered(state, run, context):
        reason = f"it completed, and the registry has no version of {context.policy.model} from it"
        notice = context.notice(NoticeKind.TRAINING_FAILED, job=run, outcome=outcome, reason=reason)
        return done(reaction, f"noted: {reaction.why}; {reason}", run, notice)
    shown = tuple(signs(state.trainings)) if outcome == "completed" else ()
    detail = "; ".join([failure.added_to(f"noted: {reaction.why}"), *shown, *_changes(context, run, outcome)])
    notices = [*_escalation(state, run, context)]
    if shown:
        notices.append(context.notice(NoticeKind.TRAINING_SIGNS, job=run, reason="; ".join(shown)))
    return done(reaction, detail, run, *notices)


def _has_registered(state: ModelState, run: JobName, context: ReactionContext) -> bool:
    """Return whether a version appeared since the training started.

    Raises:
        RetryableError: none has, and the registry may still be behind.
    """
    started_at = next(training.started_at for training in state.trainings if training.job == run)
    if context.workspace.models_after(context.policy.model, started_at, 1):
        return True
    if context.now - context.fact.occurred_at < REGISTRY_LAG:
        message = f"the registry shows no version of {context.policy.model} from {run} yet"
        raise RetryableError("registry.lags", message, retry_after=REGISTRY_LAG / 5)
    return False


def _is_kept(metric: str) -> bool:
    return metric.startswith(("train_", "validation_"))


def _changes(context: ReactionContext, run: JobName, outcome: RunOutcome) -> Iterable[str]:
    """Yield what the training read that the champion's did not."""
    job = context.workspace.job(run) if outcome == "completed" else None
    champion = serving_training(context)
    if job and job.recipe and champion and (changes := changed_inputs(job.recipe.inputs, champion.recipe.inputs)):
        yield changes


@dataclass(frozen=True, slots=True)
class _End:
    outcome: RunOutcome
    at: datetime
    failure: Failure
    metrics: Mapping[str, float]


def _with_end(state: ModelState, run: JobName, end: _End) -> ModelState:
    return replace(
        state,
        trainings=tuple(_ended(training, end) if training.job == run else training for training in state.trainings),
    )


def _ended(training: Training, end: _End) -> Training:
    problem, link = end.failure.words, end.failure.link
    return replace(training, outcome=end.outcome, ended_at=end.at, problem=problem, link=link, metrics=end.metrics)


def _escalation(state: ModelState, run: JobName, context: ReactionContext) -> tuple[Notice, ...]:
    """Return the call for a person, when this run's end is part of a row that is long enough.

    Its key is the run that filled the row, so that further failures of the same row do not call again.
    """
    failed = [training.job for training in failures_in_a_row(state)]
    if len(failed) < FAILURES_THAT_BREAK or run not in failed:
        return ()
    jobs = failed[:FAILURES_THAT_BREAK]
    key = f"{NoticeKind.TRAINING_BREAKER}/{context.policy.model}/{jobs[-1]}"
    reason = f"the last {FAILURES_THAT_BREAK} trainings failed ({', '.join(jobs)})"
    return (Notice(NoticeKind.TRAINING_BREAKER, key, context.policy.model, {"reason": reason, "job": jobs[-1]}),)


SPEC = ReactionSpec(NAME, propose, perform, looks_at_state=(RunEnded,))
