"""Endpoints on an attached Kubernetes cluster, through the real SDK against the emulated workspace."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from azure.ai.ml.entities import KubernetesCompute, Model

from shared.adapters.azure_ml.workspace import AzureWorkspace
from shared.domain.ids import DeploymentName, EndpointName, ModelName, ModelVersion
from shared.domain.releases.plan import JudgePlan, KubernetesPlan, ProbePlan
from shared.domain.releases.release import Release, ReleaseState
from shared.errors import WorkspaceError
from shared.ports.endpoints import DeploymentRequest
from tests.contract.test_workspace import adapter, retrying, until
from tests.fakes.releases import a_plan, a_release
from tests.local.azureml.conftest import System, system, write_toy_model  # noqa: F401 (system is a fixture)
from tests.unit.engine.release_world import NO_APPROVAL, World

SAMPLE, RELEASED = "azureml:requests@latest", EndpointName("released-arc")
CLUSTER = "/subscriptions/s/resourceGroups/r/providers/Microsoft.Kubernetes/connectedClusters/factory"
BODY = '{"input_data": {"columns": ["a"], "index": [0], "data": [[1]]}}'
SMALL = KubernetesPlan("arc-factory", "small", {"cpu": "500m", "memory": "1Gi"}, {"cpu": "1", "memory": "2Gi"})


@pytest.fixture(scope="module")
def workspace(system: System, tmp_path_factory: pytest.TempPathFactory) -> AzureWorkspace:  # noqa: F811
    uri = system.upload(write_toy_model(Path(tmp_path_factory.mktemp("kubernetes")) / "toy"), "kubernetes/toy")
    for version in ("1", "2"):
        system.ml.models.create_or_update(Model(name="toy-k8s", version=version, type="mlflow_model", path=uri))
    system.ml.compute.begin_create_or_update(
        KubernetesCompute(name=SMALL.compute, resource_id=CLUSTER, namespace="azureml")
    ).result()
    return adapter(system)


def made(workspace: AzureWorkspace, name: str, *deployments: str) -> EndpointName:
    endpoint = EndpointName(name)
    workspace.create_endpoint(endpoint, SMALL.compute)
    until(lambda: (record := workspace.endpoint(endpoint)) is not None and record.state == "Succeeded")
    for deployment in deployments:
        retrying(lambda deployment=deployment: workspace.create_deployment(a_request(endpoint, deployment)))  # type: ignore[misc]
    until(lambda: {d.state for d in workspace.deployments(endpoint)} <= {"Succeeded"})
    return endpoint


def a_request(endpoint: EndpointName, deployment: str, **changes: Any) -> DeploymentRequest:
    values: dict[str, Any] = {"kubernetes": SMALL, **changes}
    return DeploymentRequest(endpoint, DeploymentName(deployment), ModelName("toy-k8s"), ModelVersion("1"), **values)


def test_what_is_sent_is_what_a_cluster_takes(system: System, workspace: AzureWorkspace) -> None:  # noqa: F811
    endpoint = made(workspace, "churn-arc", "v-1")

    sent = system.ml.online_deployments._online_deployment.get(
        system.ml.resource_group_name, str(system.ml.workspace_name), endpoint, "v-1"
    ).as_dict()
    properties = sent["properties"]
    assert (properties["endpointComputeType"], properties["instanceType"]) == ("Kubernetes", "small")
    assert properties["containerResourceRequirements"] == {
        "containerResourceRequests": {"cpu": "500m", "memory": "1Gi"},
        "containerResourceLimits": {"cpu": "1", "memory": "2Gi"},
    }
    assert set(properties["dataCollector"]["collections"]) == {"model_inputs", "model_outputs"}
    assert system.ml.online_endpoints.get(endpoint).compute.endswith("/computes/arc-factory")


def test_traffic_moves_and_is_read_back_and_a_deployment_grows(workspace: AzureWorkspace) -> None:
    endpoint = made(workspace, "traffic-arc", "v-1", "v-2")
    first, second = DeploymentName("v-1"), DeploymentName("v-2")

    retrying(lambda: workspace.set_traffic(endpoint, {first: 90, second: 10}))
    until(lambda: (e := workspace.endpoint(endpoint)) is not None and dict(e.traffic) == {first: 90, second: 10})
    retrying(lambda: workspace.scale_deployment(endpoint, second, 3))

    until(lambda: {d.name: d.instances for d in workspace.deployments(endpoint)} == {first: 1, second: 3})


def test_probes_are_answered_and_nothing_is_in_the_traffic_log(
    system: System,  # noqa: F811
    workspace: AzureWorkspace,
) -> None:
    endpoint = made(workspace, "silent-arc", "v-1")

    answers = workspace.probe(endpoint, [(DeploymentName("v-1"), BODY)] * 3, timedelta(seconds=20))

    assert [answer and answer.status for answer in answers] == [200] * 3
    always = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    assert [request for request in system.traffic.between(*always) if request.endpoint_name == endpoint] == []


def test_what_a_cluster_lacks_is_refused(workspace: AzureWorkspace) -> None:
    endpoint = made(workspace, "refused-arc", "v-1")

    with pytest.raises(WorkspaceError, match="mirror no traffic"):
        retrying(lambda: workspace.set_mirror(endpoint, {DeploymentName("v-1"): 10}))
    with pytest.raises(WorkspaceError, match="of type Kubernetes only"):
        retrying(lambda: workspace.create_deployment(a_request(endpoint, "v-2", kubernetes=None)))
    with pytest.raises(WorkspaceError, match="no attached Kubernetes cluster"):
        workspace.create_endpoint(EndpointName("nowhere-arc"), "cpu-cluster")


class ClusterWorld(World):
    """The emulated workspace under the app's clock: looks wait until it has done what the last one asked for."""

    def __init__(self, workspace: AzureWorkspace) -> None:
        super().__init__(champion=False)
        self.azure = self.workspace = workspace  # type: ignore[assignment]
        self.data.tables[SAMPLE] = pd.DataFrame({"request": [BODY]})

    def pass_time(self, to: Any) -> None:
        until(self._is_settled)
        self.clock.advance(max(to - self.clock.now(), timedelta(0)))

    def _is_settled(self) -> bool:
        record = self.azure.endpoint(RELEASED)
        return record is None or {record.state, *(d.state for d in record.deployments)} <= {"Succeeded"}

    def released(self, version: str) -> Release:
        plan = a_plan(
            evaluation=None,
            gates=(),
            approval=NO_APPROVAL,
            kubernetes=SMALL,
            probe=ProbePlan(SAMPLE, 20),
            steps=(50, 100),
            judge=JudgePlan(0.01, None, 0.05, "hold", timedelta(minutes=1)),
            decide_within=timedelta(hours=3),
            watch_for=timedelta(minutes=30),
        )
        opened = replace(a_release(version, plan, self.clock.now()), model=ModelName("toy-k8s"), endpoint=RELEASED)
        assert self.desk.open(opened)
        self.run()
        return self.release(opened.id)


def test_a_first_version_and_the_next_are_released_onto_a_cluster(workspace: AzureWorkspace) -> None:
    world = ClusterWorld(workspace)

    first, second = world.released("1"), world.released("2")

    assert [release.state for release in (first, second)] == [ReleaseState.FINISHED] * 2, second.reason
    assert second.traffic_steps == (50, 95, 100)
    assert "requests were probes" in second.reason
    record = workspace.endpoint(RELEASED)
    assert record is not None
    assert dict(record.traffic) == {"v-2": 100}
