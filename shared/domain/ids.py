"""Names of things, kept apart by type."""

from __future__ import annotations

from typing import NewType

ModelName = NewType("ModelName", str)
ModelVersion = NewType("ModelVersion", str)
EndpointName = NewType("EndpointName", str)
DeploymentName = NewType("DeploymentName", str)
JobName = NewType("JobName", str)
ReleaseId = NewType("ReleaseId", str)
FactKey = NewType("FactKey", str)
