"""How a command gets at the app: the settings' file or the environment, and the one seam that tests replace."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.kit.errors import SOURCE, CommandError
from shared.errors import SettingsError

if TYPE_CHECKING:
    from shared.bootstrap import App
    from shared.policy.sections.model import Policy

DEFAULT_FILE = Path("local.settings.json")
POLICIES = "VIGIA_POLICIES"
# The name of the workspace that commands are about; "" is the app's own.
WORKSPACE: ContextVar[str] = ContextVar("workspace", default="")


def open_app(settings_file: Path | None, workspace: str | None = None) -> App:
    """Return the app over the settings of the file, of ./local.settings.json, or of the environment: that of the
    workspace, or else of the one that --workspace names.

    Raises:
        SettingsError: the file cannot be read, or something is missing or wrong in it.
        PermanentError: the app serves no such workspace.
    """
    from shared.bootstrap import App, Workspaces
    from shared.settings import Settings

    values, origin = find_values(settings_file, os.environ)
    try:
        settings = Settings.read(values)
    except SettingsError as exc:
        raise SettingsError(exc.code, f"{origin}: {exc.message}", _hint(exc.hint, settings_file)) from exc
    SOURCE.set(f"{origin}, storage {storage_place(settings.storage or settings.storage_blob_uri)}")
    return Workspaces(App(settings)).app(WORKSPACE.get() if workspace is None else workspace)


def further_workspaces(app: App) -> list[str]:
    """Return the names of the workspaces that the app serves besides its own."""
    from shared.policy.reading.workspaces import load_workspaces

    return [workspace.name for workspace in load_workspaces(app.settings.policies)]


def signed_in(settings_file: Path | None) -> str | None:
    """Return who is signed in to Azure; None on loopback, where nobody is.

    Raises:
        CommandError: nobody is signed in, or the token does not say who.
    """
    settings = open_app(settings_file).settings
    if settings.uses_loopback_credential:
        return None
    from azure.core.exceptions import AzureError

    from shared.adapters.credentials import signed_in_as

    try:
        return signed_in_as(settings)
    except (AzureError, ValueError) as exc:
        raise CommandError("cli.not_signed_in", f"Azure does not say who you are: {exc}", "sign in: az login") from exc


def storage_place(storage: str) -> str:
    """Return which storage a connection string or URI means, without its key."""
    parts = dict(part.split("=", 1) for part in storage.split(";") if "=" in part)
    if parts:
        return parts.get("BlobEndpoint") or parts.get("AccountName") or "on this machine"
    return storage


def find_values(settings_file: Path | None, environment: Mapping[str, str]) -> tuple[Mapping[str, str], str]:
    """Return the settings' values, and where they are from, for messages."""
    if settings_file is None and not DEFAULT_FILE.is_file():
        return environment, "the environment"
    file = settings_file or DEFAULT_FILE
    return read_values(file), str(file)


def read_values(file: Path) -> dict[str, str]:
    """Return the values of a file in the shape of local.settings.json; its policies folder is relative to it.

    Raises:
        SettingsError: it cannot be read, or is not such a file.
    """
    values = _document(file).get("Values")
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        raise _unusable(file, 'has no object "Values" of texts', 'write {"Values": {"NAME": "value", …}}')
    if folder := values.get(POLICIES):
        return {**values, POLICIES: str(file.parent / folder)}
    return dict(values)


def _document(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as exc:
        raise _unusable(file, f"cannot be read: {exc.strerror}", "give an existing file to --settings") from exc
    except ValueError as exc:
        raise _unusable(file, f"is not JSON: {exc}", "local.settings.sample.json shows its shape") from exc
    if not isinstance(document, dict):
        raise _unusable(file, "is not a JSON object", "local.settings.sample.json shows its shape")
    if document.get("IsEncrypted"):
        raise _unusable(file, "is encrypted", 'decrypt it with "func settings decrypt"')
    return document


def _unusable(file: Path, what: str, hint: str) -> SettingsError:
    return SettingsError("settings.unusable", f"settings file {file} {what}", hint)


def _hint(hint: str, settings_file: Path | None) -> str:
    return hint if settings_file else f"{hint}; give a settings file with --settings FILE"


def require_policy(app: App, model: str) -> Policy:
    """Return the policy of a model.

    Raises:
        CommandError: no policy names it.
    """
    from shared.policy.reading.problems import did_you_mean

    policy = next((policy for policy in app.policies if policy.model == model), None)
    if policy is None:
        elsewhere = [policy.workspace for policy in app.all_policies if policy.model == model]
        if elsewhere:
            option = f"--workspace {elsewhere[0]}" if elsewhere[0] else "no --workspace"
            raise CommandError("cli.model", f"model {model!r} is of another workspace", f"say it with {option}")
        models = [policy.model for policy in app.policies]
        hint = did_you_mean(model, models) if models else f"there is no policy at all in {app.settings.policies}"
        raise CommandError("cli.model", f"no policy names a model {model!r}", hint)
    return policy
