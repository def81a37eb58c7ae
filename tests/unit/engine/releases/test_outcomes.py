"""Labels that arrive while a release serves: what is read of which version, when, and what comes of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from shared.domain.ids import DeploymentName, EndpointName
from shared.domain.releases.outcome import AbPlan, LabelSource, QualityPlan
from shared.domain.releases.release import Release, ReleaseState, Serving, Transition
from shared.domain.releases.verdict import Judgement, Verdict
from shared.engine.releases.judge import judged
from shared.engine.releases.outcomes import outcome_of
from shared.errors import PermanentError, RetryableError
from tests.fakes.data import FakeData
from tests.fakes.releases import NOW, a_plan, a_release
from tests.fakes.telemetry import FakeTelemetry

ASSET, HOUR, DAY = "azureml:labels@latest", timedelta(hours=1), timedelta(days=1)
V1, V2 = DeploymentName("v-1"), DeploymentName("v-2")
SOURCE = LabelSource(ASSET, "row_id", "label", timedelta(hours=2))
QUALITY = QualityPlan("accuracy", SOURCE, worse_by_at_most=0.02)


class TimedData(FakeData):
    """Collected rows that know when they were served, and labels whose versions hold more and more of them."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[DeploymentName, pd.DataFrame] = {}
        self.reads: list[tuple[DeploymentName, datetime, datetime]] = []
        self.trouble: Exception | None = None

    def collected_predictions(
        self, endpoint: EndpointName, deployment: DeploymentName, start: datetime, end: datetime
    ) -> pd.DataFrame:
        self.reads.append((deployment, start, end))
        rows = self.rows.get(deployment, pd.DataFrame({"at": []}))
        return rows[(rows["at"] >= start) & (rows["at"] < end)].drop(columns="at").reset_index(drop=True)

    def pinned(self, uri: str) -> str:
        if self.trouble:
            raise self.trouble
        return super().pinned(uri)

    def window(self, deployment: DeploymentName) -> tuple[datetime, datetime]:
        reads = [read for read in self.reads if read[0] == deployment]
        return min(read[1] for read in reads), max(read[2] for read in reads)


class Labelled:
    """Two versions that serve since NOW, 100 rows an hour each; of the rows' answers a share is right."""

    def __init__(self, right: float = 0.9, champion_right: float = 0.9, hours: int = 24) -> None:
        self.data = TimedData()
        random = np.random.default_rng(20261120)
        truth: dict[str, int] = {}
        for deployment, share in ((V2, right), (V1, champion_right)):
            start = NOW - 48 * HOUR if deployment == V1 else NOW
            count = round((NOW + hours * HOUR - start) / HOUR) * 100
            keys = [f"{deployment}-{number}" for number in range(count)]
            labels = random.integers(0, 2, count)
            answers = np.where(random.random(count) < share, labels, 1 - labels)
            times = [start + number * HOUR / 100 for number in range(count)]
            self.data.rows[deployment] = pd.DataFrame({"at": times, "row_id": keys, "prediction": answers})
            truth |= dict(zip(keys, labels.tolist(), strict=True))
        self.truth = pd.DataFrame({"row_id": list(truth), "label": list(truth.values())})
        self.arrive(1)

    def arrive(self, version: int, table: pd.DataFrame | None = None) -> None:
        self.data.latest[ASSET] = f"azureml:labels:{version}"
        self.data.tables[f"azureml:labels:{version}"] = self.truth if table is None else table

    def release(self, quality: QualityPlan | None = None, ab: AbPlan | None = None) -> Release:
        plan = a_plan(bake=10 * HOUR, decide_within=11 * HOUR, ab=ab, steps=(50, 100))
        plan = replace(plan, judge=replace(plan.judge, quality=quality))
        return replace(
            a_release(plan=plan),
            champion=Serving(V1, None),
            state=ReleaseState.CANARY,
            phase="baking",
            traffic_since=NOW,
            history=(Transition(NOW, ReleaseState.DEPLOYING, ReleaseState.CANARY, "up"),),
        )

    def judgement(
        self, release: Release, now: datetime, since: datetime = NOW, lag: timedelta = timedelta(0)
    ) -> Judgement:
        judgement = judged(FakeTelemetry(), self.data, release, since, lag, now)
        assert judgement
        return judgement


