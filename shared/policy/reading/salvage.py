"""What can still be read of policies while a file is invalid: enough to notify the people who can fix it, no more."""

from __future__ import annotations

import re
from pathlib import Path

from shared.domain.ids import EndpointName, ModelName
from shared.errors import PolicyError
from shared.policy.reading.document import read_text
from shared.policy.reading.load import Sections, load_policy, policy_files
from shared.policy.sections.model import Endpoint, People, Policy, Rule
from shared.policy.sections.quantities import parse_email

_MODEL = re.compile(r"^model:\s*[\"']?([A-Za-z0-9][\w.-]*)", re.MULTILINE)
_OWNER = re.compile(r"\bowner:\s*[\"']?([^\s\"',{}#]+@[^\s\"',{}#]+)")


def readable_policies(folder: Path, sections: Sections, rules: tuple[Rule, ...]) -> tuple[Policy, ...]:
    """Return the policies of the valid files, and of each other one a policy with only its model and its owner, as far
    as the text shows them. Nothing may be decided by these."""
    try:
        files = policy_files(folder)
    except PolicyError:
        return ()
    policies = (_readable(file, sections, rules) for file in files)
    return tuple(policy for policy in policies if policy)


def _readable(file: Path, sections: Sections, rules: tuple[Rule, ...]) -> Policy | None:
    try:
        text = read_text(file)
    except PolicyError:
        return None
    try:
        return load_policy(text, str(file), sections, rules)
    except PolicyError:
        return _remains(text, str(file))


def _remains(text: str, path: str) -> Policy | None:
    owner, model = _OWNER.search(text), _MODEL.search(text)
    if owner is None:
        return None
    try:
        people = People(parse_email(owner[1]), ())
    except ValueError:
        return None
    name = model[1] if model else ""
    return Policy(ModelName(name), "tabular", Endpoint(EndpointName(""), "online"), people, "", path)
