"""Markdown of cards."""

from __future__ import annotations

import pytest

from local.inbox.markdown import to_html, to_plain


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("**bold** and _italic_ and *italic*", "<strong>bold</strong> and <em>italic</em> and <em>italic</em>"),
        ("dep_delay_minutes", "dep_delay_minutes"),
        (r"\*\*not bold\*\* \_x\_", "**not bold** _x_"),
        ("a\n- b", "a<br>• b"),
        ("<at>Ana</at>", '<span class="mention">Ana</span>'),
        ("&lt;at&gt;Ana&lt;/at&gt; &amp; co", "&lt;at&gt;Ana&lt;/at&gt; &amp; co"),
        ("<b>x</b>", "&lt;b&gt;x&lt;/b&gt;"),
        ("[a_b_c](https://x.test/a_b_c)", '<a href="https://x.test/a_b_c" rel="noreferrer" target="_blank">a_b_c</a>'),
        (r"[1\.5](https://x.test)", '<a href="https://x.test" rel="noreferrer" target="_blank">1.5</a>'),
        ("[x](javascript:alert)", "[x](javascript:alert)"),
        ('[x](https://x.test/"onclick="y)', None),
        ("\ue0000\ue001", "0"),
    ],
)
def test_markdown_becomes_safe_html(text: str, html: str | None) -> None:
    if html is None:
        assert '"onclick' not in to_html(text)
    else:
        assert to_html(text) == html


def test_plain_text_of_a_title() -> None:
    assert to_plain(r"**dep\_delay** &lt; 1\. \[x\]") == "dep_delay < 1. [x]"
