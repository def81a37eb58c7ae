"""Has batch deployments score a batch once, and looks at what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from shared.domain.failure import UNKNOWN, Failure
from shared.domain.ids import JobName
from shared.domain.releases.batch import BatchPlan
from shared.domain.releases.release import Release, Serving
from shared.domain.releases.verdict import Judgement, Verdict
from shared.engine.monitors.rows.labelled_rows import keyed
from shared.errors import PermanentError, RetryableError
from shared.ports.batch_endpoints import BatchRequest
from shared.ports.clock import Clock, Deadline
from shared.ports.data import DataReader
from shared.ports.jobs import JobRecord
from shared.ports.workspace import Workspace
from shared.release.core.names import scoring_job
from shared.release.core.observation import Observation
from shared.release.states.batch import request_for, sides, trial_for
from shared.store.releases.batch_runs import BatchRunStore

# Each is a job of the champion's; more failures than that are tried later, or not at all.
MOST_TRIALS = 5
# What was sent, at most two minutes after it was decided, has arrived a minute later.
MAY_COME_WITHIN = timedelta(minutes=3)


@dataclass(frozen=True)
class BatchScorer:
    workspace: Workspace
    data: DataReader
    runs: BatchRunStore
    clock: Clock

    def score(self, request: BatchRequest, deadline: Deadline) -> None:
        """Invoke the deployment, unless that was done or is being done.

        Recorded first: a worker that crashes in between leaves a record. After a while another looks for the job, and
        asks for it only if there is none.

        Args:
            deadline: well before another worker would ask: one that was stopped in between must not ask, too.
        """
        begun, batch = self.runs.begin(request.name, self.clock.now()), self.workspace.batch
        if begun == "not":
            return
        job = batch.submitted_job(request) if begun == "again" else None
        self.runs.note(request.name, job or batch.score(request, deadline))

    def compared(self, release: Release, plan: BatchPlan, observation: Observation) -> Observation:
        """Return the observation with the batch, the jobs that score it and, once they have, the judgement."""
        if not release.sample:
            try:
                return replace(observation, sample=self.data.pinned(plan.sample))
            except PermanentError as exc:
                return replace(observation, problem=exc.message)
        scored = {side.deployment: job for side in sides(release) if (job := self._job(release, side)) is not None}
        observation = replace(observation, scored=scored, failure=self._failure(scored.values()))
        if len(scored) < len(sides(release)) or not all(job.has_succeeded for job in scored.values()):
            return observation
        # What was compared once stays as it is: neither job runs again.
        judgement = release.judgement if release.judgement and release.judgement.has_data else None
        return replace(observation, judgement=judgement or self._judged(release, plan))

    def watched(self, release: Release, plan: BatchPlan, observation: Observation) -> Observation:
        """Return the observation with what the challenger's jobs say since it became the default; nothing without a
        champion to go back to. A job that failed is blamed on it only after the champion scored the same input."""
        from shared.judge.batch_jobs import FAILED, judge_jobs

        if release.champion is None or release.traffic_since is None:
            return observation
        try:
            jobs = self.workspace.batch.jobs_since(
                release.endpoint, release.challenger.deployment, release.traffic_since
            )
        except (RetryableError, PermanentError) as exc:
            unread = f"the jobs cannot be read: {exc.message}"
            return replace(observation, judgement=Judgement(Verdict.INCONCLUSIVE, unread, has_data=False))
        statuses = [job.status for job in jobs]
        judgement = judge_jobs(statuses, plan.failed_jobs_at_most)
        if judgement.verdict is not Verdict.FAIL:
            return replace(observation, judgement=judgement)
        failed = [job for job in jobs if job.status in FAILED][:MOST_TRIALS]
        trials = [trial for job in failed if (trial := trial_for(release, job)) is not None]
        tried = [(trial, self._recorded_job(trial.name)) for trial in trials]
        if open_trials := [trial for trial, job in tried if job is None or not job.has_ended]:
            reason = f"{judgement.reason}; the champion is tried on the same input"
            missing = tuple(trial for trial, job in tried if job is None)
            pending = replace(judgement, verdict=Verdict.INCONCLUSIVE, reason=reason)
            return replace(observation, judgement=pending, trials=missing, is_tried=bool(open_trials))
        excused = sum(job is not None and job.status in FAILED for _, job in tried)
        judgement = judge_jobs(statuses, plan.failed_jobs_at_most, excused)
        if judgement.verdict is not Verdict.FAIL:
            return replace(observation, judgement=judgement)
        return replace(observation, judgement=replace(judgement, reason=self._failure(jobs).added_to(judgement.reason)))

    def _failure(self, jobs: Iterable[JobRecord]) -> Failure:
        """Return why the first of the jobs that failed did."""
        failed = next((job for job in jobs if job.status == "Failed"), None)
        return self.workspace.job_failure(failed.name) if failed else UNKNOWN

    def jobs(self, release: Release) -> Iterator[JobName]:
        """Yield the jobs in which the versions score the batch, those whose names Azure ML never told included.

        Raises:
            RetryableError: after all others, when one was asked for so lately that it may still come.
        """
        coming = ""
        for request in [request_for(release, side) for side in sides(release)] if release.plan.batch else ():
            run = self.runs.read(request.name)
            job = (run.job or self.workspace.batch.submitted_job(request)) if run else None
            if job:
                yield job
            elif run and self.clock.now() - run.asked_at < MAY_COME_WITHIN:
                coming = request.name
        if coming:
            raise RetryableError("batch.coming", f"{coming} was asked for a moment ago, and may still come")

    def _job(self, release: Release, serving: Serving) -> JobRecord | None:
        return self._recorded_job(scoring_job(release.id, serving.deployment))

    def _recorded_job(self, name: JobName) -> JobRecord | None:
        run = self.runs.read(name)
        return self.workspace.job(run.job) if run and run.job else None

    def _judged(self, release: Release, plan: BatchPlan) -> Judgement | None:
        """Return how the predictions compare; None when they cannot be read now."""
        from shared.judge.batch import judge_batch

        tables = {}
        for side in sides(release):
            try:
                table = self.data.batch_predictions(request_for(release, side).output, plan.layout)
                tables[side.deployment] = keyed(table, *plan.layout.key, plan.layout.prediction)
            except RetryableError:
                return None
            except PermanentError as exc:
                reason = f"the predictions of deployment {side.deployment} cannot be read: {exc.message}"
                return Judgement(Verdict.INCONCLUSIVE, reason, has_data=False)
        champion, challenger = (tables[side.deployment] for side in sides(release))
        return judge_batch(champion, challenger, plan.layout, plan.tolerances)
