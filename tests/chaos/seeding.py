"""Fills the emulated workspace through the real SDK: components, models to release, and champions that serve."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

from shared.bootstrap import get_app
from shared.domain.ids import DeploymentName, EndpointName, ModelName, ModelVersion
from shared.ports.endpoints import DeploymentRequest

# Jobs take one slot in turn; those that train are over at once, and register nothing.
TRAINING = """\
$schema: https://azuremlschemas.azureedge.net/latest/commandComponent.schema.json
type: command
name: train_toy
environment: azureml:toy:1
outputs:
  model: {type: custom_model}
command: "true ${{outputs.model}}"
"""
# What it would find is in the data that it is given.
EVALUATION = """\
$schema: https://azuremlschemas.azureedge.net/latest/commandComponent.schema.json
type: command
name: evaluate_toy
environment: azureml:toy:1
inputs:
  champion: {type: mlflow_model}
  challenger: {type: mlflow_model}
  data: {type: uri_file}
outputs:
  scores: {type: uri_folder}
command: cp ${{inputs.data}} ${{outputs.scores}}/scores.parquet
"""
FILES = "azureml://datastores/workspaceblobstore/paths/chaos/"
KEYS = "keys.json"


def main() -> None:
    """Register the components, and the model versions listed in CHAOS_MODELS as "name:version,…"; have the first
    version of the models in CHAOS_SERVING serve, and write the keys of their endpoints."""
    from azure.ai.ml import load_component
    from azure.ai.ml.entities import Data, Environment, Model

    ml = get_app().workspace.ml
    folder = Path(os.environ["CHAOS_FOLDER"])
    ml.environments.create_or_update(Environment(name="toy", version="1", image="python:3.11"))
    ml.data.create_or_update(Data(name="toy-scores", version="1", type="uri_file", path=f"{FILES}scores.parquet"))
    for component in (TRAINING, EVALUATION):
        (folder / "component.yaml").write_text(component)
        ml.components.create_or_update(load_component(folder / "component.yaml"))
    for model in filter(None, os.environ["CHAOS_MODELS"].split(",")):
        name, _, version = model.partition(":")
        ml.models.create_or_update(Model(name=name, version=version, type="mlflow_model", path=f"{FILES}toy"))
    serving = list(map(EndpointName, filter(None, os.environ["CHAOS_SERVING"].split(","))))
    _serve(serving)
    (folder / KEYS).write_text(json.dumps({name: ml.online_endpoints.get_keys(name).primary_key for name in serving}))


def _serve(names: Sequence[EndpointName]) -> None:
    """Have the first version of each model serve on its endpoint; they come up side by side."""
    workspace, deployment = get_app().workspace, DeploymentName("v-1")
    for name in names:
        workspace.create_endpoint(name)
    for name in names:
        _until_up(name)
        workspace.create_deployment(DeploymentRequest(name, deployment, ModelName(name), ModelVersion("1")))
    for name in names:
        _until_up(name)
        workspace.set_traffic(name, {deployment: 100})


def _until_up(name: EndpointName) -> None:
    while True:
        endpoint = get_app().workspace.endpoint(name)
        if endpoint and {endpoint.state, *(deployment.state for deployment in endpoint.deployments)} == {"Succeeded"}:
            return
        time.sleep(0.1)
