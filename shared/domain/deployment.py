"""What tells one deployment of a model from the next one of the same model on the same endpoint."""

from __future__ import annotations

# In the properties of a deployment: the address of the operation that made it what it is, which ends with
# "…/mfeOperationsStatus/odidp:GUID:GUID?api-version=…". Seen in answers of the service that people published in 2026.
# Not verified: that a ModelDeployed event carries these properties of a managed deployment in ServiceProperties.
OPERATION_PROPERTY = "AzureAsyncOperationUri"


def operation_of(uri: object) -> str:
    """Return the operation's id, in lower case; "" when there is none."""
    path = uri.split("?", 1)[0].rstrip("/") if isinstance(uri, str) else ""
    return path.rsplit("/", 1)[-1].strip().lower()
