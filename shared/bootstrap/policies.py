"""Policies and people, read from the app's files."""

from __future__ import annotations

from functools import cached_property

from shared.bootstrap.adapters import Adapters
from shared.policy.reading.late import LatePeople
from shared.policy.reading.load import PEOPLE_FILE, Sections, load_policies
from shared.policy.reading.people import Directory, load_people_file
from shared.policy.reading.salvage import readable_policies
from shared.policy.sections.model import Policy
from shared.policy.sections.monitoring import Monitor
from shared.reactions.registry import reactions, sections


def policy_sections() -> Sections:
    """Return every section that a policy file may have, by YAML key."""
    return {**sections(), "monitor": Monitor}


class PolicyParts(Adapters):
    @cached_property
    def all_policies(self) -> tuple[Policy, ...]:
        """Return the policies of all workspaces.

        Raises:
            PolicyError: names every mistake of every file.
        """
        return load_policies(self.settings.policies, policy_sections(), tuple(reactions().values()))

    @cached_property
    def policies(self) -> tuple[Policy, ...]:
        """Return the policies of this workspace.

        Raises:
            PolicyError: names every mistake of every file, of whichever workspace.
        """
        return tuple(policy for policy in self.all_policies if policy.workspace == self.settings.workspace_name)

    def readable_policies(self) -> tuple[Policy, ...]:
        """Return what can be read of the policies while a file is broken.

        Of a file that is broken it is not known to which workspace it belongs; whoever owns it is in each.
        """
        readable = readable_policies(self.settings.policies, policy_sections(), tuple(reactions().values()))
        return tuple(p for p in readable if not p.digest or p.workspace == self.settings.workspace_name)

    @cached_property
    def people(self) -> Directory:
        """Return the people; a broken file stops nothing."""
        return Directory(LatePeople(lambda: load_people_file(self.settings.policies / PEOPLE_FILE)))
