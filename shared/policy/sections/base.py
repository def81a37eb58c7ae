"""The keys every policy has, and the whole file's model made of them and the sections."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, PlainValidator, WithJsonSchema, create_model, model_validator

from shared.domain.ids import EndpointName
from shared.domain.releases.plan import KubernetesPlan
from shared.metrics.catalogue import Task
from shared.policy.sections.model import Endpoint
from shared.policy.sections.quantities import Email, text_matching
from shared.policy.sections.section import Section

# Azure ML: an online endpoint's name is 3-32 letters, digits and hyphens, begins with a letter and does
# not end with a hyphen. Source: learn.microsoft.com/azure/machine-learning/how-to-manage-quotas.
ENDPOINT_PATTERN = r"^[A-Za-z][A-Za-z0-9\-]{1,30}[A-Za-z0-9]$"
MODEL_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,254}$"

_EndpointText = Annotated[
    str,
    PlainValidator(
        text_matching(
            ENDPOINT_PATTERN,
            "is not an endpoint name",
            "write 3 to 32 letters, digits and hyphens, a letter first, no hyphen last",
        )
    ),
    WithJsonSchema({"type": "string", "pattern": ENDPOINT_PATTERN, "examples": ["flight-delay"]}),
]
_ModelText = Annotated[
    str,
    PlainValidator(
        text_matching(
            MODEL_PATTERN,
            "is not a model name",
            "write the name the model is registered under: letters, digits, hyphens, underscores and dots",
        )
    ),
    WithJsonSchema({"type": "string", "pattern": MODEL_PATTERN, "examples": ["flight-delay"]}),
]


# The name is part of a container's name, of 63 characters at most.
# Source: learn.microsoft.com "Naming and referencing containers, blobs, and metadata", read 2026-11-30.
WORKSPACE_PATTERN = r"^[a-z0-9](?:-?[a-z0-9]){1,39}$"
WorkspaceName = Annotated[
    str,
    PlainValidator(
        text_matching(
            WORKSPACE_PATTERN,
            "is not the name of a workspace in workspaces.yaml",
            "write 2 to 40 lower-case letters and digits, with single hyphens between them",
        )
    ),
    WithJsonSchema({"type": "string", "pattern": WORKSPACE_PATTERN, "examples": ["staging"]}),
]


_QUANTITY_PATTERN = r"^[0-9]+(\.[0-9]+)?(m|[KMGT]i?)?$"
_REMEDY = 'write a text, e.g. cpu: 500m, memory: 2Gi, gpu: "1"'
_Quantity = Annotated[
    str,
    PlainValidator(text_matching(_QUANTITY_PATTERN, "is not a quantity of Kubernetes", _REMEDY)),
    WithJsonSchema({"type": "string", "pattern": _QUANTITY_PATTERN, "examples": ["2Gi"]}),
]


class Limits(Section):
    """The most that a container may take of its node."""

    cpu: _Quantity | None = None
    memory: _Quantity | None = None
    gpu: _Quantity | None = None

    @property
    def quantities(self) -> dict[str, str]:
        values = {"cpu": self.cpu, "memory": self.memory, "gpu": self.gpu}
        return {name: value for name, value in values.items() if value is not None}


class Resources(Limits):
    """What a container asks for, and its limits."""

    limits: Limits = Limits()


class EndpointSection(Section):
    """Where the model serves; an attached cluster's keys are those of `type: kubernetes` only."""

    name: _EndpointText
    type: Literal["online", "batch", "kubernetes"]
    compute: str = ""
    instance_type: str = ""
    resources: Resources = Resources()

    @model_validator(mode="after")
    def _has_its_own_keys(self) -> Self:
        others = sorted(self.model_fields_set - {"name", "type"})
        if others and self.type != "kubernetes":
            hint = (
                "instance types are rollout.deployment's" if self.type == "online" else "a cluster is rollout.batch's"
            )
            raise ValueError(f"{', '.join(others)} is about a Kubernetes cluster; write type: kubernetes ({hint})")
        return self

    @property
    def of_model(self) -> Endpoint:
        """Return the endpoint; one on Kubernetes is an online one for everything but how it is made and measured."""
        if self.type != "kubernetes":
            return Endpoint(EndpointName(self.name), self.type)
        requests, limits = self.resources.quantities, self.resources.limits.quantities
        cluster = KubernetesPlan(self.compute, self.instance_type, requests, limits)
        return Endpoint(EndpointName(self.name), "online", cluster)


class PeopleSection(Section):
    """Who answers for the model. Locale and time zone per person live in people.yaml."""

    owner: Email
    approvers: tuple[Email, ...] = ()


class Base(Section):
    """A policy without its sections."""

    model: _ModelText
    kind: Literal["tabular", "vision", "text"]
    task: Task = Field(default=None)  # type: ignore[arg-type]  # absent, and null is refused in files
    endpoint: EndpointSection
    people: PeopleSection
    workspace: WorkspaceName = ""


def file_model(sections: Mapping[str, type[BaseModel]]) -> type[Base]:
    """Return the model of a whole file: the base keys, and each section optional under its key."""
    return _file_model(tuple(sections.items()))


@lru_cache(maxsize=32)
def _file_model(sections: tuple[tuple[str, type[BaseModel]], ...]) -> type[Base]:
    taken = [key for key, _ in sections if key in Base.model_fields]
    assert not taken, f"a section may not take a base key: {taken}"
    fields: dict[str, Any] = {key: (section, Field(default=None)) for key, section in sections}
    return create_model("Policy", __base__=Base, **fields)
