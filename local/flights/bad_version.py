"""Makes a model version that looks as good as the champion and serves worse: slower, and failing on some requests."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local.flights.workspace_files import WorkspaceFiles

if TYPE_CHECKING:
    from azure.ai.ml import MLClient

_SCORING = "flight_delay_model.py"
_FORMER_SCORING = "champion_scoring.py"
_BAD_SCORING = Path(__file__).parent / "bad_package" / _SCORING


def make_bad_package(champion: Path, folder: Path) -> Path:
    """Write to `folder` the champion's package with faulty scoring code, and return `folder`.

    Raises:
        FileNotFoundError: `champion` is not a package that train_flight_delay wrote.
        FileExistsError: `folder` exists.
    """
    if not (champion / "MLmodel").is_file() or not (champion / "code" / _SCORING).is_file():
        raise FileNotFoundError(f"{champion} is not a flight-delay model: it needs MLmodel and code/{_SCORING}")
    shutil.copytree(champion, folder, ignore=shutil.ignore_patterns("__pycache__"))
    code = folder / "code"
    (code / _SCORING).rename(code / _FORMER_SCORING)
    shutil.copyfile(_BAD_SCORING, code / _SCORING)
    # The example warms a deployment up before it counts as ready; it might be one of the requests that fail.
    (folder / "input_example.json").unlink(missing_ok=True)
    return folder


def register_bad_version(
    client: MLClient, files: WorkspaceFiles, package: Path, model: str, tags: Mapping[str, str]
) -> Any:
    """Upload the package and register it as the next version of `model`; return the registered Model."""
    from azure.ai.ml.entities import Model

    path = files.upload_folder(package, f"models/{model}/{package.name}")
    return client.models.create_or_update(
        Model(
            name=model,
            path=path,
            type="mlflow_model",
            tags=dict(tags),
            description="Asks for the weather at the destination.",
        )
    )
