"""Releases and plans to start tests from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from shared.domain.ids import EndpointName, FactKey, ModelName, ModelVersion
from shared.domain.releases.plan import ApprovalPlan, DeploymentPlan, EvaluationPlan, GatePlan, JudgePlan, ReleasePlan
from shared.domain.releases.release import Release
from shared.release.open_release import Opening, new_release

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def a_plan(**changes: Any) -> ReleasePlan:
    """Return a plan with one gate, approval, steps 10, 50, 100 and five minutes' bake."""
    values: dict[str, Any] = {
        "policy_digest": "d" * 64,
        "evaluation": EvaluationPlan("azureml:evaluate@latest", "azureml:labelled@latest"),
        "gates": (GatePlan("metric", {"metric": "roc_auc", "at_least": 0.6}),),
        "approval": ApprovalPlan("always", ("ben@example.com",), 1, timedelta(hours=24), submitter_may_approve=False),
        "steps": (10, 50, 100),
        "bake": timedelta(minutes=8),
        "decide_within": timedelta(minutes=40),
        "watch_for": timedelta(minutes=20),
        "judge": JudgePlan(0.01, 1.25, 0.01, "hold", timedelta(minutes=1)),
        "deployment": DeploymentPlan(),
        "holdback": 5,
        "on_undecided": "ask",
    }
    return ReleasePlan(**{**values, **changes})


def a_release(version: str = "2", plan: ReleasePlan | None = None, now: datetime = NOW) -> Release:
    opening = Opening(
        model=ModelName("flight-delay"),
        version=ModelVersion(version),
        endpoint=EndpointName("flight-delay"),
        fact=FactKey(f"fact-{version}"),
        submitter="ana@example.com",
        cause="registered by ana@example.com",
    )
    return new_release(opening, plan or a_plan(), now)
