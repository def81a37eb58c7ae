"""What a job or a deployment names must exist before the service takes it.

People published that it is refused, and "Unknown compute target" (AML-Kubernetes #118, mslearn-azure-ml #30). That
environments and code are refused at the request as well is from memory; not verified.
"""

from __future__ import annotations

import re

from local.azureml.base.arm import ArmError, Json, bad_request
from local.azureml.base.expressions import is_expression
from local.azureml.base.references import References
from local.azureml.endpoints.region import inferencing
from local.azureml.workspace.compute import Compute

# Families of the sizes that managed online endpoints have.
# Source: https://learn.microsoft.com/azure/machine-learning/reference-managed-online-endpoints-vm-sku-list
# (from memory).
_SIZE = re.compile(
    r"^standard_(ds[1-5]_v2|[de]\d+(a|d|ad)?s?_v[345]|f\d+s_v2|fx\d+mds|l\d+a?s(_v[23])?|n[cdv]\d+\w*)$", re.IGNORECASE
)
_SINGULAR = {"environments": "Environment", "codes": "Code", "components": "Component"}


def _is_elsewhere(compute: str) -> bool:
    return compute.rsplit("/", 1)[-1] == "serverless" or "/virtualclusters/" in compute


class Requirements:
    """Checks references against the workspace's assets and computes."""

    def __init__(self, references: References, compute: Compute) -> None:
        self._references = references
        self._compute = compute

    def of_job(self, properties: Json) -> None:
        """Raise ArmError 400 when a job, or a step of it, names what does not exist."""
        self._require_compute(properties.get("computeId"))
        self._require_compute((properties.get("settings") or {}).get("default_compute"))
        self._require("environments", properties.get("environmentId"))
        self._require("codes", properties.get("codeId"))
        trial = properties.get("trial") or {}
        self._require("environments", trial.get("environmentId"))
        self._require("codes", trial.get("codeId"))
        for node in (properties.get("jobs") or {}).values():
            self._require_compute(node.get("computeId"))
            component = node.get("componentId") or (node.get("trial") or {}).get("componentId")
            if component:
                self._require("components", component)
                self._of_component(self._references.asset(str(component), "components").properties["componentSpec"])

    def of_batch_deployment(self, properties: Json) -> None:
        """Raise ArmError 400 when a batch deployment has an unknown compute, environment or code."""
        self._require_compute(properties.get("compute") or "(none)")
        self._require("environments", properties.get("environmentId"))
        self._require("codes", (properties.get("codeConfiguration") or {}).get("codeId"))

    def of_deployment(self, properties: Json) -> None:
        """Check what an online deployment names: its machine, environment and code.

        Raises:
            ArmError: 400, one of them is unknown.
        """
        size = str(properties.get("instanceType") or "")
        # A cluster's instance types are its own.
        if size and properties.get("endpointComputeType") != "Kubernetes" and not _SIZE.match(size):
            reason = inferencing({"VmSize": [f"Not supported VM size: {size}"]})
            raise bad_request(reason, "InferencingClientCreateDeploymentFailed")
        self._require("environments", properties.get("environmentId"))
        code = properties.get("codeConfiguration")
        if code and not properties.get("environmentId"):
            raise bad_request("A deployment with a scoring script needs an environment.", "MissingEnvironment")
        self._require("codes", (code or {}).get("codeId"))

    def _of_component(self, spec: Json) -> None:
        for inner in (spec.get("jobs") or {}).values():
            if isinstance(inner, dict) and inner.get("componentId"):
                self._require("components", inner["componentId"])
        self._require("environments", spec.get("environment"))
        self._require("codes", spec.get("code"))

    def _require_compute(self, reference: object) -> None:
        if not reference or is_expression(reference) or _is_elsewhere(str(reference).lower()):
            return
        if not self._compute.has(str(reference)):
            name = str(reference).rsplit("/", 1)[-1].removeprefix("azureml:")
            raise bad_request(f"Unknown compute target '{name}'.", "ComputeNotFound")

    def _require(self, kind: str, reference: object) -> None:
        if not isinstance(reference, str) or not reference or reference.startswith("git+"):
            return
        try:
            self._references.asset(reference, kind)
        except ArmError as exc:
            text = f"{_SINGULAR[kind]} {reference.removeprefix('azureml:')} was not found: {exc.message}"
            raise bad_request(text, f"{_SINGULAR[kind]}NotFound") from exc
