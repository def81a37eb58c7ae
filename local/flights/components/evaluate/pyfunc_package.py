"""Loading MLflow pyfunc model folders side by side without the mlflow package."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Protocol

import pandas as pd


class Predictor(Protocol):
    def predict(self, frame: pd.DataFrame) -> list[float]: ...


class UnusableModelError(Exception):
    """A model folder cannot be loaded; the message names the folder and what is wrong."""


def load(folder: Path) -> Predictor:
    """Return the model of an MLflow folder.

    Two models usually bring modules of the same names, so those of the package are forgotten after loading; the
    objects made from them live on.

    Raises:
        UnusableModelError: no MLmodel, no python_function flavour, or the package's own code fails to load.
    """
    settings = _python_function(folder)
    code = folder / settings.get("code", "code")
    data = folder / settings["data"] if "data" in settings else folder
    previous = set(sys.modules)
    sys.path.insert(0, str(code))
    try:
        model: Predictor = importlib.import_module(settings["loader_module"])._load_pyfunc(str(data))
    except Exception as exc:  # the package's own code may raise anything
        raise UnusableModelError(f"{folder}: its scoring code failed to load: {type(exc).__name__}: {exc}") from exc
    finally:
        sys.path.remove(str(code))
        for name in set(sys.modules) - previous:
            if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(code)):
                del sys.modules[name]
    return model


def _python_function(folder: Path) -> dict[str, str]:
    """Return the `key: value` lines of the python_function flavour; nested keys are left out.

    Raises:
        UnusableModelError: the folder is no MLflow model, or none with that flavour.
    """
    try:
        lines = (folder / "MLmodel").read_text().splitlines()
    except OSError as exc:
        raise UnusableModelError(f"{folder} is not an MLflow model: {exc}") from exc
    settings: dict[str, str] = {}
    inside = False
    for line in lines:
        indent = len(line) - len(line.lstrip())
        key, _, value = line.strip().partition(":")
        if indent == 2:
            inside = key == "python_function"
        elif indent < 2:
            inside = False
        elif inside and indent == 4 and value.strip():
            settings[key] = value.strip().strip("'\"")
    if "loader_module" not in settings:
        raise UnusableModelError(f"{folder}/MLmodel has no flavour python_function with a loader_module")
    return settings
