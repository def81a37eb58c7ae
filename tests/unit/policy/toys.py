"""A policy with sections of the tests' own, so that they do not depend on what reactions there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from shared.domain.fact import Fact, RetrainingRequested
from shared.domain.ids import EndpointName, FactKey, JobName, ModelName
from shared.domain.reaction import Reaction
from shared.domain.state import ModelState, Training
from shared.policy.sections.model import Endpoint, People, Policy, Rule
from shared.policy.sections.quantities import ComponentRef, Duration, Percent, Rate
from shared.policy.sections.section import Section

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


class Schedule(Section):
    schedule: str


class Train(Section):
    job: ComponentRef
    on: tuple[Literal["drift", "new-data"] | Schedule, ...] = ("drift",)
    cooldown: Duration = timedelta(0)
    at_most: Rate | None = None
    inputs: dict[str, str] = Field(default_factory=dict)


class MetricGate(Section):
    metric: str
    at_least: float = Field(ge=0)


class Bound(Section):
    metric: str
    margin: float


class Champion(Section):
    champion: Bound


class Gates(RootModel[tuple[MetricGate | Champion, ...]]):
    model_config = ConfigDict(frozen=True)

    def problems(self, policy: Policy) -> Iterator[tuple[str, str]]:
        for number, gate in enumerate(self.root):
            if isinstance(gate, MetricGate) and gate.at_least > 1:
                yield f"{number}.at_least", f"no metric of {policy.model} reaches {gate.at_least:g}; write at most 1"


class Roll(Section):
    steps: Annotated[tuple[Percent, ...], Field(min_length=1)] = (10.0, 100.0)
    is_quick: bool = False


SECTIONS: dict[str, type[BaseModel]] = {"train": Train, "gates": Gates, "roll": Roll}

TEXT = """\
model: churn
kind: tabular
endpoint: {name: churn, type: online}
people:
  owner: ana@example.com
  approvers: [Ana@example.com, ben@example.com]
train:
  job: azureml:train-churn@latest
  on: [drift, {schedule: "0 0 3 * * 1"}]
  cooldown: 6h
  at_most: 2 per day
gates:
  - {metric: roc_auc, at_least: 0.7}
  - {champion: {metric: roc_auc, margin: 0.005}}
roll: {steps: [10%, 50%, 100%]}
"""


def a_policy(*rules: Rule, model: str = "churn") -> Policy:
    return Policy(
        model=ModelName(model),
        kind="tabular",
        endpoint=Endpoint(EndpointName("churn"), "online"),
        people=People("ana@example.com", ()),
        digest="0" * 64,
        path="churn.yaml",
        rules=rules,
    )


def a_fact() -> Fact:
    body = RetrainingRequested(ModelName("churn"), "request-1", "a carrier was added", "ana@example.com")
    return Fact(body, "workspace", "models/churn", ("churn", "request-1"), NOW, "event-1")


def a_training(hours_ago: float, cause: str = "drift", chain: int = 0, number: int = 1) -> Training:
    return Training(JobName(f"job-{number}"), FactKey("0" * 64), cause, NOW - timedelta(hours=hours_ago), chain)


def a_state(*trainings: Training) -> ModelState:
    return ModelState(ModelName("churn"), trainings)


class Wants:
    """A rule that always proposes the same."""

    def __init__(self, *proposed: Reaction) -> None:
        self._proposed = proposed

    @property
    def name(self) -> str:
        return "wants"

    @property
    def looks_at_state(self) -> tuple[type, ...]:
        return ()

    def propose(self, fact: Fact, policy: Policy, state: ModelState, now: datetime) -> Iterable[Reaction]:
        return self._proposed
