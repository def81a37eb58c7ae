"""Jobs of an Azure ML workspace: what is submitted, and what is read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from shared.domain.ids import JobName
from shared.domain.training import Recipe


@dataclass(frozen=True, slots=True)
class SparkResources:
    """What serverless Spark gives a job: `executors` machines beside the driver's, and its runtime, e.g. "3.5".

    `identity` is whose permissions read and write the data: of who submits ("user"), or of the workspace ("managed").
    """

    instance_type: str = "standard_e4s_v3"
    runtime: str = "3.5"
    executors: int = 2
    identity: Literal["user", "managed"] = "managed"


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A job to submit under a name of ours, so that submitting it again is harmless.

    Args:
        component: "azureml:NAME@latest" or "azureml:NAME:VERSION", a registered component, or the path of a job's
            definition: a YAML file of Azure ML's.
        inputs: input name to "azureml:NAME@latest", "azureml:NAME:VERSION", an azureml:// URI, or a literal.
        registers: pipeline output name to the model name it is registered under on success.
        outputs: pipeline output name to the azureml:// URI of the folder to write it to; by default Azure ML chooses.
        spark: for a Spark component, which has no `compute`.
    """

    name: JobName
    component: str
    inputs: Mapping[str, str]
    experiment: str
    display_name: str
    tags: Mapping[str, str]
    compute: str = "serverless"
    registers: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    spark: SparkResources | None = None


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job as the workspace knows it. `status` in Azure ML's words; `outputs` name to URI, when known.

    `ran` says what was run: each step to its component, or code and environment of a job without steps. `recipe` is of
    a pipeline of one registered component, None of other jobs. `created_at` is UTC. `metrics`, each one's last
    value of those that its runs logged to MLflow, are filled where they were asked for.
    """

    name: JobName
    status: str
    tags: Mapping[str, str]
    created_by: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    experiment: str = ""
    ran: Mapping[str, str] = field(default_factory=dict)
    created_at: datetime | None = None
    recipe: Recipe | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def has_ended(self) -> bool:
        return self.status in {"Completed", "Failed", "Canceled", "NotResponding"}

    @property
    def has_succeeded(self) -> bool:
        return self.status == "Completed"
