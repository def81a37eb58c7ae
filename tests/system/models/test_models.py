"""Small real models of several kinds, from a request to a monitored champion, and versions that may not pass."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared.domain.releases.release import ReleaseState
from tests.system.models import (
    entities,
    forecast,
    images,
    numbers,
    ranking,
    several_labels,
    ten_classes,
    two_classes,
)
from tests.system.models.place import OwnModel, Place

KINDS = (two_classes, ten_classes, several_labels, numbers, forecast, images, entities, ranking)
MODELS = [kind.MODEL for kind in KINDS]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = Place(tmp_path_factory.mktemp("models"))
    with made.system:
        yield made


@pytest.mark.parametrize("model", [pytest.param(model, id=model.name) for model in MODELS])
def test_sound_versions_serve_and_worse_and_biased_ones_do_not(place: Place, model: OwnModel) -> None:
    rows = place.brings(model)
    first = place.ended(model.name, 1)
    assert (first.state, place.traffic(model.name)) == (ReleaseState.FINISHED, {"v-1": 100}), first.history[-1]

    requests = rows.drop(columns=label_of(model))
    with place.callers(model.name, requests):
        place.asks_for_training(model.name)
        second = place.ended(model.name, 2)
    assert (second.state, place.traffic(model.name)) == (ReleaseState.FINISHED, {"v-2": 100}), second.history[-1]

    place.registers_spoiled(model.name, model.worse, "worse")
    place.registers_spoiled(model.name, model.biased, "biased")
    for version, because in ((3, model.worse_because), (4, model.biased_because)):
        release = place.ended(model.name, version)
        assert release.state is ReleaseState.REJECTED, release.history[-1]
        assert because in release.history[-1].reason
    assert place.traffic(model.name) == {"v-2": 100}

    with place.callers(model.name, model.drift(requests)):
        place.until("drift", lambda: "drift" in place.verdicts(model.name))


def label_of(model: OwnModel) -> str:
    return model.options.partition("--label ")[2].split()[0]
