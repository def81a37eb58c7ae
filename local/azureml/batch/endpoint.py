"""A batch endpoint and its deployments, as the ARM routes and the invocation share them."""

from __future__ import annotations

from dataclasses import dataclass

from local.azureml.base.arm import Json, bad_request
from local.azureml.endpoints.provisioned import Provisioned, ProvisionedEndpoint


@dataclass
class BatchDeployment(Provisioned):
    """What an invocation runs: a model and how to feed it. There is no process between two jobs."""

    @property
    def model_id(self) -> str:
        """The ARM id of the model's version."""
        return str(self.resource.properties["model"]["assetId"])


@dataclass
class BatchEndpoint(ProvisionedEndpoint[BatchDeployment]):
    """A name that jobs are submitted to, and the deployment that answers when none is named."""

    @property
    def default(self) -> str | None:
        """The default deployment's name. Null until it is set: the first deployment doesn't become it by itself.

        Source: recorded from the service (a GET after the first deployment's PUT).
        """
        default = (self.resource.properties.get("defaults") or {}).get("deploymentName")
        return None if not default else str(default)


def check_tags(tags: Json) -> None:
    """Check that every tag has a value, as the service does (azure-sdk-for-python #41586, #44114).

    Raises:
        ArmError: 400, one has none.
    """
    empty = [name for name, value in tags.items() if not value]
    if empty:
        raise bad_request(f"Tag values must not be null or empty: {', '.join(empty)}", "PredicateValidator")
