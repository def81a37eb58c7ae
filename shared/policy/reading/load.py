"""From files to policies, strictly: every mistake of every file is reported, with its line and a remedy."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ValidationError

from shared.domain.ids import ModelName
from shared.errors import PolicyError
from shared.policy.reading.complaints import problems_of
from shared.policy.reading.document import Document, read_document, read_text
from shared.policy.reading.problems import Loc, PolicyProblemsError, Problem, did_you_mean
from shared.policy.reading.tasks import task_problems
from shared.policy.reading.workspaces import WORKSPACES_FILE, load_workspaces
from shared.policy.sections.base import Base, file_model
from shared.policy.sections.model import People, Policy, Rule

Sections = Mapping[str, type[BaseModel]]

PEOPLE_FILE = "people.yaml"
NOT_POLICIES = {PEOPLE_FILE, WORKSPACES_FILE}


def load_policy(text: str, path: str, sections: Sections, rules: tuple[Rule, ...]) -> Policy:
    """Return the policy that `text` describes.

    Args:
        path: the file's name, for messages.
        sections: by YAML key; a section may define `problems(policy)`, see `Section`.

    Raises:
        PolicyProblemsError: names every mistake.
    """
    return _load(text, path, sections, rules)[0]


def load_policies(folder: Path, sections: Sections, rules: tuple[Rule, ...]) -> tuple[Policy, ...]:
    """Return the policies of all workspaces: of all *.yaml and *.yml files in `folder` but the two about people and
    workspaces, sorted by file name.

    Raises:
        PolicyProblemsError: names every mistake of every file.
        PolicyError: the folder cannot be read.
    """
    loaded: list[tuple[Policy, Document]] = []
    problems: list[Problem] = []
    for file in policy_files(folder):
        try:
            loaded.append(_load(read_text(file), str(file), sections, rules))
        except PolicyProblemsError as exc:
            problems += exc.problems
    problems += [*_claimed_twice(loaded), *_sharing_an_endpoint(loaded), *_elsewhere(loaded, folder)]
    if problems:
        raise PolicyProblemsError(problems)
    return tuple(policy for policy, _ in loaded)


def clashes(files: Iterable[Path], sections: Sections, rules: tuple[Rule, ...]) -> Iterator[Problem]:
    """Yield the problems between policy files of any folder; a file that is invalid by itself is left out."""
    loaded: list[tuple[Policy, Document]] = []
    for file in files:
        with suppress(PolicyProblemsError):
            loaded.append(_load(read_text(file), str(file), sections, rules))
    yield from _claimed_twice(loaded)
    yield from _sharing_an_endpoint(loaded)


def policy_files(folder: Path) -> list[Path]:
    """Return the folder's policy files, sorted by name.

    Raises:
        PolicyError: it cannot be read.
    """
    try:
        files = sorted(folder.iterdir())
    except OSError as exc:
        raise PolicyError(
            code="policy.no_folder",
            message=f"the policy folder {folder} cannot be read: {exc.strerror}",
            hint="set VIGIA_POLICIES to the folder that holds the policy files",
        ) from exc
    return [f for f in files if f.suffix in {".yaml", ".yml"} and f.name not in NOT_POLICIES and f.is_file()]


def _load(text: str, path: str, sections: Sections, rules: tuple[Rule, ...]) -> tuple[Policy, Document]:
    document = read_document(text, path)
    schema = file_model(sections)
    base, problems = _validated(document, schema)
    problems += document.problems
    if problems or base is None:
        raise PolicyProblemsError(problems)
    digest = hashlib.sha256(text.encode()).hexdigest()
    policy = Policy(
        model=ModelName(base.model),
        kind=base.kind,
        endpoint=base.endpoint.of_model,
        people=People(base.people.owner, base.people.approvers),
        digest=digest,
        path=path,
        sections={key: getattr(base, key) for key in sections if key in base.model_fields_set},
        rules=rules,
        workspace=base.workspace,
        task=base.task,
    )
    if plan_problems := list(_plan_problems(policy, document)):
        raise PolicyProblemsError(plan_problems)
    return policy, document


def _validated(document: Document, schema: type[Base]) -> tuple[Base | None, list[Problem]]:
    if not isinstance(document.value, dict):
        if document.problems:
            return None, []
        return None, [document.problem((), "is not a policy; start it with model: NAME")]
    try:
        # JSON mode, so that strict typing still takes a list for a tuple and nothing else.
        return schema.model_validate_json(json.dumps(document.value), strict=True, extra="forbid"), []
    except ValidationError as exc:
        errors = exc.errors(include_url=False)
        return None, list(problems_of(errors, document, schema))


def _plan_problems(policy: Policy, document: Document) -> Iterator[Problem]:
    for key, path, message in task_problems(policy):
        yield document.problem(_loc(key, path), message)
    for key, section in policy.sections.items():
        find = getattr(section, "problems", None)
        if find is None:
            continue
        for path, message in find(policy):
            yield document.problem(_loc(key, path), message)


def _loc(key: str, path: str) -> Loc:
    # Keys of sections are words, so that a part made of digits is a list's index.
    return (key, *(int(part) if part.isdigit() else part for part in path.split(".") if part))


def _claimed_twice(loaded: list[tuple[Policy, Document]]) -> Iterator[Problem]:
    first: dict[tuple[str, str], Policy] = {}
    for policy, document in loaded:
        other = first.setdefault((policy.workspace, policy.model), policy)
        if other is not policy:
            message = f"{policy.model!r} has a policy already, in {other.path}; keep one file per model"
            yield document.problem(("model",), message)


def _sharing_an_endpoint(loaded: list[tuple[Policy, Document]]) -> Iterator[Problem]:
    """Yield that an endpoint belongs to another policy already: the endpoint's name alone identifies its champion, and
    each model's releases would be refused because of the other's. Azure's names do not differ by their case."""
    first: dict[tuple[str, str], Policy] = {}
    for policy, document in loaded:
        other = first.setdefault((policy.workspace, policy.endpoint.name.lower()), policy)
        if other is not policy and other.model != policy.model:
            message = f"{policy.endpoint.name!r} is the endpoint of {other.model} in {other.path}; name another"
            yield document.problem(("endpoint", "name"), message)


def _elsewhere(loaded: list[tuple[Policy, Document]], folder: Path) -> Iterator[Problem]:
    """Yield that a policy names a workspace that the folder's workspaces.yaml does not list."""
    names = [workspace.name for workspace in load_workspaces(folder)]
    for policy, document in loaded:
        if policy.workspace and policy.workspace not in names:
            remedy = did_you_mean(policy.workspace, names) if names else "leave the key out for the app's own workspace"
            message = f"{policy.workspace!r} is not listed in {WORKSPACES_FILE}; {remedy}"
            yield document.problem(("workspace",), message)