def test_answers_that_became_worse_are_found_by_their_labels() -> None:
    world = Labelled(right=0.7)
    judgement = world.judgement(world.release(QUALITY), NOW + 10 * HOUR)
    assert judgement.verdict is Verdict.FAIL
    assert "quality beyond the tolerance" in judgement.reason
    assert judgement.numbers["quality_rows"] == 800


def of_classes(right: float) -> Labelled:
    """Return a world of classes with their probabilities; a right answer earns 3, a wrong one 1."""
    world = Labelled(right, champion_right=0.9)
    names, truth = np.array(["cat", "dog"]), dict(zip(world.truth["row_id"], world.truth["label"], strict=True))
    for deployment, rows in world.data.rows.items():
        answers = rows["prediction"].to_numpy()
        is_right = answers == rows["row_id"].map(truth).to_numpy()
        columns = {f"prediction_{name}": np.where(names[answers] == name, 0.8, 0.2) for name in names}
        world.data.rows[deployment] = rows.assign(
            prediction=names[answers], earned=np.where(is_right, 3.0, 1.0), **columns
        )
    world.truth["label"] = names[world.truth["label"]]
    world.truth["sold"] = world.truth["row_id"].str.startswith("v-1").map({True: 2.0, False: 2.0 + right}).astype(float)
    world.truth["sold"] += np.arange(len(world.truth)) % 3
    world.arrive(2)
    return world


@pytest.mark.parametrize("metric", ["accuracy", "log_loss", "earned"])
def test_the_quality_of_classes_and_of_ones_own_scores_is_judged(metric: str) -> None:
    quality = replace(QUALITY, metric=metric)
    worse = of_classes(0.7)
    assert worse.judgement(worse.release(quality), NOW + 10 * HOUR).verdict is Verdict.FAIL
    same = of_classes(0.9)
    assert same.judgement(same.release(quality), NOW + 10 * HOUR).verdict is not Verdict.FAIL


@pytest.mark.parametrize(
    ("metric", "right", "verdict"),
    [
        ("f1_macro", 0.97, Verdict.PASS),
        ("f1_macro", 0.7, Verdict.FAIL),
        ("roc_auc_macro", 0.97, Verdict.PASS),
        ("recall[dog]", 0.7, Verdict.FAIL),
        ("earned", 0.97, Verdict.PASS),
        ("sold", 0.9, Verdict.PASS),
    ],
)
def test_an_ab_test_of_classes_and_of_outcomes_of_ones_own_is_decided(
    metric: str, right: float, verdict: Verdict
) -> None:
    world = of_classes(right)
    release = world.release(ab=AbPlan(metric, SOURCE, needed_gain=0.0))
    release = replace(release, plan=replace(release.plan, bake=20 * HOUR, decide_within=20 * HOUR))
    outcome = outcome_of(world.data, release, NOW + 20 * HOUR)
    assert outcome is not None
    assert outcome.verdict is verdict, outcome.reason


def test_labels_name_their_rows_however_a_file_writes_an_id() -> None:
    world = Labelled(right=0.7)
    ids = {key: number for number, key in enumerate(world.truth["row_id"])}
    for deployment, rows in world.data.rows.items():
        world.data.rows[deployment] = rows.assign(row_id=[f"{ids[key]}.0" for key in rows["row_id"]])
    world.arrive(1, world.truth.assign(row_id=range(len(ids))))
    judgement = world.judgement(world.release(QUALITY), NOW + 10 * HOUR)
    assert (judgement.verdict, judgement.numbers["quality_rows"]) == (Verdict.FAIL, 800)


def test_rows_count_once_their_labels_had_time_to_come() -> None:
    world = Labelled()
    world.judgement(world.release(QUALITY), NOW + 10 * HOUR)
    assert world.data.window(V2) == (NOW, NOW + 8 * HOUR)
    assert world.data.window(V1) == (NOW, NOW + 8 * HOUR)


def test_while_watching_the_champions_rows_of_before_are_compared_too() -> None:
    world = Labelled(right=0.7)
    watching = replace(world.release(QUALITY), state=ReleaseState.WATCHING, phase=None)
    judgement = world.judgement(watching, NOW + 10 * HOUR, since=NOW + 3 * HOUR, lag=24 * HOUR)
    assert judgement.verdict is Verdict.FAIL
    assert world.data.window(V2) == (NOW, NOW + 8 * HOUR)
    assert world.data.window(V1) == (NOW - 21 * HOUR, NOW + 8 * HOUR)


