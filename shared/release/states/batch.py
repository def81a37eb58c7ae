"""Comparing on a batch endpoint: both versions score one batch, and only a pass makes the challenger the default."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from shared.domain.assets import datastore_uri
from shared.domain.releases.release import Release, ReleaseState, Serving
from shared.domain.releases.verdict import Judgement, Verdict
from shared.ports.batch_endpoints import BatchRequest
from shared.ports.jobs import JobRecord
from shared.release.core.actions import ScoreBatch
from shared.release.core.names import scoring_job, trial_job
from shared.release.core.observation import Observation
from shared.release.core.requests import promote_request
from shared.release.core.transitions import ReleaseUpdate, go_on, hold, is_late, move, stay, unheld
from shared.release.core.words import duration
from shared.release.states.bake import decide_bake
from shared.release.states.ending import end
from shared.release.states.interference import changed_by_hand, lost, other_traffic

# The number of this step, before the one that serves.
COMPARE_STEP = -1
PREDICTIONS = datastore_uri("vigia/batch/")


def begin_comparing(release: Release, reason: str, now: datetime) -> Release:
    begun = move(release, ReleaseState.COMPARING, reason, now)
    return replace(begun, phase="baking", step_index=COMPARE_STEP, judgement=None)


def comparing(release: Release, observation: Observation, now: datetime) -> ReleaseUpdate:
    """Have champion and challenger score the same version of the same data, and compare what they predict."""
    update = _compare(release, observation, now)
    updated = update.release
    if updated.state is not ReleaseState.COMPARING or not is_late(release, now):
        return update
    reason = updated.held_because or (updated.judgement.reason if updated.judgement else "") or updated.reason
    return end(
        release, ReleaseState.ABORTED, f"no verdict within {duration(release.plan.decide_within)}: {reason}", now
    )


def _compare(release: Release, observation: Observation, now: datetime) -> ReleaseUpdate:
    if gone := lost(release, observation, now):
        return gone
    champion_split = release.traffic_at(COMPARE_STEP)
    if observation.traffic != champion_split:
        return _because(other_traffic(release, observation, champion_split, now), changed_by_hand(observation))
    if not release.sample:
        if not observation.sample:
            return hold(release, f"the batch to score cannot be looked up: {observation.problem or 'no answer'}", now)
        return go_on(replace(unheld(release), sample=observation.sample), now)
    if problem := _job_problem(release, observation):
        state, reason = problem
        return end(release, state, reason, now)
    scoring = tuple(ScoreBatch(request) for request in _requests(release, observation))
    if scoring or not all(job.has_ended for job in observation.scored.values()):
        judgement = Judgement(Verdict.INCONCLUSIVE, _progress(release, observation), has_data=False)
        return _undecided(unheld(release), judgement, observation, now, *scoring)
    if observation.judgement is None:
        return _undecided(unheld(release), _UNREAD, observation, now)
    return _decide(replace(release, judgement=observation.judgement), observation.judgement, observation, now)


_UNREAD = Judgement(Verdict.INCONCLUSIVE, "the predictions were not read", has_data=False)


def _decide(release: Release, judgement: Judgement, observation: Observation, now: datetime) -> ReleaseUpdate:
    # A pass needs nobody's request. A hold is no matter of this state: `advance` applies it before anything serves.
    promote = None if judgement.verdict is Verdict.PASS else promote_request(release, observation)
    decision = decide_bake(judgement, is_over=True, promote=promote)
    match decision.kind:
        case "failed":
            return end(release, ReleaseState.REJECTED, decision.reason, now)
        case "passed" | "promoted":
            return go_on(begin_swap(release, decision.reason, now), now)
        case _:
            return hold(release, decision.reason, now)


def _undecided(
    release: Release, judgement: Judgement, observation: Observation, now: datetime, *scoring: ScoreBatch
) -> ReleaseUpdate:
    """Wait for the predictions, unless a person moves the release on without them."""
    release = replace(release, judgement=judgement)
    decision = decide_bake(judgement, is_over=False, promote=promote_request(release, observation))
    if decision.kind == "promoted":
        return go_on(begin_swap(release, decision.reason, now), now)
    return stay(release, now, *scoring)


def begin_swap(release: Release, reason: str, now: datetime) -> Release:
    """Return the release about to make the challenger the endpoint's default, as a canary about to shift to 100 %."""
    numbers = release.judgement.numbers if release.judgement else {}
    evidence = {name.replace("_", " "): f"{value:.6g}" for name, value in numbers.items()}
    moved = move(release, ReleaseState.CANARY, reason, now, evidence)
    return replace(moved, step_index=0, phase="shifting", traffic_since=None, judgement=None)


