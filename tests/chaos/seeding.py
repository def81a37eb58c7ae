"""Fills the emulated workspace through the real SDK: the training component, and a model version to release."""

from __future__ import annotations

import os
from pathlib import Path

from shared.bootstrap import get_app

# The first job holds the only slot for ever and all others wait in the queue: what counts is their record.
COMPONENT = """\
$schema: https://azuremlschemas.azureedge.net/latest/commandComponent.schema.json
type: command
name: train_toy
environment: azureml:toy:1
outputs:
  model: {type: custom_model}
command: sleep 3600 && echo ${{outputs.model}}
"""
MODEL_URI = "azureml://datastores/workspaceblobstore/paths/chaos/toy"


def main() -> None:
    """Register the component, and the model versions listed in CHAOS_MODELS as "name:version,…"."""
    from azure.ai.ml import load_component
    from azure.ai.ml.entities import Environment, Model

    ml = get_app().workspace.ml
    folder = Path(os.environ["CHAOS_FOLDER"])
    if os.environ.get("CHAOS_COMPONENT"):
        (folder / "component.yaml").write_text(COMPONENT)
        ml.environments.create_or_update(Environment(name="toy", version="1", image="python:3.11"))
        ml.components.create_or_update(load_component(folder / "component.yaml"))
    for each in filter(None, os.environ.get("CHAOS_MODELS", "").split(",")):
        name, _, version = each.partition(":")
        ml.models.create_or_update(Model(name=name, version=version, type="mlflow_model", path=MODEL_URI))
