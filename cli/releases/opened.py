"""What `releases undo` and `releases retry` end with: the release that was opened, awaited and shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from cli.kit.errors import NOT_DONE
from cli.kit.options import Format
from cli.kit.output import console, print_json, text
from cli.releases.requests import awaited

if TYPE_CHECKING:
    from shared.bootstrap import App
    from shared.domain.releases.release import Release

NOTHING_DONE = "nothing was released"


def await_serving(app: App, opened: Release, timeout: int) -> Release:
    """Return the release as the storage has it, once its version serves, it has ended, or the time is over."""
    return awaited(app, opened, serves, timeout)


def serves(release: Release) -> bool:
    return release.was_promoted and release.ends_as is None


def show_opened(release: Release, output: Format, timeout: int) -> None:
    """Show it.

    Raises:
        typer.Exit: code 2, when somebody waited for the version to serve and it does not.
    """
    done = serves(release)
    if output is Format.JSON:
        about = {"id": release.id, "state": release.state, "reason": release.reason, "cause": release.cause}
        print_json({**about, "done": done})
    else:
        lines = [f"release {release.id} is {release.state}: {release.reason}"]
        if release.cause not in release.reason:
            lines.append(f"opened by {release.cause}")
        console().print(*map(text, lines), sep="\n", soft_wrap=True)
    if timeout and not done:
        raise typer.Exit(NOT_DONE)
