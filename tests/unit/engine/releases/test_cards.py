"""A version's card: written when its gates are judged, complete when its release has ended."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from shared.domain.ids import JobName, ModelName, ModelVersion
from shared.domain.releases.card import VersionCard
from shared.domain.releases.plan import GatePlan
from shared.domain.releases.release import ReleaseState
from shared.drift.signals.attributions import KIND, read_attributions
from shared.ports.jobs import JobRecord
from shared.store.monitors.profiles import Profiles
from tests.fakes.releases import a_plan
from tests.unit.engine.release_world import World

PARITY = GatePlan("fairness", {"by": ["gender"], "criterion": "equal-opportunity", "at_most": 0.1})
AUC = GatePlan("metric", {"metric": "roc_auc", "at_least": 0.7})
BETTER = GatePlan("not_worse_than_champion", {"metric": "roc_auc", "margin": 0.01})
ATTRIBUTIONS = {"version": "challenger", "method": "shap", "features": {"dep_delay": 0.4, "dest": 0.1}}


class CardWorld(World):
    """Flights, or rather people: version 2 is better over all, and misses `gap` more of the women whose label is 1."""

    def __init__(self, gap: float = 0.0) -> None:
        super().__init__()
        self.gap = gap
        trained = JobRecord(
            JobName("train-2"),
            "Completed",
            {"vigia.chain": "1"},
            "ana",
            inputs={"training_data": "azureml:flights:7"},
            ran={"train": "azureml:train_flight_delay:3"},
        )
        self.workspace.jobs[trained.name] = trained
        model = self.workspace.models["flight-delay", "2"]
        self.workspace.models["flight-delay", "2"] = replace(model, job=trained.name)

    def offer_scores(self, release: str, champion_gain: float = 1.0, challenger_gain: float = 2.0) -> None:
        rows = 4000
        labels, gender = self.random.integers(0, 2, rows), self.random.choice(["F", "M"], rows)
        champion = 1 / (1 + np.exp(-(labels - 0.5) * 1.6 - self.random.normal(size=rows)))
        challenger = 1 / (1 + np.exp(-(labels - 0.5) * 6 - self.random.normal(size=rows)))
        missed = (gender == "F") & (labels == 1) & (self.random.random(rows) < self.gap)
        self.folder = f"azureml://datastores/workspaceblobstore/paths/azureml/eval-{release}/scores/"
        self.data.tables[self.folder] = pd.DataFrame(
            {
                "row_id": range(rows),
                "label": labels,
                "champion_score": champion,
                "challenger_score": np.where(missed, 0.45, challenger),
                "gender": gender,
            }
        )
        self.data.documents[f"{self.folder}attributions.json"] = ATTRIBUTIONS

    def card(self, release: Any) -> VersionCard:
        card = self.releases.card(release)
        assert card is not None
        return card


def test_a_biased_version_is_stopped_although_it_is_better_over_all_and_its_card_says_why() -> None:
    world = CardWorld(gap=0.3)
    release = world.open("2", gates=(AUC, BETTER, PARITY))
    world.run()
    assert world.release(release).state is ReleaseState.REJECTED
    assert world.traffic == {"v-1": 100}
    card = world.card(release)
    verdicts = {result.gate: result.verdict.value for result in card.release.gate_results}
    assert verdicts == {
        "metric roc_auc": "pass",
        "not worse than champion roc_auc": "pass",
        "fairness equal opportunity by gender": "fail",
    }
    assert card.release.state is ReleaseState.REJECTED
    assert "of gender F; the difference over all groups is" in card.release.reason
    assert card.release.gate_results[-1].numbers["true positive rate of gender F"] < 0.75


def test_a_fair_version_is_promoted_and_its_card_is_complete() -> None:
    world = CardWorld()
    release = world.open("2", gates=(AUC, BETTER, PARITY))
    world.run()
    card = world.card(release)
    assert card.release.state is ReleaseState.FINISHED
    assert card.release == world.release(release)
    evidence = card.evidence
    assert (evidence.training, evidence.ran) == ("train-2", {"train": "azureml:train_flight_delay:3"})
    assert [(used.purpose, used.rows) for used in evidence.data] == [
        ("training: training_data", None),
        ("evaluation", 4000),
    ]
    assert evidence.attributions[0].features == ATTRIBUTIONS["features"]
    assert card.limits == ("No person was asked: the policy asks never.",)


def test_attributions_are_kept_with_the_version_for_its_monitor() -> None:
    world = CardWorld()
    world.open("2", gates=(AUC,))
    world.run()
    stored = Profiles(world.blobs).read_reference(ModelName("flight-delay"), ModelVersion("2"), KIND, read_attributions)
    assert stored is not None
    assert stored.features == ATTRIBUTIONS["features"]


def test_the_card_names_what_was_not_judged() -> None:
    world = CardWorld()
    small = replace(PARITY, settings={**PARITY.settings, "minimum_rows": 1500, "small_groups": "ignore"})
    release = world.open("2", gates=(small,))
    world.data.documents.clear()
    world.run(until=lambda: world.release(release).state is ReleaseState.REJECTED)
    world.run()
    limits = " ".join(world.card(release).limits)
    assert "Not decided by fairness equal opportunity by gender" in limits
    assert "2 groups were too small" in limits
    assert "No attributions were recorded" in limits
    assert "It was not judged while it served." in limits


def test_a_version_without_gates_that_look_at_groups_says_so() -> None:
    world = CardWorld()
    release = world.open("2", gates=(AUC,))
    world.run()
    assert "neither fairness nor slices" in " ".join(world.card(release).limits)


def test_the_card_says_who_approved_when() -> None:
    world = CardWorld()
    release = world.open("2", gates=(AUC,), approval=replace(a_plan().approval, when="always"))
    world.run(until=lambda: bool(world.approvals.requests))
    assert world.card(release).decision is None
    world.approvals.decide("approved", world.clock.now(), "looks fair")
    world.run()
    decision = world.card(release).decision
    assert decision is not None
    assert (decision.choice, decision.by, decision.reason) == ("approved", ("ben@example.com",), "looks fair")


def test_what_cannot_be_read_is_said_and_stops_no_release() -> None:
    world = CardWorld()
    release = world.open("2", gates=(AUC,))
    world.data.documents[f"{world.folder}attributions.json"] = {"features": "none"}
    world.blobs.put(f"cards/{release}.json", b"damaged")
    world.run()
    card = world.card(release)
    assert card.release.state is ReleaseState.FINISHED
    assert any(limit.startswith("Not read: ") and "attributions.json" in limit for limit in card.limits)


def test_a_training_may_write_the_attributions() -> None:
    world = CardWorld()
    release = world.open("2", gates=(AUC,))
    world.data.documents = {
        "azureml://datastores/workspaceblobstore/paths/train-2/model/attributions.json": ATTRIBUTIONS
    }
    job = world.workspace.jobs[JobName("train-2")]
    outputs = {"model": "azureml://datastores/workspaceblobstore/paths/train-2/model"}
    world.workspace.jobs[job.name] = replace(job, outputs=outputs)
    world.run()
    assert [entry.method for entry in world.card(release).evidence.attributions] == ["shap"]
