"""`vigia releases get -w`: one release, shown again whenever it changes, until it has ended."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cli.kit.options import Format
from cli.kit.output import console, print_json
from cli.releases.records import approval_of
from cli.releases.view import release_tree

if TYPE_CHECKING:
    from shared.bootstrap import App
    from shared.domain.releases.release import Release

POLL_SECONDS = 2.0


def watch_release(app: App, release: Release, output: Format) -> None:
    """Show the release until it has ended: in place on a terminal; as JSON, an object per change."""
    if output is Format.JSON:
        for current in _changes(app, release):
            print_json({"release": current})
        return
    from rich.live import Live

    with Live(console=console(), auto_refresh=False) as live:
        for current in _looks(app, release):
            request = app.releases.request(current.id)
            live.update(release_tree(current, request, approval_of(app, current), app.clock.now()), refresh=True)


def _changes(app: App, release: Release) -> Iterator[Release]:
    previous = None
    for look in _looks(app, release):
        place = (look.state, look.step_index, look.phase, look.held_because, look.reason)
        if place != previous:
            yield look
        previous = place


def _looks(app: App, release: Release) -> Iterator[Release]:
    while True:
        yield release
        if release.state.is_terminal:
            return
        time.sleep(POLL_SECONDS)
        stored = app.releases.load(release.id)
        release = stored.release if stored else release
