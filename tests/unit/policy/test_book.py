"""The book finds exactly the policies that a fact concerns, without asking all of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from shared.domain.fact import (
    BudgetCrossed,
    DriftDetected,
    EndpointDegraded,
    Fact,
    FactBody,
    ModelDeployed,
    ModelRegistered,
    RetrainingRequested,
    RunEnded,
)
from shared.domain.ids import EndpointName, JobName, ModelName, ModelVersion
from shared.policy.deciding import book
from shared.policy.deciding.book import PolicyBook
from shared.policy.deciding.concern import concerns
from shared.policy.sections.model import Endpoint, Policy
from tests.unit.engine.fact_world import a_policy

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def policies(count: int) -> list[Policy]:
    one = a_policy()
    return [
        replace(one, model=ModelName(f"m{n}"), endpoint=Endpoint(EndpointName(f"e{n // 2}"), "online"))
        for n in range(count)
    ]


BODIES: list[FactBody] = [
    ModelRegistered(ModelName("m3"), ModelVersion("1")),
    ModelRegistered(ModelName("unknown"), ModelVersion("1")),
    ModelDeployed(EndpointName("e1"), ()),
    EndpointDegraded(EndpointName("e1"), None, "slow", "fired", NOW, ""),
    RunEnded(JobName("job-0123456789abcdef-0"), "failed", "x"),
    RunEnded(JobName("somebodys"), "failed", "x"),
    RunEnded(JobName("job-0123456789abcdef-0"), "failed", "x", ModelName("m2")),
    DriftDetected(ModelName("m1"), "m", "data-drift", "r", (), ""),
    DriftDetected(None, "m", "data-drift", "r", (), ""),
    RetrainingRequested(ModelName("m0"), "r", "x", "ana@example.com"),
    BudgetCrossed("b", 80, "actual", 1, 1, "USD", None),
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.kind)
def test_the_book_finds_what_asking_each_policy_finds(body: FactBody) -> None:
    loaded = policies(6)
    fact = Fact(body, "source", "subject", (), NOW, "event")
    assert PolicyBook(loaded).about(fact) == tuple(policy for policy in loaded if concerns(fact, policy))


def test_a_fact_that_names_a_model_asks_only_its_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def counting(fact: Fact, policy: Policy) -> bool:
        calls.append(policy.model)
        return concerns(fact, policy)

    monkeypatch.setattr(book, "concerns", counting)
    PolicyBook(policies(1000)).about(Fact(BODIES[0], "source", "subject", (), NOW, "event"))
    assert calls == ["m3"]
