"""What people are asked to label lies where labelling tools read, and their answers where monitors do."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pandas as pd

from local.addresses import WORKSPACE_CONTAINER, Addresses
from shared.adapters.storage.blobs import AzureBlobStore, blob_service
from shared.adapters.tables.data import WorkspaceData
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


def test_what_people_answer_is_read_as_any_table_of_labels(azurite: Addresses) -> None:
    storage = azurite.storage_connection_string
    settings = settings_for(VIGIA_WORKSPACE_STORAGE=storage, VIGIA_WORKSPACE_CONTAINER=WORKSPACE_CONTAINER)
    workspace, files = FakeWorkspace(), AzureBlobStore(settings, WORKSPACE_CONTAINER, storage)
    model, task = ModelName(f"damage-{uuid.uuid4().hex[:8]}"), LabelTask("image", "several-labels", ("dent", "ok"))
    folder = f"labelling/{model}"
    files.create(
        f"{folder}/2026-11-20.jsonl", b'{"image": "a.png", "row_id": "7"}\n{"image": "b.png", "row_id": "8"}\n'
    )
    for name, row, label in (("one", "7", ["dent"]), ("two", "8", ["ok", "dent"])):
        files.create(file := f"{folder}/answers/{name}.jsonl", json.dumps({"row_id": row, "label": label}).encode())
        Labels(workspace, FakeData(), files).read(model, file, task, "damage-labels")

    uri, _ = workspace.data["damage-labels", workspace.latest["damage-labels"]]
    catalogue: Any = SimpleNamespace(data_uri=lambda reference: uri + "/")
    reader = WorkspaceData(settings, catalogue)

    table = reader.table("azureml:damage-labels@latest", lists=("label",))
    assert dict(zip(table["row_id"], map(list, table["label"]), strict=True)) == {"7": ["dent"], "8": ["dent", "ok"]}
    assert sum(len(batch) for batch in reader.batches("azureml:damage-labels@latest")) == 2
