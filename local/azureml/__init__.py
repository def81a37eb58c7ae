"""Azure Machine Learning on loopback: its ARM interface, jobs and endpoints. See README.md in this folder."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from local.azureml.base.config import AzureMlConfig, Faults
    from local.azureml.service import AzureMl

__all__ = ["AzureMl", "AzureMlConfig", "Faults"]


def __getattr__(name: str) -> Any:
    # Loaded on first use: a scoring process (`python -m local.azureml.serve`) imports this package too, and half of
    # its start-up time would be the emulator and the storage SDK.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "local.azureml.service" if name == "AzureMl" else "local.azureml.base.config"
    return getattr(importlib.import_module(module), name)
