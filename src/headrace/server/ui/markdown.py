"""Texts in Markdown, as they are shown: documents whose HTML, images and addresses of other kinds are text.

Whoever runs a flow may write anything into an artifact. What comes out of here has no tag that a text brought along,
asks no other machine for anything, and leads nowhere but to the web and to mail.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup, escape

#: What links may lead to.
_ADDRESS = re.compile(r"(https?://|mailto:)", re.IGNORECASE)
#: A page has a heading of its own, and an artifact has one in it.
_HEADINGS_ABOVE = 2
#: How many documents are kept: a page that changes by itself shows the same ones again.
_KEPT = 200


@lru_cache(maxsize=_KEPT)
def markdown(text: str) -> Markup:
    """Return a text in CommonMark, with tables and strikethrough, as HTML."""
    return Markup(_parser().render(text))


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}, renderer_cls=_Renderer).enable(["table", "strikethrough"])
    parser.validateLink = _is_allowed  # type: ignore[method-assign, assignment]  # this is how the library is told
    return parser


def _is_allowed(address: str) -> bool:
    return _ADDRESS.match(address) is not None


class _Renderer(RendererHTML):
    """Writes tokens as HTML that fits into a page."""

    def image(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        """Write a link in the place of an image, which would be fetched from elsewhere; in a link its text alone."""
        token = tokens[idx]
        text = self.renderInlineAsText(token.children or [], options, env) or str(token.attrs["src"])
        nested = sum(before.nesting for before in tokens[:idx] if before.type in ("link_open", "link_close"))
        if nested:
            return str(escape(text))
        return Markup('<a href="{}" rel="noopener noreferrer">{}</a>').format(token.attrs["src"], text)

    def link_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        """Write the beginning of a link, which tells nobody where it was followed."""
        tokens[idx].attrSet("rel", "noopener noreferrer")
        return self.renderToken(tokens, idx, options, env)

    def heading_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        """Write the beginning or the end of a heading, below those of the page."""
        level = min(int(tokens[idx].tag.removeprefix("h")) + _HEADINGS_ABOVE, 6)
        return f"</h{level}>\n" if tokens[idx].nesting < 0 else f"<h{level}>"

    heading_close = heading_open

    def th_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        """Write the beginning of a cell. Pages allow no styles but their own, so that its column says how it is set."""
        style = str(tokens[idx].attrs.pop("style", ""))
        if style:
            tokens[idx].attrSet("class", style.removeprefix("text-align:"))
        return self.renderToken(tokens, idx, options, env)

    td_open = th_open

    def table_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        """Write the beginning of a table, which moves to and fro where it is wider than the page."""
        return '<div class="wide" tabindex="0" role="region" aria-label="Table">\n<table>\n'

    def table_close(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        """Write the end of a table."""
        return "</table>\n</div>\n"
