"""Reads the policy in a file that a command is given."""

from __future__ import annotations

from pathlib import Path

from cli.kit.errors import CommandError
from shared.bootstrap import policy_sections
from shared.policy.reading.document import read_text
from shared.policy.reading.load import load_policy
from shared.policy.sections.model import Policy
from shared.reactions.registry import reactions


def read_policy(file: Path) -> Policy:
    """Return the policy in a file.

    Raises:
        CommandError: there is no such file.
        PolicyProblemsError: something in it is wrong.
    """
    if not file.is_file():
        raise CommandError("cli.no_file", f"there is no file {file}", "give a policy file")
    return policy_of(read_text(file), str(file))


def policy_of(content: str, path: str) -> Policy:
    """Return the policy in a text, whose problems name the path."""
    return load_policy(content, path, policy_sections(), tuple(reactions().values()))
