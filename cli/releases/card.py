"""`vigia releases card`: what is kept of a version for whoever asks later why it was, or was not, released."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.kit import context
from cli.kit.errors import CommandError
from cli.kit.options import Format, IdArgument, OutputOption, SettingsOption
from cli.kit.output import console, print_json, text, waiting


def card(
    id_: IdArgument,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write the card as a page.", show_default=False)
    ] = None,
    output: OutputOption = Format.TABLE,
    settings: SettingsOption = None,
) -> None:
    """Show the card of a release's version: data, gates with bounds, groups, attributions, limits, who approved.

    It is written when the gates are judged, and for the last time when the release ends. MODEL:VERSION is an id, too.

    \b
    Examples:
      vigia releases card flight-delay-3
      vigia releases card flight-delay:3 --html flight-delay-3.html
    """
    with waiting("reading the card"):
        app = context.open_app(settings)
        from cli.releases.records import find_release

        release = find_release(app, id_.replace(":", "-", 1))
        stored = app.releases.card(release.id)
    if stored is None:
        message = f"release {release.id} has no card yet"
        raise CommandError("cli.card", message, f"it is {release.state}; a card is written when its gates are judged")
    if html:
        from shared.texts.version_card.page import render_card

        html.write_text(render_card(stored), encoding="utf-8")
    if output is Format.JSON:
        print_json(stored)
        return
    if html:
        console().print(text(f"wrote {html}"))
        return
    from cli.releases.view import card_tree

    console().print(card_tree(stored))
