"""Puts the app together: settings, policies, adapters, stores, use cases. Everything is built at first use, and once.

Each file builds one room and inherits the rooms that it builds on:

    stores, adapters ◄ policies ◄ notices ◄ releases, monitors ◄ facts ◄ recovery ◄ App
"""

from __future__ import annotations

import os
import threading
from functools import cache

from shared.bootstrap.pages import PageParts
from shared.bootstrap.policies import policy_sections
from shared.bootstrap.recovery import RecoveryParts
from shared.settings import Settings

__all__ = ["App", "get_app", "policy_sections"]


class App(RecoveryParts, PageParts):
    """The parts of the running app. Building one part builds what it needs, and nothing else."""


# Functions run in threads: of two that start together one builds the app, so that both have the same clients and clock.
_BUILDING = threading.Lock()


def get_app() -> App:
    """Return the app of this process; the first of several threads builds it, the others wait.

    Raises:
        SettingsError: names everything that is missing from the configuration.
    """
    with _BUILDING:
        return _app()


@cache
def _app() -> App:
    return App(Settings.read(os.environ))
