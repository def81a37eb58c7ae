"""infra/subscriptions.yaml: what Event Grid is asked for is what the app listens to."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.infra.files import subscriptions, triggers

REQUIRED = {"name", "topic", "function", "schema", "types"}
OPTIONAL = {"subject_begins_with", "subject_ends_with", "advanced_filters", "retry", "delivery"}
OWN_EVENTS = {
    "Vigia.DriftDetected",
    "Vigia.BudgetAlert",
    "Vigia.EndpointAlert",
    "Vigia.DataArrived",
    "Vigia.RetrainingRequested",
}
WORKSPACE_EVENTS = {
    f"Microsoft.MachineLearningServices.{name}"
    for name in ("ModelRegistered", "ModelDeployed", "RunCompleted", "RunStatusChanged", "DatasetDriftDetected")
}
# Topics over further sources, which an environment may leave out.
OTHER_EVENTS = {
    "storage": {"Microsoft.Storage.BlobCreated"},
    "registry": {"Microsoft.ContainerRegistry.ImagePushed"},
    "policy": {f"Microsoft.PolicyInsights.PolicyState{what}" for what in ("Changed", "Created")},
}


def types_of(topic: str) -> set[str]:
    return {kind for entry in subscriptions() if entry["topic"] == topic for kind in entry["types"]}


@pytest.mark.parametrize("entry", subscriptions(), ids=lambda entry: f"{entry['topic']}/{entry['name']}")
def test_subscription_is_one_that_event_grid_accepts(entry: dict[str, Any]) -> None:
    assert entry.keys() >= REQUIRED
    assert entry.keys() <= REQUIRED | OPTIONAL
    assert re.fullmatch(r"[A-Za-z0-9-]{3,64}", entry["name"])
    assert entry["topic"] in {"workspace", "custom", *OTHER_EVENTS}
    assert entry["schema"] in {"event-grid", "cloud-events"}
    assert entry["types"]
    assert entry.get("delivery", "queue") in {"queue", "function"}
    retry = entry.get("retry", {})
    assert 1 <= retry.get("max_attempts", 30) <= 30
    assert 1 <= retry.get("ttl_minutes", 1440) <= 1440


def test_names_are_unique_per_topic() -> None:
    names = [(entry["topic"], entry["name"]) for entry in subscriptions()]

    assert len(set(names)) == len(names)


def test_custom_topic_delivers_cloud_events_only() -> None:
    schemas = {entry["schema"] for entry in subscriptions() if entry["topic"] == "custom"}

    assert schemas == {"cloud-events"}


def test_workspace_topic_exercises_both_schemas() -> None:
    schemas = {entry["schema"] for entry in subscriptions() if entry["topic"] == "workspace"}

    assert schemas == {"event-grid", "cloud-events"}


def test_every_event_of_the_workspace_is_subscribed_to() -> None:
    assert types_of("workspace") == WORKSPACE_EVENTS


def test_every_own_event_is_subscribed_to_and_models_can_be_hinted_at() -> None:
    assert types_of("custom") == OWN_EVENTS | {"Microsoft.MachineLearningServices.ModelRegistered"}


@pytest.mark.parametrize("topic", OTHER_EVENTS)
def test_every_event_of_a_further_source_is_subscribed_to(topic: str) -> None:
    assert types_of(topic) == OTHER_EVENTS[topic]


def test_no_event_type_of_a_topic_reaches_two_functions() -> None:
    routes = [(entry["topic"], kind) for entry in subscriptions() for kind in entry["types"]]

    assert len(set(routes)) == len(routes)


def test_every_subscription_names_an_event_grid_function_and_every_function_has_one() -> None:
    named = {entry["function"] for entry in subscriptions()}

    assert named == set(triggers("eventGridTrigger"))
