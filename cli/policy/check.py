"""Checks policy files and folders, and gathers every problem of all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cli.kit.errors import CommandError
from cli.kit.policy_files import read_policy
from cli.policy.warnings import warnings
from cli.policy.words import summary
from shared.bootstrap import policy_sections
from shared.policy.reading.document import read_text
from shared.policy.reading.load import NOT_POLICIES, PEOPLE_FILE, clashes, load_policies, policy_files
from shared.policy.reading.people import Directory, load_people, load_people_file
from shared.policy.reading.problems import PolicyProblemsError, Problem
from shared.policy.reading.workspaces import WORKSPACES_FILE, load_workspaces
from shared.policy.sections.model import Policy
from shared.reactions.registry import reactions


@dataclass(frozen=True, slots=True)
class Described:
    """A file that is right, with a sentence per section of it, and what its author may not have meant."""

    file: str
    model: str | None
    summary: Mapping[str, str]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Checked:
    policies: tuple[Described, ...]
    problems: tuple[Problem, ...]


def check(paths: Sequence[Path]) -> Checked:
    """Return what the files will do, and every problem in them, in the order of files and lines.

    Raises:
        CommandError: a path does not exist, or a folder has nothing to check.
    """
    described: list[Described] = []
    problems: list[Problem] = []
    for path in paths:
        try:
            described += _folder(path) if path.is_dir() else [_file(path)]
        except PolicyProblemsError as exc:
            problems += exc.problems
    problems += clashes(dict.fromkeys(_policies_of(paths)), policy_sections(), tuple(reactions().values()))
    return Checked(tuple(described), tuple(dict.fromkeys(problems)))


def _policies_of(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        yield from policy_files(path) if path.is_dir() else [path] if path.name not in NOT_POLICIES else []


def _folder(folder: Path) -> Iterator[Described]:
    """Describe a folder's files; one bad file does not hide the problems of another.

    Raises:
        CommandError: no file of the folder is a policy.
        PolicyProblemsError: what is wrong in any of the files.
    """
    problems: list[Problem] = []
    described: list[Described] = []
    try:
        policies = load_policies(folder, policy_sections(), tuple(reactions().values()))
        described += [_described(policy) for policy in policies]
        problems += [problem for policy in policies for problem in _undecided(policy)]
    except PolicyProblemsError as exc:
        problems += exc.problems
    for file in (folder / PEOPLE_FILE, folder / WORKSPACES_FILE):
        try:
            described += [_file(file)] if file.exists() else []
        except PolicyProblemsError as exc:
            problems += exc.problems
    if problems:
        raise PolicyProblemsError(list(dict.fromkeys(problems)))
    if not described:
        raise CommandError("cli.no_policies", f"{folder} holds no policy", "write one ending in .yaml into it")
    return iter(described)


def _file(file: Path) -> Described:
    if not file.exists():
        raise CommandError("cli.no_file", f"there is no file {file}", "give a policy file, or a folder of them")
    if file.name == PEOPLE_FILE:
        return _people(file, load_people(read_text(file), str(file)))
    if file.name == WORKSPACES_FILE:
        names = [f"{place.name} ({place.workspace_id})" for place in load_workspaces(file.parent)]
        return Described(str(file), None, {"workspaces": ", ".join(names)})
    policy = read_policy(file)
    if problems := _undecided(policy):
        raise PolicyProblemsError(problems)
    return _described(policy)


def _undecided(policy: Policy) -> list[Problem]:
    """Return that the plan cannot decide with its traffic; whoever loads a policy checks its first stage only."""
    from cli.simulate.study import undecided

    reason = undecided(policy)
    if not reason:
        return []
    lines = read_text(Path(policy.path)).splitlines()
    line = next((number for number, text in enumerate(lines, 1) if "expected_traffic" in text), 1)
    message = f"{reason}; vigia simulate {policy.path} says what would let it"
    return [Problem(policy.path, line, "rollout.expected_traffic", message)]


def _described(policy: Policy) -> Described:
    return Described(policy.path, policy.model, summary(policy), tuple(warnings(policy, _people_beside(policy))))


def _people_beside(policy: Policy) -> Directory | None:
    try:
        return load_people_file(Path(policy.path).parent / PEOPLE_FILE)
    except PolicyProblemsError:
        return None  # said of that file


def _people(file: Path, people: Directory) -> Described:
    names = ", ".join(f"{person.name} ({person.locale}, {person.time_zone})" for person in people.people.values())
    return Described(str(file), None, {"people": names or "nobody is listed; everybody is written to in English, UTC"})
