"""The policy's section about training again: by which component, on what, and when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice, pairwise
from pathlib import Path
from typing import Literal

from croniter import CroniterBadDateError, croniter
from pydantic import Field

from shared.policy.sections.model import Policy
from shared.policy.sections.quantities import Duration, JobRef, Rate, duration_text
from shared.policy.sections.section import Section

# How many trainings a model's memory holds, and so the most that a limit can count.
MOST_TRAININGS = 50
# Schedules are looked at once a minute (VIGIA_SCHEDULES_SCHEDULE); of several moments in between, one counts.
LEAST_BETWEEN_MOMENTS = timedelta(minutes=1)
LEAST_COOLDOWN = timedelta(seconds=1)
# So many moments in a row show the shortest time between two: days of the month and of the week meet within them.
_MOMENTS_LOOKED_AT = 100


class Schedule(Section):
    """A time to retrain: NCRONTAB with seconds first, in UTC."""

    schedule: str


class Candidates(Section):
    """Versions that the jobs of one experiment register compete: once all its jobs `within` that time have ended, the
    best by a metric that they logged is released; `METRIC_se` is its standard error."""

    experiment: str = Field(min_length=1)
    metric: str = Field(min_length=1)
    better: Literal["higher", "lower"]
    within: Duration = timedelta(days=1)


class Retrain(Section):
    """How the model is trained again, and when.

    `inputs` are the component's inputs: new data sets a training off when it is a version of an asset among them
    (azureml:NAME@latest) or lies below a place among them (azureml://datastores/workspaceblobstore/paths/FOLDER).
    `hyperparameters` are literal inputs beside them. `output` is the one that holds the model and is registered under
    the policy's model name when the job succeeds, unless the job does that itself (`registered_by: job`).
    """

    job: JobRef
    on: tuple[Literal["drift", "performance", "new-data"] | Schedule, ...]
    inputs: dict[str, str] = Field(default_factory=dict)
    hyperparameters: dict[str, bool | int | float | str] = Field(default_factory=dict)
    output: str = "model"
    registered_by: Literal["vigia", "job"] = "vigia"
    compute: str = "serverless"
    cooldown: Duration = timedelta(hours=6)
    at_most: Rate | None = None
    candidates: Candidates | None = None

    @property
    def schedules(self) -> tuple[str, ...]:
        return tuple(trigger.schedule for trigger in self.on if isinstance(trigger, Schedule))

    @property
    def given(self) -> dict[str, str]:
        """Return all that the job is given, as text: assets, places and literals."""
        literals = self.hyperparameters.items()
        return {**self.inputs, **{name: str(v).lower() if isinstance(v, bool) else str(v) for name, v in literals}}

    def source(self, policy: Policy) -> str:
        """Return the component, or the path of the job's file."""
        return self.job if self.job.startswith("azureml:") else str(Path(policy.path).parent / self.job)

    def problems(self, policy: Policy) -> Iterator[tuple[str, str]]:
        if twice := sorted(self.inputs.keys() & self.hyperparameters.keys()):
            yield f"hyperparameters.{twice[0]}", f"{twice[0]!r} is among the inputs, too; write it once"
        if not (source := self.source(policy)).startswith("azureml:") and not Path(source).is_file():
            yield "job", f"there is no file {self.job!r} beside the policy; add it, or write azureml:NAME@latest"
        if self.at_most and self.at_most.count > MOST_TRAININGS:
            yield (
                "at_most",
                f"{self.at_most} never holds: the last {MOST_TRAININGS} trainings are remembered; write less",
            )
        if self.cooldown < LEAST_COOLDOWN:
            yield "cooldown", f"{duration_text(self.cooldown)} lets every event start a training; write e.g. 6h"
        for number, trigger in enumerate(self.on):
            if isinstance(trigger, Schedule) and (problem := _schedule_problem(trigger.schedule, self.cooldown)):
                yield f"on.{number}.schedule", problem


def _schedule_problem(text: str, cooldown: timedelta) -> str:
    """Return what is wrong with a schedule, and what to write instead; "" when nothing is."""
    if len(text.split()) != 6 or not croniter.is_valid(text, second_at_beginning=True):
        return f"{text!r} is no schedule; write six fields, seconds first, e.g. 0 0 3 * * 1"
    between = _least_between(text)
    if between is None:
        return f"{text!r} names a day that never comes; write e.g. 0 0 3 * * 1"
    if between < LEAST_BETWEEN_MOMENTS:
        return f"{text!r} comes every {duration_text(between)}, and is looked at once a minute; write e.g. 0 0 3 * * 1"
    if between <= cooldown:
        return (
            f"{text!r} comes after {duration_text(between)}, before the cooldown of {duration_text(cooldown)} is over, "
            f"and starts nothing; write a rarer one, e.g. 0 0 3 * * 1, or cooldown: {duration_text(between / 2)}"
        )
    return ""


@cache  # of the text alone, and takes longer than the rest of a policy
def _least_between(schedule: str) -> timedelta | None:
    """Return the shortest time between two of a schedule's moments; None when it has none."""
    # Any day does; this one makes the answer the same on every day.
    moments = croniter(schedule, datetime(2026, 1, 1, tzinfo=UTC), second_at_beginning=True, ret_type=datetime)
    try:
        between = (later - earlier for earlier, later in pairwise(islice(moments, _MOMENTS_LOOKED_AT)))
        return min(between, default=None)
    except CroniterBadDateError:
        return None
