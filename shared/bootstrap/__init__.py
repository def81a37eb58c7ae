"""Puts the app together: settings, policies, adapters, stores, use cases. Everything is built at first use, and once.

Each file builds one room and inherits the rooms that it builds on:

    stores, adapters ◄ policies ◄ notices ◄ releases, monitors ◄ facts ◄ recovery ◄ App ◄ Workspaces

An `App` is of one workspace; `get_workspaces` has those of all, and `get_app` the one that the settings name.
"""

from __future__ import annotations

import os
import threading
from functools import cache

from shared.bootstrap.policies import policy_sections
from shared.bootstrap.workspaces import App, Workspaces
from shared.settings import Settings

__all__ = ["App", "Workspaces", "get_app", "get_workspaces", "policy_sections"]

# Functions run in threads: of two that start together one builds the app, so that both have the same clients and clock.
_BUILDING = threading.Lock()


def get_app() -> App:
    """Return the app of the workspace that the settings name; the first of several threads builds it, others wait.

    Raises:
        SettingsError: names everything that is missing from the configuration.
    """
    with _BUILDING:
        return _app()


def get_workspaces() -> Workspaces:
    """Return the apps of all workspaces.

    Raises:
        SettingsError: names everything that is missing from the configuration.
    """
    app = get_app()
    with _BUILDING:
        return _workspaces(app)


@cache
def _app() -> App:
    return App(Settings.read(os.environ))


@cache
def _workspaces(app: App) -> Workspaces:
    return Workspaces(app)