def test_rows_are_read_again_only_when_there_are_newer_labels() -> None:
    world = Labelled()
    release = world.release(QUALITY)
    first = world.judgement(release, NOW + 10 * HOUR)
    again, reads = replace(release, judgement=first), len(world.data.reads)
    assert world.judgement(again, NOW + 11 * HOUR).quality == first.quality
    assert len(world.data.reads) == reads
    world.arrive(2)
    assert world.judgement(again, NOW + 11 * HOUR).numbers["quality_rows"] == 900


def test_labels_that_cannot_be_read_for_a_moment_leave_what_is_known() -> None:
    world = Labelled(right=0.7)
    release = world.release(QUALITY)
    failed = world.judgement(release, NOW + 10 * HOUR)
    world.data.trouble = RetryableError("workspace.no_answer", "it is away")
    assert world.judgement(replace(release, judgement=failed), NOW + 11 * HOUR).verdict is Verdict.FAIL
    assert world.judgement(release, NOW + 11 * HOUR).reason.endswith("too few to tell quality")


@pytest.mark.parametrize(
    ("trouble", "sentence"),
    [
        pytest.param("asset", "the workspace has no data asset", id="no_such_asset"),
        pytest.param("label", "the labels have no column label; there are row_id, truth", id="no_such_label"),
        pytest.param("key", "the collected rows have no column row_id; there are visit, prediction", id="no_such_key"),
    ],
)
def test_labels_that_need_somebody_to_look_say_so(trouble: str, sentence: str) -> None:
    world = Labelled()
    if trouble == "asset":
        world.data.trouble = PermanentError("workspace.no_data", "the workspace has no data asset labels")
    elif trouble == "label":
        world.arrive(2, world.truth.rename(columns={"label": "truth"}))
    else:
        world.data.rows[V2] = world.data.rows[V2].rename(columns={"row_id": "visit"})
    assert sentence in world.judgement(world.release(QUALITY), NOW + 10 * HOUR).reason


def test_without_labels_quality_says_nothing() -> None:
    world = Labelled()
    world.arrive(2, pd.DataFrame({"row_id": [], "label": []}))
    judgement = world.judgement(world.release(QUALITY), NOW + 10 * HOUR)
    assert "0 of the challenger's and 0 of the champion's rows have labels" in judgement.reason


# The test at the end.


AB = AbPlan("accuracy", SOURCE, needed_gain=0.0)


def test_no_outcome_is_computed_before_it_is_due() -> None:
    world = Labelled()
    assert outcome_of(world.data, world.release(ab=AB), NOW + 10 * HOUR - timedelta(seconds=1)) is None
    assert world.data.reads == []


def test_the_rows_of_the_test_are_those_of_the_hold_whenever_it_is_taken() -> None:
    world = Labelled(right=0.97)
    on_time = outcome_of(world.data, world.release(ab=AB), NOW + 10 * HOUR)
    late = outcome_of(world.data, world.release(ab=AB), NOW + 20 * HOUR)
    assert on_time
    assert on_time.verdict is Verdict.PASS
    assert on_time == late
    assert world.data.window(V1) == (NOW, NOW + 8 * HOUR)
    assert (on_time.numbers["rows"], on_time.numbers["champion_rows"]) == (800, 800)


def test_the_second_test_has_the_rows_of_the_extended_hold_and_half_the_chance_to_be_wrong() -> None:
    world = Labelled()
    extended = replace(AB, extend_until=20 * HOUR)
    release = replace(world.release(ab=extended), outcomes=(Judgement(Verdict.INCONCLUSIVE, "too close"),))
    outcome = outcome_of(world.data, release, NOW + 20 * HOUR)
    assert outcome
    assert outcome.numbers["rows"] == 1800
    assert "97.5 % bounds" in outcome.reason


def test_storage_that_does_not_answer_is_no_outcome_and_a_missing_asset_is_one() -> None:
    world = Labelled()
    world.data.trouble = RetryableError("workspace.no_answer", "it is away")
    assert outcome_of(world.data, world.release(ab=AB), NOW + 10 * HOUR) is None
    world.data.trouble = PermanentError("workspace.no_data", "there is no data asset labels")
    outcome = outcome_of(world.data, world.release(ab=AB), NOW + 10 * HOUR)
    assert outcome
    assert (outcome.verdict, outcome.has_data) == (Verdict.INCONCLUSIVE, False)
    assert outcome.reason == "accuracy cannot be compared: there is no data asset labels"
