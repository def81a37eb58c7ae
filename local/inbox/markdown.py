"""The Markdown subset of Adaptive Cards, as safe HTML or as plain text."""

from __future__ import annotations

import html
import re

from markupsafe import Markup, escape

_LITERAL = re.compile(r"\\([!-/:-@\[-`{-~])|&(?:[a-z]+|#\d+);")
_LINK = re.compile(r"\[([^\]]+)\]\((https?://[^\s)]+)\)")
_BOLD = re.compile(r"\*\*(.+?)\*\*")
_ITALIC = re.compile(r"(?<![\w*])[*_](?!\s)(.+?)(?<!\s)[*_](?![\w*])")
_MENTION = re.compile(r"&lt;at&gt;(.+?)&lt;/at&gt;")
_BULLET = re.compile(r"^[-*] +", re.MULTILINE)
_PLACEHOLDER = re.compile("\ue000(\\d+)\ue001")  # private-use characters, which no text needs


class _Keeper:
    """Sets pieces of HTML aside, so that no later rule reads them as markup."""

    def __init__(self) -> None:
        self._pieces: list[str] = []

    def keep(self, piece: str) -> str:
        self._pieces.append(piece)
        return f"\ue000{len(self._pieces) - 1}\ue001"

    def put_back(self, text: str) -> str:
        while _PLACEHOLDER.search(text):  # a link's label may hold placeholders
            text = _PLACEHOLDER.sub(lambda match: self._pieces[int(match[1])], text)
        return text


def to_html(text: str) -> Markup:
    """Return bold, italic, links (http and https only), bullets, line breaks and mentions as HTML; the rest escaped."""
    keeper = _Keeper()
    text = text.replace("\ue000", "").replace("\ue001", "")
    text = _LITERAL.sub(lambda match: keeper.keep(str(escape(_character(match)))), text)
    text = str(escape(text))  # before any rule makes markup, so that none of the sender's survives
    text = _LINK.sub(lambda match: keeper.keep(_link(match)), text)
    text = _BULLET.sub("• ", text)
    text = _BOLD.sub(r"<strong>\1</strong>", text)
    text = _ITALIC.sub(r"<em>\1</em>", text)
    text = _MENTION.sub(r'<span class="mention">\1</span>', text)
    return Markup(keeper.put_back(text.replace("\n", "<br>")))


def to_plain(text: str) -> str:
    """Return the text without escapes, entities and emphasis, for a title."""
    return _LITERAL.sub(_character, _BOLD.sub(r"\1", text))


def _character(match: re.Match[str]) -> str:
    """Return what an escape (`\\*`) or an entity (`&lt;`) stands for."""
    return match[1] or html.unescape(match[0])


def _link(match: re.Match[str]) -> str:
    return f'<a href="{match[2]}" rel="noreferrer" target="_blank">{match[1]}</a>'
