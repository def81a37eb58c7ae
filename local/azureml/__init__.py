"""Azure Machine Learning on loopback: its ARM interface, jobs and endpoints. See README.md in this folder."""

from local.azureml.config import AzureMlConfig, Faults
from local.azureml.service import AzureMl

__all__ = ["AzureMl", "AzureMlConfig", "Faults"]