def _because(update: ReleaseUpdate, reason: str) -> ReleaseUpdate:
    """Return the update with what a deadline would give as the reason."""
    judgement = Judgement(Verdict.INCONCLUSIVE, reason, has_data=False)
    return replace(update, release=replace(update.release, judgement=judgement))


def sides(release: Release) -> tuple[Serving, ...]:
    """Return champion and challenger, who score the batch."""
    return tuple(side for side in (release.champion, release.challenger) if side)


def request_for(release: Release, side: Serving) -> BatchRequest:
    name = scoring_job(release.id, side.deployment)
    return BatchRequest(
        name=name,
        endpoint=release.endpoint,
        deployment=side.deployment,
        data=release.sample,
        # Azure ML fails a second job that writes to the same file: what is compared is of one job, whatever happens.
        output=f"{PREDICTIONS}{name}/predictions.csv",
        experiment=f"{release.model}-comparison",
    )


def trial_for(release: Release, failed: JobRecord) -> BatchRequest | None:
    """Return what shows whether the champion can score the input of a job that failed; None where that is not known."""
    given = next((item for item in failed.inputs.items() if item[0] in {"uri_file", "uri_folder"}), None)
    if release.champion is None or given is None:
        return None
    kind, data = given
    name = trial_job(release.id, failed.name)
    return BatchRequest(
        name=name,
        endpoint=release.endpoint,
        deployment=release.champion.deployment,
        data=data,
        output=f"{PREDICTIONS}{name}/predictions.csv",
        experiment=f"{release.model}-comparison",
        kind="uri_file" if kind == "uri_file" else "uri_folder",
    )


def _requests(release: Release, observation: Observation) -> Iterator[BatchRequest]:
    for side in sides(release):
        if side.deployment not in observation.scored:
            yield request_for(release, side)


def _job_problem(release: Release, observation: Observation) -> tuple[ReleaseState, str] | None:
    """Return how the release ends when a job has ended without predictions.

    That only the challenger cannot score the batch is found against it; anything else tells nothing about it.
    """
    jobs = {side.deployment: observation.scored.get(side.deployment) for side in sides(release)}
    failed = {name: job for name, job in jobs.items() if job and job.has_ended and not job.has_succeeded}
    if not failed or any(job is None or not job.has_ended for job in jobs.values()):
        return None
    ends = "; ".join(f"job {job.name} of deployment {name} ended as {job.status}" for name, job in failed.items())
    words = observation.failure.added_to(ends)
    job = failed.get(release.challenger.deployment)
    is_challengers_fault = len(failed) == 1 and job is not None and job.status == "Failed"
    if is_challengers_fault:
        return ReleaseState.REJECTED, f"the challenger could not score the batch, which the champion could: {words}"
    return ReleaseState.FAILED, f"the versions could not be compared: {words}"


def _progress(release: Release, observation: Observation) -> str:
    return ", ".join(f"{side.deployment} {_status(observation.scored.get(side.deployment))}" for side in sides(release))


def _status(job: JobRecord | None) -> str:
    return f"scores in job {job.name} ({job.status})" if job else "has yet to score the batch"
