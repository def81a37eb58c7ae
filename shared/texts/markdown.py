"""Plain text into the Markdown subset of Adaptive Cards, so that it shows as it is."""

from __future__ import annotations

import re

_SPECIAL = re.compile(r"([\\`*_\[\]#~|])")
# A line that begins like a list or a number would become one.
_LEADING = re.compile(r"^(\s*)([-+]|\d+\.)(?=\s)")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def escaped(text: str) -> str:
    r"""Return the text with everything that Markdown, HTML or a mention would interpret escaped.

    Mentions are `<at>…</at>` in the text, so angle brackets become entities. "1. x" becomes "1\. x".
    Source: adaptivecards.io/explorer/TextBlock.html and CommonMark 0.31, section 2.4, read 2026-11-20.
    """
    text = _SPECIAL.sub(r"\\\1", text.translate(_ENTITIES))
    return _LEADING.sub(lambda m: f"{m[1]}{m[2][:-1]}\\{m[2][-1]}", text)
