"""Drift of an image model asks people for labels, once a day, by a file that is written once."""

from __future__ import annotations

import io
import json
from datetime import timedelta

import pandas as pd
import pytest

from shared.domain.ids import DeploymentName, ModelVersion
from shared.engine.facts.labels import Labels
from shared.errors import PermanentError, PolicyError
from shared.ports.endpoints import DeploymentRecord, EndpointRecord
from shared.ports.labels import LabelRequest, LabelTask
from shared.ports.queues import EVENTS
from tests.fakes.blobs import MemoryBlobStore
from tests.fakes.data import FakeData
from tests.unit.engine.fact_world import ENDPOINT, MODEL, POLICY, Killed, World, a_policy, blob_created, drift
from tests.unit.reactions.context import proposed

VISION = POLICY.replace("kind: tabular", "kind: vision") + "labelling: {item: image, most: 2}\n"
READS = VISION.replace("most: 2", "classes: [ok, dent], data: azureml:customers@latest")
NAME, READ = "request-labels", "read-labels"
STORE = "azureml://datastores/workspaceblobstore/paths/"
SERVING = DeploymentName("v-7")


class LabelWorld(World):
    def __init__(self, policy: str = VISION) -> None:
        super().__init__(a_policy(policy))
        self.data, self.files = FakeData(), MemoryBlobStore(self.clock.now)
        self.azureml.endpoints[ENDPOINT] = EndpointRecord(
            ENDPOINT,
            "Succeeded",
            {SERVING: 100},
            {},
            (DeploymentRecord(SERVING, MODEL, ModelVersion("7"), "Succeeded"),),
            "http://127.0.0.1/score",
        )
        self.data.predictions[(ENDPOINT, SERVING)] = pd.DataFrame(
            {"image": ["a.png", "b.png", "c.png"], "row_id": ["1", "2", "3"], "prediction": [0.9, 0.5, 0.6]}
        )

    def answer(self, file: str, labels: dict[str, str | None], annotator: str = "ana") -> None:
        """Have a file of answers arrive."""
        lines = [json.dumps({"row_id": row, "label": label, "annotator": annotator}) for row, label in labels.items()]
        self.files.put(place := f"labelling/{MODEL}/answers/{file}", "\n".join(lines).encode())
        self.process(blob_created(place, etag=file))

    def table(self, version: str) -> pd.DataFrame:
        folder, _ = self.azureml.data["customers", version]
        stored = self.files.get(f"{folder.removeprefix(STORE)}/labels.parquet")
        assert stored is not None
        return pd.read_parquet(io.BytesIO(stored.body))


def test_tabular_models_do_not_ask() -> None:
    assert proposed(NAME, drift()) == []


def test_an_image_model_asks_on_drift_and_trains_on_nothing_yet() -> None:
    policy = a_policy(VISION)
    assert [reaction.name for reaction in proposed(NAME, drift(), policy=policy)] == [NAME]
    (held,) = proposed("start-training", drift(), policy=policy)
    assert "label the drifted items first" in (held.suppressed or "")


def test_the_file_is_written_once_and_people_are_told_once_a_day() -> None:
    world = LabelWorld()
    for run in ("7@1", "7@2"):
        world.process(drift(run=run))
    (name,) = [item.name for item in world.files.list("labelling/")]
    assert name.startswith(f"labelling/{MODEL}/")
    file = world.files.get(name)
    assert file is not None
    assert [json.loads(line)["image"] for line in file.body.splitlines()] == ["b.png", "c.png"]
    assert world.kinds.count("labels-requested") == 1
    entry = world.entries()[0]
    (outcome,) = [result for result in entry.outcomes if result.reaction == NAME]
    assert outcome.effect == f"azureml://datastores/workspaceblobstore/paths/{name}"


def test_without_served_rows_there_is_nothing_to_label() -> None:
    world = LabelWorld()
    world.data.predictions.clear()
    world.process(drift())
    assert world.kinds.count("labels-requested") == 0
    assert list(world.files.list("labelling/")) == []


