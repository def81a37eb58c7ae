"""Names of things, kept apart by type."""

from __future__ import annotations

import hashlib
import re
from typing import NewType

ModelName = NewType("ModelName", str)
ModelVersion = NewType("ModelVersion", str)
EndpointName = NewType("EndpointName", str)
DeploymentName = NewType("DeploymentName", str)
JobName = NewType("JobName", str)
ReleaseId = NewType("ReleaseId", str)
FactKey = NewType("FactKey", str)


def correlation_of(key: FactKey) -> str:
    """Return the correlation id of everything that a fact leads to: 32 hex digits, a trace id as W3C writes them."""
    digits = key if re.fullmatch("[0-9a-f]{64}", key) else hashlib.sha256(key.encode()).hexdigest()
    return digits[:32]
