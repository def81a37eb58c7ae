"""Facts to feed to a town, and what must have happened once when all is over."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from local.addresses import WORKSPACE_ID
from shared.domain.ids import FactKey, ModelName, ModelVersion
from shared.events.sent import outgoing
from tests.chaos.policies import HELD_BACK, STEPS
from tests.unit.events.wire import cloud, fact_from, grid

Split = dict[str, int]


@dataclass(frozen=True, slots=True)
class Fed:
    """A fact that was put on the queue.

    Args:
        bodies: events that tell it, under ids of their own.
        trains: whether one training job must come of it.
        notices: keys of the notices that must be told.
        release: that must have finished; "" for none.
        endpoint: whose traffic must have taken this `course`, and no other.
        is_evaluated: whether one evaluation job must come of it.
    """

    key: FactKey
    bodies: tuple[str, ...]
    trains: bool
    notices: tuple[str, ...] = ()
    release: str = ""
    endpoint: str = ""
    course: tuple[Split, ...] = ()
    is_evaluated: bool = False


# Of a second version beside the first, which serves: each step, then what is left to the first while they are watched.
COURSE: tuple[Split, ...] = (
    {"v-1": 100},
    *({"v-2": share, "v-1": 100 - share} for share in STEPS[:-1]),
    {"v-2": 100 - HELD_BACK, "v-1": HELD_BACK},
    {"v-2": 100},
)


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
    """Return the registration of a model version, which is released all at once."""
    key, bodies = _registered(model, version)
    release = f"{model}-{version}"
    notices = (f"release/{release}/0-release-opened", f"release/{release}/1-promoted")
    return Fed(
        key, bodies, trains=False, notices=notices, release=release, endpoint=model, course=({f"v-{version}": 100},)
    )


def a_release_in_steps(model: str) -> Fed:
    """Return the registration of a second version, which is evaluated, approved, and released step by step."""
    key, bodies = _registered(model, "2")
    release = f"{model}-2"
    notices = (f"release/{release}/1-approval-needed", f"release/{release}/2-canary-started")
    return Fed(
        key, bodies, trains=False, notices=notices, release=release, endpoint=model, course=COURSE, is_evaluated=True
    )


def _registered(model: str, version: str) -> tuple[FactKey, tuple[str, ...]]:
    """Return the fact of a registration, and two events that tell it."""
    data = {"ModelName": model, "ModelVersion": version, "ModelTags": {}, "ModelProperties": {}}
    bodies = tuple(
        json.dumps(
            grid("ModelRegistered", data, id=uuid.uuid4().hex, topic=WORKSPACE_ID, subject=f"models/{model}:{version}")
        )
        for _ in range(2)
    )
    return fact_from(bodies[0]).key, bodies


def a_hint(model: str, version: str) -> Fed:
    """Return a person's hint to look at a registered version again; its release is opened already, or by this."""
    event = outgoing.model_registered_hint(
        WORKSPACE_ID, datetime.now(UTC), model=ModelName(model), version=ModelVersion(version), hint=uuid.uuid4().hex
    )
    body = cloud(event)
    return Fed(fact_from(body).key, (body, body), trains=False)
