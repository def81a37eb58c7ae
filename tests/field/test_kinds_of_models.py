"""Models of every kind go through a release by their policy: good ones pass, worse ones and wrong files end at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from shared.bootstrap import policy_sections
from shared.domain.releases.release import Release, ReleaseState
from shared.policy.reading.load import load_policy
from shared.policy.reading.problems import PolicyProblemsError
from shared.policy.sections.model import Policy
from shared.release.sections.to_plan import plan_from
from tests.unit.engine.release_world import World

HEAD = """\
model: flight-delay
kind: tabular
endpoint: {name: flight-delay, type: online}
people: {owner: ana@example.com}
evaluate: {job: azureml:evaluate@latest, data: azureml:rows@latest}
rollout: {}
"""
ROWS = 600
CLASSES = np.array(["setosa", "versicolor", "virginica"])


def policy(text: str) -> Policy:
    return load_policy(HEAD + text, "policies/flight-delay.yaml", policy_sections(), ())


def three_classes(right: float) -> pd.DataFrame:
    random = np.random.default_rng(3)
    labels = random.choice(CLASSES, ROWS)

    def answers(share: float) -> Any:
        return np.where(random.random(ROWS) < share, labels, random.choice(CLASSES, ROWS))

    table = pd.DataFrame({"row_id": range(ROWS), "label": labels})
    for version, share in (("champion", 0.7), ("challenger", right)):
        guess = answers(share)
        table[f"{version}_prediction"] = guess
        for name in CLASSES:
            table[f"{version}_score_{name}"] = np.where(guess == name, 0.8, 0.1)
    return table.assign(site=np.where(np.arange(ROWS) % 2, "north", "south"))


def entities(right: float) -> pd.DataFrame:
    random = np.random.default_rng(4)
    labels = [[f"PER:{row}:{row + 2}", f"LOC:{row + 3}:{row + 4}"][: 1 + row % 2] for row in range(ROWS)]

    def answers(share: float) -> list[list[str]]:
        return [[entity for entity in row if random.random() < share] for row in labels]

    predicted = {f"{name}_prediction": answers(s) for name, s in (("champion", 0.7), ("challenger", right))}
    return pd.DataFrame({"row_id": range(ROWS), "label": labels, **predicted})


def forecasts(right: float) -> pd.DataFrame:
    random = np.random.default_rng(5)
    labels, spread = random.normal(100, 10, ROWS), {"champion": 6.0, "challenger": 6 * (1.7 - right)}
    table = pd.DataFrame({"row_id": range(ROWS), "label": labels, "scale": 8.0, "horizon": np.arange(ROWS) % 3})
    for version, size in spread.items():
        table[f"{version}_score"] = labels + random.normal(0, size, ROWS)
        table[f"{version}_score_90"] = table[f"{version}_score"] + 1.28 * size
    return table


def images(right: float) -> pd.DataFrame:
    random = np.random.default_rng(6)
    scores = {"champion": random.beta(7, 3, ROWS), "challenger": random.beta(10 * right, 10 * (1 - right), ROWS)}
    return pd.DataFrame({"row_id": range(ROWS), **{f"{name}_iou": values for name, values in scores.items()}})


Make = Callable[[float], pd.DataFrame]
KINDS: dict[str, tuple[str, Make]] = {
    "classification": (
        "task: classification\ngates:\n"
        "  - {metric: f1_macro, at_least: 0.70}\n"
        '  - {metric: "recall[setosa]", at_least: 0.60}\n'
        "  - {metric: roc_auc_macro, at_least: 0.70}\n"
        "  - {metric: log_loss, at_most: 0.9}\n"
        "  - {metric: top_2_accuracy, at_least: 0.8}\n"
        "  - {not_worse_than_champion: {metric: accuracy, margin: 0.01}}\n"
        "  - {slices: {by: [site], metric: f1_macro, min_ratio: 0.8}}\n",
        three_classes,
    ),
    "multilabel-classification": (
        "task: multilabel-classification\ngates:\n"
        "  - {metric: f1_micro, at_least: 0.80}\n"
        '  - {metric: "recall[PER]", at_least: 0.7}\n'
        "  - {not_worse_than_champion: {metric: f1_micro, margin: 0.01}}\n",
        entities,
    ),
    "forecasting": (
        "task: forecasting\ngates:\n"
        "  - {metric: mase, at_most: 0.75}\n"
        "  - {metric: smape, at_most: 0.2}\n"
        "  - {not_worse_than_champion: {metric: pinball_90, margin: 0.1}}\n"
        "  - {slices: {by: [horizon], metric: mase, min_ratio: 0.6}}\n",
        forecasts,
    ),
    "own": (
        "task: other\ngates:\n"
        "  - {metric: iou, better: higher, at_least: 0.72}\n"
        "  - {not_worse_than_champion: {metric: iou, better: higher, margin: 0.02}}\n",
        images,
    ),
}


def released(text: str, table: pd.DataFrame | None, document: object = None) -> tuple[Release, timedelta]:
    """Return the release by this policy and evaluation once it has ended, and how long it waited for its gates."""
    world = World()
    release = world.open(gates=plan_from(policy(text)).gates)
    (uri,) = world.data.tables
    world.data.tables = {uri: table} if table is not None else {}
    if document is not None:
        world.data.documents[f"{uri}metrics.json"] = document
    began = world.clock.now()
    world.run(until=lambda: world.release(release).state in {ReleaseState.DEPLOYING, ReleaseState.REJECTED})
    return world.release(release), world.clock.now() - began


@pytest.mark.parametrize("kind", KINDS)
def test_a_good_version_passes_and_a_worse_one_is_rejected(kind: str) -> None:
    text, make = KINDS[kind]
    good, _ = released(text, make(0.92))
    assert good.state is ReleaseState.DEPLOYING, good.reason
    worse, waited = released(text, make(0.5))
    assert worse.state is ReleaseState.REJECTED
    assert "is asked for" in worse.reason or "worse than the margin" in worse.reason
    assert waited < timedelta(minutes=5)


@pytest.mark.parametrize(
    ("kind", "columns", "remedy"),
    [
        ("classification", ["challenger_prediction", *(f"challenger_score_{name}" for name in CLASSES)], "lacks"),
        ("classification", ["challenger_score_setosa"], "has class setosa, and there is no column"),
        ("multilabel-classification", ["label"], "the evaluation lacks label; it has row_id"),
        ("forecasting", ["scale"], "the evaluation lacks scale"),
        ("forecasting", ["challenger_score_90"], "lacks challenger_score_90"),
        ("own", ["challenger_iou"], "lacks challenger_iou; it has row_id, champion_iou"),
    ],
)
def test_an_evaluation_of_the_wrong_shape_ends_the_release_at_once(kind: str, columns: list[str], remedy: str) -> None:
    text, make = KINDS[kind]
    release, waited = released(text, make(0.92).drop(columns=columns))
    assert (release.state, remedy in release.reason) == (ReleaseState.REJECTED, True), release.reason
    assert waited < timedelta(minutes=5)


def test_three_classes_under_a_metric_of_two_are_not_held_until_the_deadline() -> None:
    table = three_classes(0.92).assign(champion_score=0.5, challenger_score=0.5)
    release, waited = released("gates: [{metric: roc_auc, at_least: 0.7}]\n", table)
    assert (release.state, "for several classes name a metric of theirs" in release.reason) == (
        ReleaseState.REJECTED,
        True,
    )
    assert waited < timedelta(minutes=5)


def aggregates(value: float, **more: Any) -> list[dict[str, Any]]:
    return [
        {"version": version, "metric": "map", "value": measured, "rows": 400, **more}
        for version, measured in (("champion", 0.40), ("challenger", value))
    ]


MAP = "gates: [{metric: map, better: higher, at_least: 0.35}]\n"


@pytest.mark.parametrize(
    ("document", "state", "reason"),
    [
        (aggregates(0.45), ReleaseState.DEPLOYING, "map is 0.45 on 400 rows"),
        (aggregates(0.38, standard_error=0.01), ReleaseState.DEPLOYING, "map is 0.38 on 400 rows"),
        (aggregates(0.30, standard_error=0.01), ReleaseState.REJECTED, "at least 0.35 is asked for"),
        (aggregates(27.0), ReleaseState.REJECTED, "nothing bounds it; write one, or the score of each row"),
        ({"map": 0.45}, ReleaseState.REJECTED, "metrics.json: Input should be a valid list; write a list of entries"),
        (aggregates(0.45)[:1], ReleaseState.REJECTED, "nor an entry of it in metrics.json is there; write one"),
    ],
    ids=["share", "standard_error", "worse", "nothing_bounds_it", "another_shape", "one_version"],
)
def test_what_the_evaluation_measured_itself_is_judged(document: object, state: ReleaseState, reason: str) -> None:
    release, waited = released(MAP, None, document)
    reasons = release.reason + "".join(result.reason for result in release.gate_results)
    assert (release.state, reason in reasons) == (state, True), reasons
    assert waited < timedelta(minutes=5)


def test_groups_that_the_evaluation_measured_itself_are_judged() -> None:
    gates = "gates: [{slices: {by: [site], metric: map, better: higher, min_ratio: 0.8}}]\n"
    groups = [
        {"version": "challenger", "metric": "map", "value": value, "rows": 400, "standard_error": 0.01, "slice": name}
        for name, value in (("site=north", 0.44), ("site=south", 0.2))
    ]
    release, _ = released(gates, None, aggregates(0.42, standard_error=0.01) + groups)
    assert "map of site=south is 0.48 times the whole's 0.42" in release.reason


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        (
            "task: classification\ngates: [{metric: roc_auc, at_least: 0.7}]\n",
            "write roc_auc_macro or roc_auc",
        ),
        ("task: regression\ngates: [{metric: f1_macro, at_least: 0.7}]\n", "not of regression; write mae, mse"),
        ("gates: [{metric: roc_auc, at_least: 0.7}, {metric: mae, at_most: 3}]\n", "write metrics of one task"),
        ("gates: [{metric: bleu, at_least: 0.3}]\n", "for one of your own add better: higher, or lower"),
        ("gates: [{metric: f1, better: higher, at_least: 0.3}]\n", "leave better out"),
        ("task: sorting\n", "did you mean"),
        ("task:\n", "task"),
        (
            "task: regression\nmonitor: {estimated_performance: {metric: roc_auc}, labelled: {data: 'azureml:l:1'}}\n",
            "roc_auc is a metric of binary-classification, not of regression",
        ),
        (
            "task: multilabel-classification\n"
            "monitor: {concept_drift: {}, performance: {metric: f1_micro, at_least: 0.7}}\n",
            "monitor.concept_drift",
        ),
    ],
)
def test_what_cannot_be_judged_is_refused_when_the_policy_is_loaded(text: str, remedy: str) -> None:
    with pytest.raises(PolicyProblemsError) as refused:
        policy(text)
    assert remedy in str(refused.value)
