"""A version's card with a little of everything."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from shared.domain.ids import DeploymentName, JobName, ModelVersion
from shared.domain.releases.approval import Decision
from shared.domain.releases.card import Attributions, DataUsed, Evidence, VersionCard
from shared.domain.releases.release import ReleaseState, Serving, Transition
from shared.domain.releases.verdict import GateResult, Judgement, Verdict
from tests.fakes.releases import a_release

AT = datetime(2026, 11, 20, 9, tzinfo=UTC)


def a_card() -> VersionCard:
    release = replace(
        a_release("3"),
        champion=Serving(DeploymentName("v-2"), ModelVersion("2")),
        state=ReleaseState.REJECTED,
        reason="true positive rate is 0.8 of gender M and 0.5 of gender F",
        gate_results=(
            GateResult("metric roc_auc", Verdict.PASS, "roc_auc is 0.81", {"value": 0.81, "low": 0.79}),
            GateResult(
                "fairness equal opportunity by gender",
                Verdict.FAIL,
                "true positive rate is 0.8 of gender M and 0.5 of gender F",
                {"difference": 0.3, "true positive rate of gender M": 0.8, "true positive rate of gender F": 0.5},
            ),
        ),
        judgement=Judgement(Verdict.PASS, "10 of 1,000 requests failed"),
        history=(Transition(AT, ReleaseState.EVALUATING, ReleaseState.REJECTED, "unfair"),),
    )
    evidence = Evidence(
        training=JobName("train-3"),
        ran={"train": "azureml:train:4"},
        tags={"note": "<script>alert(1)</script>"},
        data=(DataUsed("evaluation", "azureml:flights-labelled:9", 4000),),
        attributions=(Attributions("3", "shap", {"dep_delay": 0.4, "dest": 0.1}),),
    )
    decision = Decision("rejected", ("ana@example.com",), "unfair", AT)
    return VersionCard(release, AT, evidence, decision, ("No gate looked at the weather.",))
