"""Facts to feed to a town, and what must have happened once when all is over."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from local.addresses import WORKSPACE_ID
from shared.domain.ids import FactKey, ModelName, ModelVersion
from shared.events import outgoing
from tests.unit.events.wire import cloud, fact_from, grid


@dataclass(frozen=True, slots=True)
class Fed:
    """A fact that was put on the queue.

    Args:
        bodies: events that tell it, under ids of their own.
        trains: whether one training job must come of it.
        notices: keys of the notices that must reach their one reader once.
        endpoint: whose traffic must have moved to the version, once; "" for none.
    """

    key: FactKey
    bodies: tuple[str, ...]
    trains: bool
    notices: tuple[str, ...]
    endpoint: str = ""
    version: str = ""


def a_request(model: str) -> Fed:
    """Return a person's request to train the model, unlike any other."""
    event = outgoing.retraining_requested(
        WORKSPACE_ID,
        datetime.now(UTC),
        model=ModelName(model),
        request=uuid.uuid4().hex,
        reason="chaos",
        requested_by="ana@example.com",
    )
    body = cloud(event)
    key = fact_from(body).key
    again = json.dumps({**json.loads(body), "id": uuid.uuid4().hex})
    return Fed(key, (body, again), trains=True, notices=(f"training-started/{key[:16]}-0",))


def a_registration(model: str, version: str) -> Fed:
    """Return the registration of a model version, which opens a release."""
    data = {"ModelName": model, "ModelVersion": version, "ModelTags": {}, "ModelProperties": {}}
    bodies = tuple(
        json.dumps(
            grid("ModelRegistered", data, id=uuid.uuid4().hex, topic=WORKSPACE_ID, subject=f"models/{model}:{version}")
        )
        for _ in range(2)
    )
    release = f"release/{model}-{version}"
    told = (f"{release}/0-release-opened", f"{release}/1-promoted")
    return Fed(fact_from(bodies[0]).key, bodies, trains=False, notices=told, endpoint=model, version=version)


def a_hint(model: str, version: str) -> Fed:
    """Return a person's hint to look at a registered version again; its release is opened already, or by this."""
    event = outgoing.model_registered_hint(
        WORKSPACE_ID, datetime.now(UTC), model=ModelName(model), version=ModelVersion(version), hint=uuid.uuid4().hex
    )
    body = cloud(event)
    return Fed(fact_from(body).key, (body, body), trains=False, notices=())
