from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.arm_ids import (
    EndpointId,
    budget_id,
    budget_scope,
    is_event_source,
    is_within,
    normalized,
    resource_type,
    scope_id,
    subscription_of,
    topic_name,
    workspace_id,
    workspace_of,
)

names = st.text("abcDEF0189-_.", min_size=1, max_size=12)
workspaces = st.builds(workspace_id, names, names, names)
scopes = st.builds(scope_id, names) | st.builds(scope_id, names, names)
casings = st.sampled_from([str, str.lower, str.upper])
TOPIC = "/subscriptions/s/resourceGroups/g/providers/Microsoft.EventGrid/topics/vigia"


@given(workspaces, st.sampled_from(["", "/onlineEndpoints/churn", "/jobs/j/"]), casings)
def test_the_workspace_of_what_is_in_it_is_the_workspace(workspace: str, place: str, casing: type[str]) -> None:
    assert workspace_of(casing(workspace + place)) == casing(workspace)
    assert is_within(normalized(workspace + place), workspace)
    assert is_event_source(workspace)


@given(workspaces, st.sampled_from(["online", "batch"]), names, st.none() | names, casings)
def test_the_id_of_an_endpoint_says_where_it_is(
    workspace: str, kind: str, name: str, deployment: str | None, casing: type[str]
) -> None:
    arm_id = f"{workspace}/{kind}Endpoints/{name}" + (f"/deployments/{deployment}" if deployment else "")

    endpoint = EndpointId.parse(casing(arm_id))

    assert endpoint is not None
    assert (endpoint.workspace, endpoint.type, endpoint.name) == (casing(workspace), kind, casing(name))
    assert endpoint.deployment == (casing(deployment) if deployment else None)


@given(scopes, names, casings)
def test_what_a_budget_counts_is_its_scope(scope: str, name: str, casing: type[str]) -> None:
    assert budget_scope(casing(budget_id(scope, name))) == casing(scope)
    assert budget_scope(scope) == scope


@given(workspaces)
def test_everything_is_in_its_subscription_and_in_nothing_that_only_begins_alike(workspace: str) -> None:
    assert is_within(normalized(workspace), subscription_of(workspace))
    assert not is_within(normalized(workspace) + "-2", workspace)


@given(st.text())
def test_no_text_is_too_odd_to_be_asked_about(text: str) -> None:
    assert normalized(normalized(text)) == normalized(text)
    assert workspace_of(text) is None
    assert EndpointId.parse(text) is None
    assert topic_name(text) is None
    assert budget_scope(text) == text
    assert resource_type(text) == ""


@pytest.mark.parametrize(
    ("arm_id", "name"),
    [
        pytest.param(TOPIC, "vigia", id="topic"),
        pytest.param(TOPIC.lower(), "vigia", id="lower_case"),
        pytest.param(f"{TOPIC}/eventSubscriptions/events", None, id="something_in_a_topic"),
        pytest.param(TOPIC.replace("topics", "systemTopics"), None, id="system_topic"),
    ],
)
def test_a_topic_is_known_by_its_name(arm_id: str, name: str | None) -> None:
    assert topic_name(arm_id) == name
    assert is_event_source(arm_id)


def test_the_type_of_a_resource_is_that_of_its_last_provider() -> None:
    arm_id = f"{scope_id('s', 'g')}/providers/Microsoft.Compute/virtualMachines/vm"
    assert resource_type(arm_id) == "microsoft.compute/virtualmachines"
    assert resource_type(f"{arm_id}/providers/Microsoft.Insights/components/c") == "microsoft.insights/components"
    assert not is_event_source(arm_id)
