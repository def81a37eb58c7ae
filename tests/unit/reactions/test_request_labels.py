"""Drift of an image model asks people for labels, once a day, by a file that is written once."""

from __future__ import annotations

import json
from datetime import timedelta

import pandas as pd
import pytest

from shared.domain.ids import DeploymentName, ModelVersion
from shared.engine.facts.labels import Labels
from shared.errors import PermanentError, PolicyError
from shared.ports.endpoints import DeploymentRecord, EndpointRecord
from shared.ports.labels import LabelRequest
from shared.ports.queues import EVENTS
from tests.fakes.blobs import MemoryBlobStore
from tests.fakes.data import FakeData
from tests.unit.engine.fact_world import ENDPOINT, MODEL, POLICY, World, a_policy, drift
from tests.unit.reactions.context import proposed

VISION = POLICY.replace("kind: tabular", "kind: vision") + "labelling: {item: image, most: 2}\n"
NAME = "request-labels"
SERVING = DeploymentName("v-7")


class LabelWorld(World):
    def __init__(self) -> None:
        super().__init__(a_policy(VISION))
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
            {"image": ["a.png", "b.png", "c.png"], "prediction": [0.9, 0.5, 0.6]}
        )


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
            LabelRequest("2026-11-20", MODEL, ENDPOINT, world.clock.now(), world.clock.now(), "image", "", 5)
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
