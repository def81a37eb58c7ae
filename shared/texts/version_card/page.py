"""Renders a version's card. Every value is escaped: names and reasons are anybody's input."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from shared.domain.releases.card import VersionCard
from shared.texts.monitor_report.page import environment, style, style_hash


def render_card(card: VersionCard, *, nonce: str = "", back: str = "") -> str:
    """Return the whole page.

    Args:
        nonce: of the answer's Content-Security-Policy; without one the page brings a policy of its own.
        back: where the release's question is; "" for a file of its own.
    """
    template = environment(Path(__file__).parent).get_template("card.html.j2")
    page_style = Markup(style())  # noqa: S704 (a file of ours)
    return template.render(card=card, nonce=nonce, back=back, style=page_style, style_hash=style_hash())
