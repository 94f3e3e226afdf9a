"""Texts in Markdown, as pages show them."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headrace.server.ui.markdown import markdown

_TAGS = frozenset(
    {"p", "h3", "h4", "h5", "h6", "em", "strong", "s", "a", "code", "pre", "ul", "ol", "li", "blockquote"}
    | {"table", "thead", "tbody", "tr", "th", "td", "div", "hr", "br"}
)
_EMPTY = frozenset({"hr", "br"})
_ATTRIBUTES = frozenset({"href", "rel", "class", "start", "tabindex", "role", "aria-label"})
# fmt: off
_PIECES = st.sampled_from([
    "<", ">", "</p>", "<script>", "<img src=x onerror=y>", "![", "[", "](", ")", "javascript:", "https://a.b/", "'",
    '"', "`", "```", "\n", "\n\n", "# ", "- ", "1. ", "> ", "|", "|-|", "|:-:|", "*", "_", "~~", "&lt;", "&#60;", "\\",
    "a", " ", "data:text/html,x", "[x]: javascript:y", "<https://a.b>", "onclick=", "style=", "[x]",
])
# fmt: on


class Read(HTMLParser):
    """What tags and attributes some HTML has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in _EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag in _EMPTY or self.open.pop() == tag


@given(st.lists(_PIECES, max_size=30).map("".join) | st.text())
@example("[![a](https://b.c/d.png)](https://e.f)")
@example("3. a\n\n   ---\n")
def test_no_tag_and_no_address_but_those_of_documents_comes_through(text: str) -> None:
    """Whatever is written, and each tag is closed where it ought to be."""
    read = Read(markdown(text))
    assert read.open == []
    assert read.tags <= _TAGS
    for name, value in read.attributes:
        assert name in _ATTRIBUTES
        assert name != "href" or re.match("(https?://|mailto:)", value or "", re.IGNORECASE)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("# One", "<h3>One</h3>"),
        ("###### Six", "<h6>Six</h6>"),
        ("<b>bold</b>", "<p>&lt;b&gt;bold&lt;/b&gt;</p>"),
        ("[run](/runs/delete)", "<p>[run](/runs/delete)</p>"),
        ("![a plot](https://a.b/c.png)", '<p><a href="https://a.b/c.png" rel="noopener noreferrer">a plot</a></p>'),
        (
            "![](https://a.b/c.png)",
            '<p><a href="https://a.b/c.png" rel="noopener noreferrer">https://a.b/c.png</a></p>',
        ),
        ("[![a](https://b.c/d)](https://e.f)", '<p><a href="https://e.f" rel="noopener noreferrer">a</a></p>'),
        ("~~no~~ **yes**", "<p><s>no</s> <strong>yes</strong></p>"),
        ("", ""),
    ],
)
def test_what_is_written_is_shown_as_this(text: str, shown: Any) -> None:
    """Headings below those of the page, images as links, and HTML as text."""
    assert markdown(text).strip() == shown