def test_a_wrong_column_calls_a_person() -> None:
    world = LabelWorld()
    world.data.predictions[(ENDPOINT, SERVING)] = pd.DataFrame({"url": ["a"], "prediction": [0.5]})
    world.process(drift())
    (entry,) = world.entries()
    assert entry.state == "parked"


def test_the_section_is_for_images_and_texts() -> None:
    with pytest.raises(PolicyError, match="tabular models get their labels by themselves"):
        a_policy(POLICY + "labelling: {item: image}\n")
    with pytest.raises(PolicyError, match="must be longer than 0"):
        a_policy(VISION.replace("most: 2", "look_back: 0s"))


def test_an_endpoint_that_serves_nothing_is_said() -> None:
    world = LabelWorld()
    world.azureml.endpoints.clear()
    with pytest.raises(PermanentError, match="serves nothing to choose from"):
        Labels(world.workspace, world.data, world.files).request(
            LabelRequest("2026-11-20", MODEL, ENDPOINT, world.clock.now(), world.clock.now(), LabelTask("image"), "", 5)
        )


def test_the_labelled_version_is_found_and_trained_on() -> None:
    """Drift asks people, they register what they labelled, no event tells of it, and it is trained on all the same."""
    world = LabelWorld()
    world.azureml.latest["customers"] = "1"
    poll = world.app.registry_poll
    poll.run()
    world.process(drift())
    assert world.kinds.count("labels-requested") == 1
    assert not [call for call, _ in world.azureml.calls if call == "submit_job"]

    world.azureml.latest["customers"] = "2"
    world.clock.advance(timedelta(minutes=15))
    poll.run()
    while (body := world.queues.take(EVENTS)) is not None:
        world.process(body)

    (job,) = [what for call, what in world.azureml.calls if call == "submit_job"]
    recipe = world.azureml.jobs[job].recipe
    assert recipe is not None
    assert recipe.inputs == {"training_data": "azureml:customers:2"}


def world_that_asked() -> LabelWorld:
    """Return a world in which people were asked about rows 2, 3 and 1."""
    world = LabelWorld(READS)
    world.process(drift())
    return world


def test_answers_become_a_version_of_the_data_asset_which_the_next_ones_add_to() -> None:
    world = world_that_asked()
    world.answer("one.jsonl", {"1": "ok", "2": "dent", "3": None})
    world.answer("two.jsonl", {"2": "ok", "3": "ok"}, annotator="ben")

    first, second = (version for _, version in world.azureml.data)
    assert (first[:2], second[:2]) == ("1-", "2-")
    assert world.table(first)[["row_id", "label"]].to_dict("split")["data"] == [["1", "ok"], ["2", "dent"]]
    assert world.table(second).to_dict("split")["data"] == [
        ["1", "ok", "a.png", "2026-11-20", "ana"],
        ["2", "ok", "b.png", "2026-11-20", "ben"],
        ["3", "ok", "c.png", "2026-11-20", "ben"],
    ]
    _, tags = world.azureml.data["customers", second]
    assert tags == {
        "vigia.model": MODEL,
        "vigia.answers": f"labelling/{MODEL}/answers/two.jsonl",
        "vigia.manifests": "2026-11-20",
    }
    lines = world.files.get(f"labelling/{MODEL}/labels/{second}/train.jsonlines")
    assert lines is not None
    assert json.loads(lines.body.splitlines()[0]) == {"image_url": "a.png", "label": "ok"}
    assert world.kinds.count("labels-read") == 2


