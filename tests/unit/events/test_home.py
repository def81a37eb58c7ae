"""Events that name a place are told apart by where we live."""

from __future__ import annotations

import pytest

from shared.domain.fact import DataArrived, Fact, Ignored
from shared.events.wire.own_workspace import Home, container_url
from tests.unit.engine.fact_world import HOME, blob_created, data_arrived, drift, policy_state
from tests.unit.events.wire import WORKSPACE, fact_from

AZURITE = (
    "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=fake==;"
    "BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1"
)


@pytest.mark.parametrize(
    ("storage", "url"),
    [
        pytest.param("https://STfake.blob.core.windows.net/", "https://stfake.blob.core.windows.net/c", id="uri"),
        pytest.param(AZURITE, "http://127.0.0.1:10000/devstoreaccount1/c", id="emulator"),
        pytest.param("AccountName=stfake;AccountKey=x==", "https://stfake.blob.core.windows.net/c", id="account"),
        pytest.param(
            "AccountName=stfake;EndpointSuffix=core.chinacloudapi.cn",
            "https://stfake.blob.core.chinacloudapi.cn/c",
            id="other_cloud",
        ),
    ],
)
def test_address_of_a_container(storage: str, url: str) -> None:
    assert container_url(storage, "c") == url


def _location(body: str) -> str:
    placed = HOME.place(fact_from(body))
    assert isinstance(placed, Fact)
    assert isinstance(placed.body, DataArrived)
    return placed.body.location


def test_a_file_in_our_container_gets_the_name_that_policies_give_it() -> None:
    assert _location(blob_created("train/a%20b.csv")) == "azureml://datastores/workspaceblobstore/paths/train/a b.csv"
    dfs = "https://stfake.dfs.core.windows.net/azureml-blobstore-fake/train/a.csv"
    assert _location(blob_created("x", url=dfs)) == "azureml://datastores/workspaceblobstore/paths/train/a.csv"


@pytest.mark.parametrize(
    "url",
    [
        "https://stfake.blob.core.windows.net/azureml-blobstore-fake-2/train/a.csv",
        "https://stother.blob.core.windows.net/azureml-blobstore-fake/train/a.csv",
    ],
    ids=["another_container", "another_account"],
)
def test_a_file_elsewhere_keeps_its_address(url: str) -> None:
    assert _location(blob_created("x", url=url)) == url


def test_naming_a_place_leaves_the_fact_the_same() -> None:
    fact = fact_from(blob_created("train/a.csv"))
    placed = HOME.place(fact)
    assert isinstance(placed, Fact)
    assert (placed.key, placed.payload_digest) == (fact.key, fact.payload_digest)


@pytest.mark.parametrize("resource", [WORKSPACE, f"{WORKSPACE}/onlineEndpoints/churn", WORKSPACE.upper() + "/"])
def test_a_verdict_about_our_workspace_is_ours(resource: str) -> None:
    assert isinstance(HOME.place(fact_from(policy_state("NonCompliant", resource))), Fact)


@pytest.mark.parametrize("resource", [WORKSPACE + "-2", "/subscriptions/1", WORKSPACE.rpartition("/")[0]])
def test_a_verdict_about_something_else_is_not(resource: str) -> None:
    placed = HOME.place(fact_from(policy_state("NonCompliant", resource)))
    assert isinstance(placed, Ignored)
    assert placed.is_known


@pytest.mark.parametrize("body", [drift(), data_arrived()], ids=["drift", "version_of_an_asset"])
def test_what_names_no_place_stays_as_it_is(body: str) -> None:
    fact = fact_from(body)
    assert Home(WORKSPACE, "https://st/c").place(fact) == fact
