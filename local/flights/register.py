"""Puts into a workspace what a user would bring: the environment, the two components, and data assets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.flights.workspace_files import WorkspaceFiles

if TYPE_CHECKING:
    import pandas as pd
    from azure.ai.ml import MLClient

ENVIRONMENT = "flight-delay"
ENVIRONMENT_VERSION = "1"
IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:latest"
# Their names have underscores: Azure ML allows no hyphen in a component's name.
COMPONENTS = ("train", "evaluate")
_FOLDER = Path(__file__).parent / "components"


def register_environment(client: MLClient) -> Any:
    """Register environment flight-delay:1 and return it; again is harmless."""
    from azure.ai.ml.entities import Environment

    return client.environments.create_or_update(
        Environment(name=ENVIRONMENT, version=ENVIRONMENT_VERSION, image=IMAGE, conda_file=str(_FOLDER / "conda.yaml"))
    )


def register_components(client: MLClient) -> dict[str, Any]:
    """Register train_flight_delay and evaluate_flight_delay with their code; return them by name. Again is harmless."""
    from azure.ai.ml import load_component
    from azure.core.exceptions import ResourceNotFoundError

    registered: dict[str, Any] = {}
    for folder in COMPONENTS:
        component: Any = load_component(source=_FOLDER / folder / "component.yaml")
        try:
            # A version never changes once it is published, and sending it again would be refused as a change: each
            # upload gives its code a new id.
            registered[component.name] = client.components.get(component.name, component.version)
        except ResourceNotFoundError:
            registered[component.name] = client.components.create_or_update(component)
    return registered


def register_data(client: MLClient, files: WorkspaceFiles, name: str, version: str, frame: pd.DataFrame) -> Any:
    """Upload the rows as parquet and register them as data asset `name:version` (uri_file); return the asset."""
    from azure.ai.ml.entities import Data

    path = files.upload_frame(frame, f"data/{name}/{version}/{name}.parquet")
    return client.data.create_or_update(Data(name=name, version=version, type="uri_file", path=path))
