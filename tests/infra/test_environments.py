"""infra/environments: every file is complete and plausible before Azure sees it."""

from __future__ import annotations

import re
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from croniter import croniter

from local.setup.commands import WORKER_PYTHON
from tests.infra.files import ENVIRONMENTS, INFRA, load_yaml


@pytest.fixture(params=ENVIRONMENTS)
def environment(request: pytest.FixtureRequest) -> dict[str, Any]:
    content: dict[str, Any] = load_yaml(INFRA / "environments" / f"{request.param}.yaml")
    return content


def keys_of(value: object, path: str = "") -> set[str]:
    """Return the dotted paths of every key; lists count as values."""
    if not isinstance(value, dict):
        return {path}
    return {key_path for key, inner in value.items() for key_path in keys_of(inner, f"{path}.{key}")}


def test_environments_have_the_same_keys() -> None:
    dev, prod = (load_yaml(INFRA / "environments" / f"{name}.yaml") for name in ("dev", "prod"))

    assert keys_of(dev) == keys_of(prod)


@pytest.mark.parametrize("layer", ["base", "events"])
def test_both_layers_know_every_environment(layer: str) -> None:
    parameters = (INFRA / layer / "main.bicepparam").read_text(encoding="utf-8")

    for name in ENVIRONMENTS:
        assert f"{name}: loadYamlContent('../environments/{name}.yaml')" in parameters


def test_environments_do_not_share_a_workspace() -> None:
    names = [load_yaml(INFRA / "environments" / f"{name}.yaml")["workspace"]["name"] for name in ENVIRONMENTS]

    assert len(set(names)) == len(names)


def test_ledger_outlives_late_events(environment: dict[str, Any]) -> None:
    assert environment["retention"]["ledgerDays"] >= 90


def test_budget_is_one_that_azure_accepts(environment: dict[str, Any]) -> None:
    budget = environment["budget"]

    assert isinstance(budget["amount"], int)
    assert date.fromisoformat(budget["startDate"]).day == 1
    assert 1 <= len(budget["thresholds"]) <= 5
    assert all(0 < threshold <= 1000 for threshold in budget["thresholds"])


def test_events_are_delivered_to_the_queue_unless_somebody_chooses_otherwise(environment: dict[str, Any]) -> None:
    assert environment["app"]["eventDelivery"] == "queue"
    assert environment["app"]["alwaysReady"] >= 0
    assert environment["app"]["split"] in {True, False}


def test_what_is_deployed_is_the_python_under_which_the_tests_run_microsofts_worker(
    environment: dict[str, Any],
) -> None:
    assert environment["app"]["python"] == WORKER_PYTHON


def test_schedules_have_six_fields_that_parse(environment: dict[str, Any]) -> None:
    for expression in environment["app"]["schedules"].values():
        assert len(expression.split()) == 6
        assert croniter.is_valid(expression, second_at_beginning=True)


def test_ids_are_object_ids_or_empty(environment: dict[str, Any]) -> None:
    entra = environment["entra"]
    ids = [*environment["groups"].values(), entra["alerts"]["objectId"], entra["signIn"]["clientId"]]

    for value in filter(None, ids):
        UUID(value)


def test_a_named_source_is_named_whole(environment: dict[str, Any]) -> None:
    """The storage account is the workspace's; a folder keeps what jobs and endpoints write out of the events."""
    storage, registry, policy = (environment["sources"][name] for name in ("storage", "registry", "policy"))

    assert storage["account"] in {"", environment["workspace"]["storageAccount"]}
    assert not storage["account"] or (storage["location"] and storage["folder"])
    assert not registry["name"] or registry["location"]
    assert not policy["subscription"] or UUID(policy["subscription"])


def test_webhooks_are_names_of_event_subscriptions(environment: dict[str, Any]) -> None:
    assert all(re.fullmatch(r"[A-Za-z0-9-]{3,64}", name) for name in environment["entra"]["webhooks"])
