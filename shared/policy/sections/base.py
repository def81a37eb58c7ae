"""The keys every policy has, and the whole file's model made of them and the sections."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, PlainValidator, WithJsonSchema, create_model

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


class EndpointSection(Section):
    """Where the model serves."""

    name: _EndpointText
    type: Literal["online", "batch"]


class PeopleSection(Section):
    """Who answers for the model. Locale and time zone per person live in people.yaml."""

    owner: Email
    approvers: tuple[Email, ...] = ()


class Base(Section):
    """A policy without its sections."""

    model: _ModelText
    kind: Literal["tabular", "vision", "text"]
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
