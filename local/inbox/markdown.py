"""The Markdown subset of Adaptive Cards, as safe HTML."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

_LINK = re.compile(r"\[([^\]]+)\]\((https?://[^\s)]+)\)")
_BOLD = re.compile(r"\*\*(.+?)\*\*")
_ITALIC = re.compile(r"(?<![\w*])[*_](?!\s)(.+?)(?<!\s)[*_](?![\w*])")
_MENTION = re.compile(r"&lt;at&gt;(.+?)&lt;/at&gt;")
_BULLET = re.compile(r"^[-*] +", re.MULTILINE)


def to_html(text: str) -> Markup:
    """Return bold, italic, links (http and https only), bullets, line breaks and mentions as HTML; the rest escaped."""
    html = str(escape(text))  # first, so that no markup of the sender survives
    links: list[str] = []

    def keep(match: re.Match[str]) -> str:
        # Set aside: an underscore in an address is not emphasis.
        links.append(f'<a href="{match[2]}" rel="noreferrer" target="_blank">{match[1]}</a>')
        return f"\x00{len(links) - 1}\x00"

    html = _LINK.sub(keep, html.replace("\x00", ""))
    html = _BULLET.sub("• ", html)
    html = _BOLD.sub(r"<strong>\1</strong>", html)
    html = _ITALIC.sub(r"<em>\1</em>", html)
    html = _MENTION.sub(r'<span class="mention">\1</span>', html)
    html = re.sub("\x00(\\d+)\x00", lambda match: links[int(match[1])], html)
    return Markup(html.replace("\n", "<br>"))  # built from escaped text only
