"""workspaces.yaml: the Azure ML workspaces that the app serves besides its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field, PlainValidator, ValidationError, WithJsonSchema
from pydantic_core import PydanticCustomError

from shared.domain.arm_ids import normalized
from shared.policy.reading.complaints import problems_of
from shared.policy.reading.document import Document, read_document, read_text
from shared.policy.reading.problems import PolicyProblemsError, Problem
from shared.policy.sections.base import WorkspaceName
from shared.policy.sections.quantities import text_matching
from shared.policy.sections.section import Section
from shared.settings import WorkspaceSettings

GUID_PATTERN = r"^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"


WORKSPACES_FILE = "workspaces.yaml"


def load_workspaces(folder: Path) -> tuple[WorkspaceSettings, ...]:
    """Return the workspaces that the folder of the policies lists, in the file's order; none where it has no such file.

    Raises:
        PolicyProblemsError: names every mistake.
    """
    file = folder / WORKSPACES_FILE
    if not file.exists():
        return ()
    document = read_document(read_text(file), str(file))
    problems = list(document.problems)
    try:
        listed = _WorkspacesFile.model_validate(document.value, strict=True, extra="forbid")
    except ValidationError as exc:
        problems += problems_of(exc.errors(include_url=False), document, _WorkspacesFile)
        raise PolicyProblemsError(problems or [document.problem((), "is not a list of workspaces")]) from exc
    workspaces = tuple(WorkspaceSettings(name=name, **dict(entry)) for name, entry in listed.workspaces.items())
    problems += _listed_twice(workspaces, document)
    if problems:
        raise PolicyProblemsError(problems)
    return workspaces


def _listed_twice(workspaces: tuple[WorkspaceSettings, ...], document: Document) -> Iterator[Problem]:
    # Two names for one workspace are two sets of records, and each would release what the other rolled back.
    first: dict[str, str] = {}
    for workspace in workspaces:
        other = first.setdefault(normalized(workspace.workspace_id), workspace.name)
        if other != workspace.name:
            message = f"is the same workspace as {other}; keep one of them"
            yield document.problem(("workspaces", workspace.name), message)


def _storage(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        problem = "is empty; write the blob service's URI, e.g. https://stml.blob.core.windows.net"
        raise PydanticCustomError("policy_value", "{text}", {"text": problem})
    if "AccountKey=" in value and "127.0.0.1" not in value:
        problem = (
            "holds a key, which does not belong into a file; write the blob service's URI and give the identity a role"
        )
        raise PydanticCustomError("policy_value", "{text}", {"text": problem})
    return value.strip()


_Guid = Annotated[
    str,
    PlainValidator(text_matching(GUID_PATTERN, "is not an id", "write it as 00000000-0000-0000-0000-000000000001")),
    WithJsonSchema({"type": "string", "pattern": GUID_PATTERN}),
]
_Storage = Annotated[str, PlainValidator(_storage), WithJsonSchema({"type": "string"})]
_Text = Annotated[str, Field(min_length=1, max_length=260)]


class _WorkspaceEntry(Section):
    subscription_id: _Guid
    resource_group: _Text
    workspace: _Text
    storage: _Storage
    container: _Text
    logs_workspace_id: _Guid
    environment: Annotated[str, Field(max_length=40)] = ""
    identity_client_id: _Guid = ""


class _WorkspacesFile(Section):
    workspaces: dict[WorkspaceName, _WorkspaceEntry]