def test_labels_of_another_task_begin_anew() -> None:
    world = world_that_asked()
    world.answer("one.jsonl", {"1": "ok"})
    world.policies = (a_policy(READS.replace("classes: [ok", "task: several-labels, classes: [ok")),)
    line = json.dumps({"row_id": "2", "label": ["dent", "ok"]})
    world.files.put(place := f"labelling/{MODEL}/answers/two.jsonl", line.encode())
    world.process(blob_created(place))
    _, second = (version for _, version in world.azureml.data)
    assert [(row["row_id"], list(row["label"])) for row in world.table(second).to_dict("records")] == [
        ("2", ["dent", "ok"])
    ]


def test_of_another_column_nobody_was_asked() -> None:
    world = world_that_asked()
    world.policies = (a_policy(READS.replace("item: image", "item: picture")),)
    world.answer("one.jsonl", {"1": "ok"})
    (parked,) = [entry for entry in world.entries() if entry.state == "parked"]
    assert "nobody asked for these rows: 1 (1)" in parked.outcomes[0].detail


def test_a_file_that_comes_twice_is_one_version() -> None:
    world = world_that_asked()
    for name in ("one.jsonl", "copy.jsonl"):
        world.answer(name, {"1": "ok"})
    assert [call for call, _ in world.azureml.calls if call == "register_data"] == ["register_data"]
    assert len(world.azureml.data) == 1


def test_after_a_crash_the_version_that_was_recorded_is_registered() -> None:
    world = world_that_asked()
    world.fuse.burns_on = "register_data"
    with pytest.raises(Killed):
        world.answer("one.jsonl", {"1": "ok"})
    assert not world.azureml.data
    world.sweep_after_the_lease()
    assert [version[:2] for _, version in world.azureml.data] == ["1-"]
    assert world.kinds.count("labels-read") == 1


def test_a_file_with_a_wrong_line_waits_for_a_person_and_nothing_of_it_is_taken() -> None:
    world = world_that_asked()
    world.answer("one.jsonl", {"1": "ok", "2": "dnet"})
    assert not world.azureml.data
    (parked,) = [entry for entry in world.entries() if entry.state == "parked"]
    assert "line 2 is no answer: there is no class dnet; there are ok, dent" in parked.outcomes[0].detail
    assert world.kinds.count("event-quarantined") == 1
    assert world.files.get(f"labelling/{MODEL}/answers/one.jsonl")


def test_without_a_data_asset_answers_are_not_read() -> None:
    world = LabelWorld()
    world.process(drift())
    world.answer("one.jsonl", {"2": "ok"})
    outcomes = [outcome for entry in world.entries() for outcome in entry.outcomes if outcome.reaction == READ]
    assert [outcome.status for outcome in outcomes] == ["suppressed"]
    assert "write e.g. data: azureml:NAME@latest" in outcomes[0].detail


def test_the_labels_are_new_data() -> None:
    world = world_that_asked()
    world.azureml.latest["customers"] = "0"
    world.app.registry_poll.run()
    world.answer("one.jsonl", {"1": "ok"})
    ((_, version),) = world.azureml.data
    world.clock.advance(timedelta(minutes=15))
    world.app.registry_poll.run()
    while (body := world.queues.take(EVENTS)) is not None:
        world.process(body)
    (job,) = [what for call, what in world.azureml.calls if call == "submit_job"]
    recipe = world.azureml.jobs[job].recipe
    assert recipe is not None
    assert recipe.inputs == {"training_data": f"azureml:customers:{version}"}


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        pytest.param("task: spans", "boxes are drawn in images, spans marked in texts", id="spans_in_images"),
        pytest.param("tool: coco, classes: [a]", "coco holds boxes alone", id="coco_without_boxes"),
        pytest.param("tool: label-studio", "write e.g. classes:", id="no_classes"),
        pytest.param("classes: [a, a]", "each once", id="class_twice"),
        pytest.param("data: 'azureml:customers:3'", "never changes", id="pinned_data"),
    ],
)
def test_a_task_that_cannot_be_given_is_refused(written: str, problem: str) -> None:
    with pytest.raises(PolicyError, match=problem):
        a_policy(VISION.replace("most: 2", written))
