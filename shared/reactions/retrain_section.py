"""The policy's section about training again: by which component, on what, and when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

from croniter import croniter
from pydantic import Field

from shared.policy.model import Policy
from shared.policy.quantities import ComponentRef, Duration, Rate
from shared.policy.section import Section

# How many trainings a model's memory holds, and so the most that a limit can count.
KEPT_TRAININGS = 50


class Schedule(Section):
    """A time to retrain: NCRONTAB with seconds first, in UTC."""

    schedule: str


class Retrain(Section):
    """How the model is trained again, and when.

    `inputs` are the component's inputs: new data sets a training off when it is a version of an asset among them
    (azureml:NAME@latest) or lies below a place among them (azureml://datastores/workspaceblobstore/paths/FOLDER).
    `output` is the one that holds the model and is registered under
    the policy's model name when the job succeeds.
    """

    job: ComponentRef
    on: tuple[Literal["drift", "performance", "new-data"] | Schedule, ...]
    inputs: dict[str, str] = Field(default_factory=dict)
    output: str = "model"
    compute: str = "serverless"
    cooldown: Duration = timedelta(hours=6)
    at_most: Rate | None = None

    @property
    def schedules(self) -> tuple[str, ...]:
        return tuple(each.schedule for each in self.on if isinstance(each, Schedule))

    def problems(self, policy: Policy) -> Iterator[tuple[str, str]]:
        if self.at_most and self.at_most.count > KEPT_TRAININGS:
            yield (
                "at_most",
                f"{self.at_most} never holds: the last {KEPT_TRAININGS} trainings are remembered; write less",
            )
        for number, trigger in enumerate(self.on):
            if isinstance(trigger, Schedule) and not _is_schedule(trigger.schedule):
                yield (
                    f"on.{number}.schedule",
                    f"{trigger.schedule!r} is no schedule; write six fields, seconds first, e.g. 0 0 3 * * 1",
                )


def _is_schedule(text: str) -> bool:
    return len(text.split()) == 6 and croniter.is_valid(text, second_at_beginning=True)
