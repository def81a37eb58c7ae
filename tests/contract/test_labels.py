"""What people are asked to label lies where the workspace's labelling tools read."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pandas as pd

from local.addresses import WORKSPACE_CONTAINER, Addresses
from shared.adapters.storage.blobs import AzureBlobStore, blob_service
from shared.domain.ids import DeploymentName, EndpointName, ModelName
from shared.engine.facts.labels import Labels
from shared.ports.endpoints import EndpointRecord
from shared.ports.labels import LabelRequest, LabelTask
from tests.fakes.data import FakeData
from tests.fakes.workspace import FakeWorkspace
from tests.settings import settings_for

ENDPOINT, SERVING = EndpointName("damage"), DeploymentName("v-7")
NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


def test_the_manifest_is_in_the_workspaces_own_container_and_stays_as_it_was(azurite: Addresses) -> None:
    storage = azurite.storage_connection_string
    settings = settings_for(
        AzureWebJobsStorage=storage, VIGIA_WORKSPACE_STORAGE=storage, VIGIA_WORKSPACE_CONTAINER=WORKSPACE_CONTAINER
    )
    workspace, data = FakeWorkspace(), FakeData()
    workspace.endpoints[ENDPOINT] = EndpointRecord(ENDPOINT, "Succeeded", {SERVING: 100}, {}, (), "")
    data.predictions[(ENDPOINT, SERVING)] = pd.DataFrame({"image": ["a", "b"], "prediction": [0.9, 0.5]})
    files = AzureBlobStore(settings, settings.workspace_container, settings.workspace_storage)
    request = LabelRequest(
        "2026-11-20", ModelName("damage"), ENDPOINT, NOW - timedelta(hours=24), NOW, LabelTask("image"), "", most=1
    )

    first = Labels(workspace, data, files).request(request)
    data.predictions.clear()
    again = Labels(workspace, data, files).request(request)

    assert first == again
    assert first.items == 1
    assert first.uri == "azureml://datastores/workspaceblobstore/paths/labelling/damage/2026-11-20.jsonl"
    blob = blob_service(settings, settings.workspace_storage).get_blob_client(
        WORKSPACE_CONTAINER, "labelling/damage/2026-11-20.jsonl"
    )
    assert json.loads(blob.download_blob().readall())["image"] == "b"
